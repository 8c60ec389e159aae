"""Widgets and safe HTML from which the panels are built.

Each widget is one Python file and one script under ``static/``; ``static/app.css``
holds all of their looks. Import from the modules: this package imports nothing, so
that a kernel starts fast.
"""
