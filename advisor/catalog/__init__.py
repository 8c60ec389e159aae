"""Facts, as tables people can edit: load, validate, overlay, look up."""

from .catalog import Catalog, default_path
from .rows import ROW_TYPES

__all__ = ["ROW_TYPES", "Catalog", "default_path"]
