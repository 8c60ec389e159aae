"""All charts by name: functions without arguments that return a Vega-Lite chart.

A chart's data is the named table ``t``; its columns are listed in the function's docstring. Adding
a chart is adding a function to one of these modules with ``@chart("name")``.
"""

from __future__ import annotations

from . import accuracy, bars, certainty, curves, money, spread
from .base import CHARTS, FIELDS

__all__ = ["CHARTS", "FIELDS", "accuracy", "bars", "certainty", "curves", "money", "spread"]
