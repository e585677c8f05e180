"""Storage is waited for: faults of every kind end in the same bytes, and what can't pass fails at once."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import RunFailedError, StorageError
from dspipe.pipeline.storage import objects, patience
from dspipe.pipeline.storage.failures import UnavailableError
from dspipe.pipeline.storage.filesystem import open_filesystem
from dspipe.pipeline.storage.patience import Patience, Waiting, patient
from dspipe.pipeline.storage.store import Store
from tests.chaos.faulty_proxy import FaultyProxy
from tests.engine import planned, run_inline
from tests.pipeline.run.test_run import config, corpus
from tests.pipeline.storage.test_failures import client_error, named


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(patience, "time", clock)
    patience.forget_answers()
    return clock


def failing(*errors: Exception, then: str = "done") -> Callable[[], str]:
    """A request that fails with these errors, one after the other, and then answers."""
    left = list(errors)

    def request() -> str:
        if left:
            raise left.pop(0)
        return then

    return request


def always(error: Exception) -> Callable[[], str]:
    """A request that never answers."""

    def request() -> str:
        raise error

    return request


def waiting(**settings: Any) -> Waiting:
    return Waiting(Patience(1800, **settings), "s3://bucket", "read s3://bucket/x")


def test_pauses_double_up_to_a_minute_and_are_drawn(clock: Clock) -> None:
    errors = [ConnectionResetError(104, "reset")] * 12
    assert waiting(answered=True).call(failing(*errors)) == "done"
    for number, pause in enumerate(clock.slept):
        longest = min(60, 0.5 * 2**number)
        assert longest / 2 <= pause <= longest
    assert len({pause / min(60, 0.5 * 2**number) for number, pause in enumerate(clock.slept)}) == 12


def test_patience_has_an_end(clock: Clock) -> None:
    with pytest.raises(
        UnavailableError,
        match=r"cannot read s3://bucket/x, in 30m00s of trying: no answer \(.*refused.*the same command",
    ):
        waiting(answered=True).call(always(ConnectionRefusedError(111, "refused")))
    assert clock.now == pytest.approx(1000 + 1800)


def test_a_server_decides_how_long(clock: Clock) -> None:
    waiting(answered=True).call(failing(client_error(503, "SlowDown", **{"retry-after": "40"})))
    assert 40 <= clock.slept[0] <= 40.5


def test_a_place_that_never_answered_is_soon_given_up(clock: Clock) -> None:
    with pytest.raises(UnavailableError, match=r"in 20s of trying: no answer"):
        waiting().call(always(ConnectionRefusedError(111, "refused")))
    for error in (client_error(403, "AccessDenied"), named("NoCredentialsError", "botocore.exceptions")):
        before = clock.now
        with pytest.raises(UnavailableError, match=r"access denied|no credentials were found"):
            waiting().call(always(error))
        assert clock.now == before
    assert waiting().call(failing()) == "done"
    assert waiting().call(failing(client_error(403, "AccessDenied"))) == "done"
    with pytest.raises(UnavailableError, match="access denied"):  # to read is not to write
        Waiting(Patience(1800), "s3://bucket", "write s3://bucket/x").call(always(client_error(403, "AccessDenied")))


def test_a_worker_without_credentials_says_so_at_once(clock: Clock) -> None:
    missing = named("NoCredentialsError", "botocore.exceptions")
    with pytest.raises(UnavailableError, match="no credentials were found"):
        waiting(answered=True).call(always(missing))
    assert clock.slept == []
    waiting(answered=True).call(failing())
    assert waiting(answered=True).call(failing(missing)) == "done"


def test_what_cannot_pass_fails_at_once(clock: Clock) -> None:
    for error, raised in (
        (client_error(404, "NoSuchBucket"), StorageError),
        (client_error(400, "InvalidBucketName"), StorageError),
        (client_error(404, "NoSuchKey"), FileNotFoundError),
        (ZeroDivisionError("a mistake of ours"), ZeroDivisionError),
    ):
        with pytest.raises(raised):
            waiting(answered=True).call(always(error))
    assert clock.slept == []


def test_a_person_hears_of_waiting(clock: Clock) -> None:
    heard: list[str] = []
    waiting(answered=True, notice=heard.append).call(failing(*[client_error(403, "AccessDenied", "no")] * 20))
    assert "waiting to read s3://bucket/x, for 29m" in heard[0] and "access denied (no)" in heard[0]
    assert 2 < len(heard) < 15  # one a minute at most


# against a server that fails

PATIENCE = 10.0
"""a tenth of a second for the first pause, a second until a connection hangs"""


def contents(s3: Any, folder: str) -> dict[str, Any]:
    """What a run has left, by name: of manifests without the time that it took, and not the records of them."""
    found = {}
    for path in s3.find(folder):
        name = path.removeprefix(folder)
        of_driver = name.startswith("/.")  # its lease and its status
        if of_driver or name.endswith("inputs.json") or "/done-" in name or name in ("/run.json", "/config.yaml"):
            continue
        data = s3.cat_file(path)
        found[name] = data.partition(b'"seconds"')[0] if name.endswith(".manifest.json") else data
    return found


@pytest.fixture
def toy(proxy: FaultyProxy, tmp_path: Path) -> dict[str, Any]:
    """A run from S3 to S3 in this process."""
    import s3fs

    corpus(tmp_path / "in")
    filesystem = s3fs.S3FileSystem(use_listings_cache=False)
    for file in (tmp_path / "in").iterdir():
        filesystem.put_file(str(file), f"bucket/{tmp_path.name}/in/{file.name}")
    values = config(tmp_path)
    values["sources"][0]["path"] = f"s3://bucket/{tmp_path.name}/in/*.jsonl"
    return {**values, "engine": {"kind": "inline", "patience": PATIENCE, "retries": 0}}


def test_faults_change_nothing(toy: dict[str, Any], proxy: FaultyProxy, tmp_path: Path) -> None:
    import s3fs

    undisturbed = run_inline(toy, output=f"s3://bucket/{tmp_path.name}/calm")
    proxy.shares = {"slow_down": 0.05, "internal_error": 0.05, "reset": 0.05, "lost": 0.025, "cut": 0.025, "hang": 0.02}
    disturbed = run_inline(toy, output=f"s3://bucket/{tmp_path.name}/storm")
    assert sum(proxy.injected.values()) > 20
    proxy.shares = {}
    assert disturbed.tasks_run == undisturbed.tasks_run
    filesystem = s3fs.S3FileSystem(use_listings_cache=False)
    calm = contents(filesystem, f"bucket/{tmp_path.name}/calm")
    assert calm == contents(filesystem, f"bucket/{tmp_path.name}/storm")
    assert len(calm) > 10


def test_a_time_of_403_and_a_server_that_is_away(toy: dict[str, Any], proxy: FaultyProxy, tmp_path: Path) -> None:
    import s3fs

    run_inline(toy, output=f"s3://bucket/{tmp_path.name}/calm")
    before = sum(proxy.requests.values())
    done: list[str] = []

    def disturb() -> None:
        while sum(proxy.requests.values()) < before + 40:
            time.sleep(0.001)
        proxy.shares = {"forbidden": 1.0}
        time.sleep(1)
        proxy.shares = {}
        done.append("forbidden")
        while sum(proxy.requests.values()) < before + 90:
            time.sleep(0.001)
        with proxy.away():
            time.sleep(1)
        done.append("away")

    thread = threading.Thread(target=disturb)
    thread.start()
    run_inline(toy, output=f"s3://bucket/{tmp_path.name}/storm")
    thread.join(60)
    assert done == ["forbidden", "away"] and proxy.injected["forbidden"] > 1
    filesystem = s3fs.S3FileSystem(use_listings_cache=False)
    calm = contents(filesystem, f"bucket/{tmp_path.name}/calm")
    assert calm == contents(filesystem, f"bucket/{tmp_path.name}/storm")


def test_a_large_upload_goes_on_part_by_part(
    proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "PART", 5 << 20)
    data = bytes(range(256)) * (21 << 12)
    with patient(PATIENCE):
        store = Store(f"s3://bucket/{tmp_path.name}")
        store.write_bytes("small", b"x")
        proxy.shares = {"reset": 0.35, "lost": 0.35}
        store.write_bytes("large", data)
        proxy.shares = {"cut": 0.5}
        assert store.read_bytes("large") == data
    assert proxy.injected["reset"] + proxy.injected["lost"] >= 2


@pytest.mark.usefixtures("slow_to_hang")
def test_a_driver_says_in_a_sentence_what_is_wrong(
    toy: dict[str, Any], proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StorageError, match=r"cannot write s3://nothing/run/_writable: there is no such bucket"):
        run_inline(toy, output="s3://nothing/run")
    patience.forget_answers()
    proxy.chosen = lambda method, address: "/out" in address
    proxy.shares = {"forbidden": 1.0}
    with pytest.raises(StorageError, match=r"cannot write s3://bucket-2/out/_writable: access denied"):
        run_inline(toy, output="s3://bucket-2/out")
    proxy.shares = {}
    engine = {**toy["engine"], "patience": 2}
    local = {**toy, "sources": [{**toy["sources"][0], "path": str(tmp_path / "in" / "*.jsonl")}], "engine": engine}
    patience.forget_answers()
    with proxy.away(), pytest.raises(StorageError, match=r"cannot write .* of trying: no answer .*AWS_ENDPOINT_URL$"):
        run_inline(local, output=f"s3://bucket/{tmp_path.name}/out")


@pytest.mark.usefixtures("slow_to_hang")
def test_a_worker_that_waited_in_vain_says_so(toy: dict[str, Any], proxy: FaultyProxy, tmp_path: Path) -> None:
    proxy.chosen = lambda method, address: method == "PUT" and ".parquet" in address
    proxy.shares = {"forbidden": 1.0}
    engine = {**toy["engine"], "patience": 0.5}
    with pytest.raises(RunFailedError, match=r"cannot write s3://.*parquet, in .* of trying: access denied"):
        run_inline(toy, output=f"s3://bucket/{tmp_path.name}/out", engine=engine)


def test_a_refusal_may_mean_that_there_is_no_such_file(proxy: FaultyProxy) -> None:
    filesystem, inner = open_filesystem("s3://bucket/tokenizer_config.json", refused_is_absent=True)
    assert not filesystem.exists(inner)
    proxy.shares = {"forbidden": 1.0}
    with pytest.raises(FileNotFoundError):
        filesystem.open(inner)


@pytest.mark.usefixtures("slow_to_hang")
@pytest.mark.parametrize("pattern", ["*/*.jsonl", "*/**", ""])
def test_a_folder_that_cannot_be_listed_is_not_left_out(proxy: FaultyProxy, tmp_path: Path, pattern: str) -> None:
    store = Store(f"s3://bucket/{tmp_path.name}/in")
    for name in ("a/0.jsonl", "b/1.jsonl", "b/.hidden.jsonl", "b/deep/2.jsonl"):
        store.write_bytes(name, b'{"text": "some"}\n')
    values = config(tmp_path)
    values["sources"][0]["path"] = f"{store.root}/{pattern}"
    plan = planned({**values, "engine": {"kind": "inline", "patience": PATIENCE}})
    names = [file.name.rpartition("/in/")[2] for shard in plan.shards for file in shard.files]
    assert names == ["a/0.jsonl", "b/1.jsonl", *([] if pattern == "*/*.jsonl" else ["b/deep/2.jsonl"])]
    proxy.chosen = lambda method, address: "list-type" in address and "max-keys" not in address
    proxy.shares = {"internal_error": 0.7, "forbidden": 0.3}
    with pytest.raises(InvalidConfigError, match=r"cannot be listed: cannot list s3://bucket/"):
        planned({**values, "engine": {"kind": "inline", "patience": 0.5}})
