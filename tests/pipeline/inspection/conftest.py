"""A small run to look at, and an S3 server."""

from tests.pipeline.conftest import proxy, s3_server
from tests.pipeline.report.conftest import toy

__all__ = ["proxy", "s3_server", "toy"]
