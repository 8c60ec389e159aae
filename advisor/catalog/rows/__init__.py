"""Row types: one definition of fields, units, ranges and docs for each catalog table.

A table is found by its row type's `table` name; adding a table is adding a class here and a CSV
file of that name under ``catalogs/``.
"""

from . import hardware, measurements, models, planning, serving
from .base import Evidence, Row, Standing

ROW_TYPES: dict[str, type[Row]] = {
    row.table: row
    for module in (hardware, models, serving, planning, measurements)
    for row in vars(module).values()
    if isinstance(row, type) and issubclass(row, Row) and row is not Row
}

__all__ = ["ROW_TYPES", "Evidence", "Row", "Standing"]
