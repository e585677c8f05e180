import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import ConservationError
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.artifact_file import ArtifactFile
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.drawn import DrawnCounts
from dspipe.stages.pack.index import check_sums, write_index
from dspipe.stages.pack.manifest import Manifest
from dspipe.stages.pack.settings import RowSettings
from dspipe.stages.pack.summary import PackedCounts, PartitionSummary, ShardContents
from tests.stages.pack.drawn_shards import END, PAD, TOKENIZER
from tests.tasks import Inputs, make_task, read_made, run_function

SUFFIXES = (".bin", ".idx", ".documents.safetensors")


def make_index_task(
    folder: Path, partitions: int, format: str = "megatron", dtypes: Sequence[str] = ("uint16",)
) -> Task:
    """An index task of partitions of which number n has n rows of four tokens, and a tail of one row."""
    summaries, files, drawn = [], [], []
    for number in range(partitions):
        counts = PackedCounts(rows=number, tokens=4 * number, documents=2, segments=3, added=2, remainder=1)
        contents = ShardContents(dtypes[number % len(dtypes)], 2, {f"d{number % 2}": 4 * number}, {"s": 4 * number})
        summary = PartitionSummary(counts, contents if number else None)
        summaries.append(json.dumps(asdict(summary)).encode())
        drawn.append(json.dumps({"copies": 2, "tokens": 4 * number - 1, "empty": 1}).encode())
        files += [(number, suffix) for suffix in SUFFIXES if number]
    tail = PartitionSummary(PackedCounts(rows=1, tokens=partitions, padding=0), None)
    names = {".bin": f".{format}"} if format != "megatron" else {}
    return make_task(
        folder,
        Inputs(
            artifacts={
                "summaries": summaries,
                "drawn": drawn,
                "tail_summary": [json.dumps(asdict(tail)).encode()],
                "tail": [],
                "tokenizer": [TOKENIZER],
                "mixture": [b"{}"],
            },
            listed={
                "shards": [
                    (number, f"pack.rows/{number:05d}.shards{names.get(suffix, suffix)}", 8, f"sha {number}{suffix}")
                    for number, suffix in files
                    if format == "megatron" or suffix != ".idx"
                ]
            },
        ),
    )


def settings(remixed: bool = False, **rows: Any) -> dict[str, Any]:
    return {"remixed": remixed, "rows": RowSettings.model_validate({"length": 4, **rows}).model_dump(mode="json")}


def test_sums_and_shards_in_the_order_of_partitions(tmp_path: Path) -> None:
    task = make_index_task(tmp_path, 4)
    run_function(write_index, task, settings(remixed=True))
    value = json.loads(read_made(task, "index")[0])
    manifest = Manifest.from_json(value)
    assert (manifest.rows, manifest.tokens, manifest.documents, manifest.segments, manifest.added) == (7, 28, 8, 12, 8)
    assert (manifest.empty_documents, manifest.segments_per_document) == (4, 1.5)
    assert (manifest.end_token, manifest.begin_token, manifest.pad_token, manifest.vocabulary) == (END, None, PAD, 262)
    assert manifest.domains == {"d1": 16, "d0": 8} and list(manifest.domains) == ["d1", "d0"]
    assert [part.rows for part in manifest.parts] == [1, 2, 3]  # a partition without rows has no shard
    assert {suffix: file.name for suffix, file in manifest.parts[1].files.items()} == {
        suffix: f"pack.rows/00002.shards{suffix}" for suffix in SUFFIXES
    }
    assert manifest.parts[1].files[".bin"].sha256 == "sha 2.bin"
    assert manifest.mixture_sha256 is not None and manifest.seed == 1
    assert "parts" not in task.notes["packed"] and task.notes["packed"]["rows"] == 7


def test_the_index_of_mds_names_its_shards_too(tmp_path: Path) -> None:
    task = make_index_task(tmp_path, 3, "mds")
    run_function(write_index, task, settings(format="mds"))
    value = json.loads(read_made(task, "index")[0])
    assert [shard["samples"] for shard in value["shards"]] == [1, 2]
    assert value["mixture_sha256"] is None


def test_tokens_that_are_lost_are_noticed() -> None:
    drawn = DrawnCounts(copies=3, tokens=10)
    check_sums(drawn, PackedCounts(documents=3, added=3, tokens=8, cropped=4, dropped=1))
    for packed in (
        PackedCounts(documents=3, added=3, tokens=8, cropped=4),
        PackedCounts(documents=3, added=3, tokens=9, cropped=4, dropped=1),
        PackedCounts(documents=2, added=3, tokens=8, cropped=4, dropped=1),
    ):
        with pytest.raises(ConservationError, match="3 copies with 10 tokens were drawn"):
            check_sums(drawn, packed)


def test_shards_of_two_types_are_refused(tmp_path: Path) -> None:
    task = make_index_task(tmp_path, 3, dtypes=("uint16", "uint32"))
    with pytest.raises(ValueError, match="shards of different types: uint16, uint32"):
        run_function(write_index, task, settings())


@pytest.mark.parametrize("partitions", [2, 50, 400])
def test_work_grows_with_the_files_and_no_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partitions: int
) -> None:
    """Each file is looked at once, and all of an artifact's are asked for together, however many partitions there are:
    with 65,536 of them, what was quadratic took 5.9 hours."""
    task = make_index_task(tmp_path, partitions)
    files = sum(len(entries) for entries in task._inputs()["artifacts"].values())
    made, requests = 0, 0
    initialize, read_ranges = ArtifactFile.__init__, Store.read_ranges

    def count_file(self: ArtifactFile, *arguments: Any) -> None:
        nonlocal made
        made += 1
        initialize(self, *arguments)

    def count_request(store: Store, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
        nonlocal requests
        requests += 1
        return read_ranges(store, ranges)

    monkeypatch.setattr(ArtifactFile, "__init__", count_file)
    monkeypatch.setattr(Store, "read_ranges", count_request)
    run_function(write_index, task, settings())
    assert made < files + 1  # the mixture is not asked for
    assert requests == 3  # summaries, the tail's, and what was drawn
