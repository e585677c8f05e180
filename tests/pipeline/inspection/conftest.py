"""A small run to look at."""

from tests.pipeline.report.conftest import toy

__all__ = ["toy"]
