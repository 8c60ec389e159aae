"""What the user has: a typed portfolio, read from YAML, CSV or XLSX."""

from .check import check
from .demand import hourly_rps, requests_per_month
from .load import load_portfolio, parse, sample_path
from .model import (
    HOURS_PER_DAY,
    HOURS_PER_MONTH,
    HOURS_PER_WEEK,
    LEVERS,
    Commitment,
    Lever,
    Measured,
    Organisation,
    Portfolio,
    Quota,
    TrainingJob,
    Workload,
)
from .schema import portfolio_schema, write

__all__ = [
    "HOURS_PER_DAY",
    "HOURS_PER_MONTH",
    "HOURS_PER_WEEK",
    "LEVERS",
    "Commitment",
    "Lever",
    "Measured",
    "Organisation",
    "Portfolio",
    "Quota",
    "TrainingJob",
    "Workload",
    "check",
    "hourly_rps",
    "load_portfolio",
    "parse",
    "portfolio_schema",
    "requests_per_month",
    "sample_path",
    "write",
]
