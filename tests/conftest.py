"""Fixtures of the whole suite."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One local Ray for all tests that need one: starting it takes about ten seconds."""
    import ray

    # not the cluster that may run on this machine: it has other cores, and jobs of its own
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()
