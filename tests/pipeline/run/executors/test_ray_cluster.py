"""A Ray cluster as the driver sees it: addresses where none answers, and a head that is lost."""

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from dspipe.pipeline.errors import ConfigError, RunFailedError
from dspipe.pipeline.run.executors import ray_cluster
from dspipe.pipeline.run.executors.ray_cluster import Cluster, Resources, check_answers, tasks_at_a_time


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_an_address_where_nothing_answers_ends_in_a_sentence(
    silent: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match=r"no Ray cluster answers at 127.0.0.1:1: Connection refused"):
        check_answers("127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"no Ray cluster answers at no-such-host.invalid:6379: "):
        check_answers("no-such-host.invalid:6379")
    with pytest.raises(ConfigError, match=r"ray://.* can't carry a run; start the driver on a node"):
        check_answers("ray://127.0.0.1:10001")
    monkeypatch.setattr(ray_cluster, "_ANSWERS_S", 0.5)
    with pytest.raises(ConfigError, match=f"at {silent}: nothing that speaks Ray has answered for 0.5 s"):
        check_answers(silent)
    assert capfd.readouterr() == ("", "")


class Nodes:
    """The part of Ray that tells of nodes."""

    def __init__(self, address: str, *nodes: dict[str, Any]) -> None:
        self.found, self._address = list(nodes), address

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": node} for node in self.found]

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(gcs_address=self._address)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(ray_cluster, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_resources_follow_nodes_that_come_and_go(silent: str, clock: list[float]) -> None:
    ray = Nodes(silent, {"memory": 9e9})  # a head without cores
    cluster = Cluster(ray)
    assert cluster.resources() == Resources(0, None)
    ray.found += [{"CPU": 4.0, "memory": 8e9}, {"CPU": 8.0, "memory": 8e9}]
    assert cluster.resources() == Resources(0, None)  # of a moment ago
    clock[0] += 3
    assert cluster.resources() == Resources(12, 1_000_000_000)
    ray.found.pop()
    clock[0] += 3
    assert cluster.resources() == Resources(4, 2_000_000_000)


def test_a_head_that_is_away_for_long_ends_the_run(clock: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        cluster = Cluster(Nodes(address, {"CPU": 2.0}))
    for _ in range(9):
        clock[0] += 2
        assert cluster.resources() == Resources(2, None)
    assert not cluster.lost
    clock[0] += 3
    with pytest.raises(RunFailedError, match=f"the Ray cluster's head at {address} doesn't answer any more"):
        cluster.resources()
    assert cluster.lost


def test_a_head_that_goes_while_it_is_asked_ends_the_run(
    silent: str, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_cluster, "_NODES_S", 0.1)
    ray = Nodes(silent, {"CPU": 2.0})
    cluster = Cluster(ray)
    gone = threading.Event()
    monkeypatch.setattr(ray, "nodes", gone.wait)
    clock[0] += 3
    assert cluster.resources() == Resources(2, None)
    clock[0] += 20
    with pytest.raises(RunFailedError, match=f"the Ray cluster's head at {silent} doesn't answer any more"):
        cluster.resources()
    gone.set()


def test_there_are_tasks_ahead_of_the_cores_so_that_an_autoscaler_sees_them() -> None:
    assert [tasks_at_a_time(cores, None) for cores in (0, 2, 1000)] == [16, 20, 2016]
    assert [tasks_at_a_time(cores, 8) for cores in (0, 2, 1000)] == [8, 8, 8]
