"""Ranges of a file, here and on a web server."""

from pathlib import Path

import pytest

from dspipe.pipeline.storage.ranges import open_to_seek, read_ranges
from tests.pipeline.storage.web_server import WebServer

DATA = bytes(range(256)) * 40


@pytest.mark.parametrize("ranges", [True, False])
def test_ranges_are_the_same_wherever_the_file_is(web: WebServer, tmp_path: Path, ranges: bool) -> None:
    web.files, web.ranges = {"x": DATA}, ranges
    (tmp_path / "x").write_bytes(DATA)
    wanted = [(0, 10), (500, 700), (10_000, 20_000), (90, 91), *((at, at + 3) for at in range(100))]
    expected = [DATA[start:end] for start, end in wanted]
    assert list(read_ranges(str(tmp_path / "x"), wanted)) == expected
    assert list(read_ranges(f"{web.url}/x", wanted)) == expected
    if ranges:
        assert len(web.asked) == len(wanted)
    for path in (str(tmp_path / "x"), f"{web.url}/x"):
        with pytest.raises(FileNotFoundError):
            list(read_ranges(f"{path}.none", wanted))


@pytest.mark.parametrize("ranges", [True, False])
def test_single_places_of_a_file(web: WebServer, tmp_path: Path, ranges: bool) -> None:
    web.files, web.ranges = {"x": DATA}, ranges
    (tmp_path / "x").write_bytes(DATA)
    for path in (str(tmp_path / "x"), f"{web.url}/x"):
        with open_to_seek(path) as stream:
            stream.seek(-20, 2)
            assert stream.read() == DATA[-20:]
            stream.seek(5)
            assert stream.read(7) == DATA[5:12]
