"""The interactive app: the only package that imports ipywidgets."""
