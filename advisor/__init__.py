"""Advisor for the cost of production machine learning."""

__version__ = "0.1.0"
