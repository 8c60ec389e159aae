"""What the user has: a typed portfolio, read from YAML, CSV or XLSX."""

from .demand import hourly_rps, requests_per_month
from .model import HOURS_PER_MONTH, LEVERS, Lever, Organisation, Portfolio, TrainingJob, Workload

__all__ = [
    "HOURS_PER_MONTH",
    "LEVERS",
    "Lever",
    "Organisation",
    "Portfolio",
    "TrainingJob",
    "Workload",
    "hourly_rps",
    "requests_per_month",
]
