"""Fixtures of the whole suite."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

# on a busy machine, or when a kernel is compiled, an example takes as long as it takes
settings.register_profile("dspipe", deadline=None)
settings.load_profile("dspipe")


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One local Ray for all tests that need one: starting it takes about ten seconds."""
    import ray

    # not the cluster that may run on this machine: it has other cores, and jobs of its own
    # a GPU is a number that Ray counts; whether there is one isn't asked
    ray.init(
        address="local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False, logging_level="error"
    )
    yield
    ray.shutdown()
