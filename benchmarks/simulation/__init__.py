"""Discrete-event simulations that the analytic formulas are held against."""
