"""Imports every module with checks, so that they stand in the table."""

from . import identities, relations, views, ways  # noqa: F401
