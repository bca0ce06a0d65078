"""Imports every module with checks, so that they stand in the table."""

from . import ways, relations  # noqa: F401
