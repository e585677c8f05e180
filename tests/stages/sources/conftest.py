"""The servers on this machine that tests of storage use."""

from tests.pipeline.conftest import s3, s3_server, web

__all__ = ["s3", "s3_server", "web"]
