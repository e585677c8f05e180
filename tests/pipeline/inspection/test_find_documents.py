"""Documents by id and address, with an index and without one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.errors import DocumentNotFoundError
from dspipe.pipeline.inspection.explain import explain
from dspipe.pipeline.inspection.find_documents import find_documents, name_nearest
from dspipe.pipeline.run.run_file import read_run
from dspipe.pipeline.tasks.name_index import ENTRY_BYTES, NAME_INDEX
from tests.engine import artifact_files, run_inline, tasks_run


def pages(folder: Path, shards: int = 3, documents: int = 40) -> dict[str, Any]:
    """A config over shards of pages; every tenth has the address of the page before it, and all shards an id `same`."""
    folder.mkdir()
    for shard in range(shards):
        with (folder / f"{shard}.jsonl").open("w") as file:
            for n in range(documents):
                number = n - (n % 10 == 9)
                row = {"id": f"{shard}-{n}" if n else "same", "url": f"https://host{shard}.example/page/{number}/"}
                file.write(json.dumps({**row, "text": f"a text {n}"}) + "\n")
    return {
        "output": str(folder / "out"),
        "sources": [{"name": "s", "format": "jsonl", "path": f"{folder}/*.jsonl"}],
        "stages": [{"heuristics": {}}],
        "engine": {"kind": "inline", "index": True},
    }


def test_the_index_finds_what_a_scan_finds(tmp_path: Path) -> None:
    indexed = pages(tmp_path / "a")
    plain = {**indexed, "output": str(tmp_path / "plain"), "engine": "inline"}
    run_inline(indexed), run_inline(plain)
    (store, run), (other, scanned) = read_run(indexed["output"]), read_run(plain["output"])
    assert NAME_INDEX in run.artifacts and NAME_INDEX not in scanned.artifacts
    for name in (
        "same",
        "1-7",
        "http://host2.example/page/8",
        "host0.example/page/3",
        "2-39",
        "nothing",
        "host0.example/",
    ):
        found = find_documents(store, run, name)
        assert found.places == find_documents(other, scanned, name).places, name
    assert find_documents(store, run, "same").places == [(0, 0), (1, 0), (2, 0)]
    assert find_documents(store, run, "host1.example/page/18/").places == [(1, 18), (1, 19)]


def test_an_index_reads_next_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = pages(tmp_path / "a", shards=1, documents=20_000)
    run_inline(config)
    store, run = read_run(config["output"])
    read: list[int] = []
    plain = type(store).read_range

    def counted(self: Any, name: str, start: int, length: int) -> bytes:
        read.append(length)
        return plain(self, name, start, length)

    monkeypatch.setattr(type(store), "read_range", counted)
    for n in range(1, 20_000, 997):
        assert find_documents(store, run, f"0-{n}").places == [(0, n)]
    # of each file about the window in which the hash is to be expected, for the id and for the address
    assert len(read) <= 8 * 21 and max(read) <= 8 * 4096
    sizes = [file.stat().st_size for file in artifact_files_of(config)]
    assert sum(sizes) == 2 * 20_000 * ENTRY_BYTES


def artifact_files_of(config: dict[str, Any]) -> list[Path]:
    """The files of the index of a run."""
    return artifact_files(run_inline(config), NAME_INDEX)


def test_only_the_index_is_made_where_it_is_asked_for_later(tmp_path: Path) -> None:
    config = pages(tmp_path / "a")
    before = run_inline({**config, "engine": "inline"})
    assert before.phases[-1].name != f"{NAME_INDEX}.sort"
    assert tasks_run(run_inline(config)) == {f"{NAME_INDEX}.send": 3, f"{NAME_INDEX}.sort": 8}


def test_a_sorted_file_is_what_it_says(tmp_path: Path) -> None:
    config = pages(tmp_path / "a")
    files = artifact_files(run_inline(config), NAME_INDEX)
    whole = [np.frombuffer(file.read_bytes(), "<u8").reshape(2, -1) for file in files]
    hashes = np.concatenate([part[0] for part in whole])
    assert (np.diff(hashes.astype(object)) >= 0).all()  # over all partitions
    assert sum(part.shape[1] for part in whole) == 3 * 40 * 2


def test_the_nearest_are_named(tmp_path: Path) -> None:
    config = pages(tmp_path / "a")
    run_inline(config)
    store, run = read_run(config["output"])
    assert name_nearest(store, run, "https://www.host1.example/page/23/")[0] == "https://host1.example/page/23/"
    assert "1-12" in name_nearest(store, run, "1_12")
    assert name_nearest(store, run, "zebra") == []
    with pytest.raises(DocumentNotFoundError, match=r"the nearest are https://host2\.example/page/3"):
        explain(store, run, "http://host2.example/pages/3")
