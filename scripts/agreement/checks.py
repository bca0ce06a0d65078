"""Imports every module with checks, so that they stand in the table."""

from . import (  # noqa: F401
    curves, ended, experiments, files, fuzz, gate, identities, relations, selections, twin_checks, twin_views, views, ways,
)
