"""Imports: files of rows, read in batches, judged row by row, written exactly once."""

from services.importing.refusal import ImportRefused
from services.importing.run import Order, Report, run

__all__ = ["ImportRefused", "Order", "Report", "run"]
