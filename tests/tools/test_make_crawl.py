"""A small crawl: our own reader reads it, the truth is true, and the bytes depend on the arguments alone."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from dspipe.stages.sources import warc
from tests.stages.sources.read_shard import read_all
from tests.tools.crawl.made import bodies, write_inputs
from tools.make_crawl import InputError, dump_name, make_crawl, parse

SETTINGS = ["--dumps", "3", "--shards", "7", "--bytes", "1.5e6", "--seed", "5", "--broken", "0.02"]


def make(directory: Path, name: str, *more: str) -> Path:
    options = parse([str(directory / name), *write_inputs(directory), *SETTINGS, "--processes", "1", *more])
    make_crawl(options.out, options)
    return directory / name


def files_of(crawl: Path) -> list[Path]:
    listed = sorted(crawl.glob("crawl-data/*/warc.paths.gz"))
    return [crawl / line for path in listed for line in gzip.decompress(path.read_bytes()).decode().split()]


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield make(tmp_path_factory.mktemp("crawl"), "one")


@pytest.fixture(scope="module")
def truth(crawl: Path) -> pa.Table:
    return ds.dataset(crawl / "truth").to_table()


def test_our_reader_reads_all_pages_but_broken_ones(crawl: Path, truth: pa.Table) -> None:
    source = warc.WarcSource(warc.Config(name="made", format="warc", path=""))
    rows, reading = read_all(source, files_of(crawl))
    said = {row["id"]: row for row in truth.to_pylist()}
    read = {row["id"]: row for row in rows}
    unreadable = {"truncated member", "wrong content-length"}
    assert read.keys() <= said.keys()
    assert said.keys() - read.keys() <= {id for id, row in said.items() if row["broken"]}
    assert {row["broken"] for row in said.values()} == unreadable | {"", "empty body", "bad charset"}
    assert len(reading.quarantine) == sum(row["broken"] in unreadable for row in said.values())
    for id, row in read.items():
        assert row["url"] == said[id]["url"]
        if not said[id]["broken"]:
            assert len(row["content"]) == said[id]["html_bytes"]
            assert row["date"].startswith(said[id]["dump"][8:12])


def test_requests_and_metadata_stand_beside_every_page(crawl: Path, truth: pa.Table) -> None:
    whole = gzip.decompress(next(path for path in files_of(crawl) if _is_whole(path)).read_bytes())
    kinds = [line for line in whole.split(b"\r\n") if line.startswith(b"WARC-Type: ")]
    assert kinds[0] == b"WARC-Type: warcinfo"
    assert set(kinds[1::3]) == {b"WARC-Type: request"}
    assert set(kinds[2::3]) == {b"WARC-Type: response"}
    assert set(kinds[3::3]) == {b"WARC-Type: metadata"}


def _is_whole(path: Path) -> bool:
    try:
        gzip.decompress(path.read_bytes())
    except (EOFError, OSError, zlib.error):
        return False
    return True


def test_copies_are_what_the_truth_says(crawl: Path, truth: pa.Table) -> None:
    found = bodies([path for path in files_of(crawl) if _is_whole(path)])
    rows = {row["id"]: row for row in truth.to_pylist()}
    compared = 0
    for id, row in rows.items():
        first = row["copy_of"]
        assert (first is None) == (row["kind"] == "original")
        if first is None:
            continue
        assert rows[first]["copy_of"] is None
        assert rows[first]["page"] == row["page"]
        assert rows[first]["dump"] <= row["dump"]
        if id in found and first in found and not row["broken"] and not rows[first]["broken"]:
            compared += 1
            assert (found[id] == found[first]) == (row["kind"] == "exact")
    assert compared > 20
    assert len({row["page"] for row in rows.values()}) == sum(row["copy_of"] is None for row in rows.values())


def test_the_rates_are_those_that_were_asked_for(crawl: Path, truth: pa.Table) -> None:
    said = json.loads((crawl / "crawl.json").read_text())
    rows = truth.to_pylist()
    assert len(rows) == said["captures"]
    for dumps in (1, 2, 3):
        pages = [row["page"] for row in rows if row["dump"] in said["dumps"][:dumps]]
        assert 1 - len(set(pages)) / len(pages) == pytest.approx(said["copies_by_dumps"][str(dumps)], abs=0.01)
    copies = [row for row in rows if row["copy_of"]]
    assert sum(row["kind"] == "near" for row in copies) / len(copies) == pytest.approx(0.4, abs=0.15)
    assert sum(bool(row["broken"]) for row in rows) / len(rows) == pytest.approx(0.02, abs=0.02)
    assert sum(path.stat().st_size for path in files_of(crawl)) == pytest.approx(1.5e6, rel=0.2)
    assert {row["language"] for row in rows} == {"en", "zh"}


def test_two_processes_make_the_same_bytes(crawl: Path, tmp_path: Path) -> None:
    other = make(tmp_path, "two", "--processes", "2")
    mine, theirs = (sorted(p.relative_to(root) for p in root.rglob("*") if p.is_file()) for root in (crawl, other))
    assert mine == theirs
    for name in mine:
        assert (crawl / name).read_bytes() == (other / name).read_bytes(), name


def test_a_stopped_run_goes_on(crawl: Path, tmp_path: Path) -> None:
    first = files_of(crawl)[0]
    before, kept = first.read_bytes(), files_of(crawl)[1].stat().st_mtime_ns
    first.unlink()
    make(crawl.parent, "one")
    assert first.read_bytes() == before
    assert files_of(crawl)[1].stat().st_mtime_ns == kept


def test_another_crawl_is_not_mixed_in(crawl: Path) -> None:
    with pytest.raises(InputError, match="holds another crawl"):
        make(crawl.parent, "one", "--seed", "6")


def test_inputs_that_are_not_there_are_named(tmp_path: Path) -> None:
    arguments = write_inputs(tmp_path)
    with pytest.raises(InputError, match=r"nothing\.warc"):
        options = parse([str(tmp_path / "x"), *arguments, "--pages", str(tmp_path / "nothing.warc")])
        make_crawl(options.out, options)
    with pytest.raises(InputError, match="at least as many shards"):
        options = parse([str(tmp_path / "x"), *arguments, "--shards", "2", "--dumps", "3"])
        make_crawl(options.out, options)


def test_dumps_are_named_in_their_order() -> None:
    names = [dump_name(number) for number in range(12)]
    assert names == sorted(set(names))
