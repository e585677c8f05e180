"""Reading from web servers: where a download broke it goes on, if the file is still the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import StorageError
from dspipe.pipeline.storage import patience
from dspipe.pipeline.storage.filesystem import open_filesystem
from dspipe.pipeline.storage.patience import patient
from tests.chaos.faulty_proxy import FaultyProxy
from tests.engine import rows_of, run_inline
from tests.pipeline.run.test_run import config, corpus
from tests.pipeline.storage.web_server import WebServer


@pytest.fixture
def faulty(web: WebServer) -> Iterator[FaultyProxy]:
    """A proxy before the web server."""
    with FaultyProxy(web.url, seed=3) as proxy, patient(10):
        patience.forget_answers()
        yield proxy


DATA = bytes(range(256)) * 3000


def opened(url: str) -> Any:
    filesystem, path = open_filesystem(url)
    return filesystem.open(path)


def test_a_download_goes_on_from_where_it_broke(web: WebServer, faulty: FaultyProxy) -> None:
    web.files["a.bin"] = DATA
    faulty.shares = {"cut": 0.7}
    with opened(f"{faulty.url}/a.bin") as file:
        assert file.read() == DATA
    assert faulty.injected["cut"] >= 1
    starts = [int(range.removeprefix("bytes=").partition("-")[0]) for range in web.asked]
    assert starts[0] == 0 and starts == sorted(starts) and 0 < starts[1] <= len(DATA) // 2


def test_another_file_is_not_taken_for_the_rest(web: WebServer, faulty: FaultyProxy) -> None:
    web.files["a.bin"] = DATA

    def later(method: str, address: str) -> bool:
        web.version = len(web.asked) + 1
        return True

    faulty.chosen, faulty.shares = later, {"cut": 1.0}
    with pytest.raises(StorageError, match=r"http://.*/a.bin was changed while it was read"):
        opened(f"{faulty.url}/a.bin").read()


def test_it_can_seek_and_asks_for_little(web: WebServer, faulty: FaultyProxy) -> None:
    web.files["a.bin"] = DATA
    with opened(f"{faulty.url}/a.bin") as file:
        assert file.seek(-5, 2) == len(DATA) - 5
        assert (file.read(), file.tell(), file.read()) == (DATA[-5:], len(DATA), b"")
        file.seek(1000)
        assert file.read(10) == DATA[1000:1010]
    assert web.asked == [f"bytes=0-{(16 << 20) - 1}"]  # all of it came at first


def test_a_server_without_ranges(web: WebServer, faulty: FaultyProxy) -> None:
    web.files["a.bin"], web.ranges = DATA, False
    faulty.shares = {"cut": 0.4, "reset": 0.2}
    with opened(f"{faulty.url}/a.bin") as file:
        assert file.read(5) == DATA[:5]
        file.seek(len(DATA) - 1)
        assert file.read() == DATA[-1:]


def test_what_is_empty_or_not_there(web: WebServer, faulty: FaultyProxy) -> None:
    web.files["empty"] = b""
    web.ranges = False
    with opened(f"{faulty.url}/empty") as file:
        assert file.read() == b""
    with pytest.raises(FileNotFoundError):
        opened(f"{faulty.url}/nothing")


def test_a_run_reads_over_a_bad_line(web: WebServer, faulty: FaultyProxy, tmp_path: Path) -> None:
    corpus(tmp_path / "in")
    expected = rows_of(run_inline(config(tmp_path)), ["text", "reason"])
    values = config(tmp_path)
    for file in sorted((tmp_path / "in").iterdir()):
        web.files[file.name] = file.read_bytes()
    paths = [f"{faulty.url}/{name}" for name in web.files]
    values["sources"][0]["path"] = paths
    faulty.shares = {"slow_down": 0.2, "reset": 0.1, "cut": 0.1}
    engine = {"kind": "inline", "patience": 10, "retries": 0}
    assert rows_of(run_inline(values, output=str(tmp_path / "far"), engine=engine), ["text", "reason"]) == expected
