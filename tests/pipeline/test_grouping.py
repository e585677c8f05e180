"""Files to shards by their bytes: sizes, and what one more file changes."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.grouping import FILE_BYTES, group_by_bytes
from dspipe.pipeline.source import InputFile
from tests.engine import rows_of, run_inline, tasks_run

MIB = 1 << 20


def file(name: str, size: int | None) -> InputFile:
    return InputFile(f"/in/{name}", name, size, "same")


def tiny(files: int) -> list[InputFile]:
    return [file(f"{number:07d}.jsonl", 1000) for number in range(files)]


def grouped(
    files: list[InputFile], shard_bytes: int = 32 * MIB, typical: int = 256 * MIB
) -> list[tuple[InputFile, ...]]:
    return list(group_by_bytes(files, shard_bytes, typical))


@given(
    st.lists(st.tuples(st.text(min_size=1), st.one_of(st.none(), st.integers(0, 100 * MIB)))),
    st.integers(1, 64 * MIB),
)
def test_every_file_is_in_one_shard_in_its_order(described: list[tuple[str, int | None]], shard_bytes: int) -> None:
    files = [file(name, size) for name, size in described]
    shards = grouped(files, shard_bytes)
    assert [one for shard in shards for one in shard] == files
    assert all(shards)
    for shard in shards:
        sizes = [(256 * MIB if one.size is None else one.size) + FILE_BYTES for one in shard]
        assert len(shard) == 1 or (max(sizes) < shard_bytes and sum(sizes) < 5 * shard_bytes)


def test_many_tiny_files_are_few_tasks_and_large_ones_stand_alone() -> None:
    shards = grouped(tiny(40_000))
    assert 120 < len(shards) < 200  # 256 files each on average
    large = [file(f"{number}.warc.gz", None) for number in range(100)]
    assert grouped(large) == [(one,) for one in large]


@settings(max_examples=20)
@given(st.integers(0, 2000), st.integers(0, 1 << 30))
def test_a_file_more_changes_the_shard_that_it_is_in(place: int, name: int) -> None:
    before = tiny(2000)
    after = sorted([*before, file(f"{place:07d}.{name}", 500)], key=lambda one: one.name)
    shards, new = set(grouped(before, 2 * MIB)), set(grouped(after, 2 * MIB))
    assert len(shards) > 100
    # where shards were too long, those up to the next name that ends one
    assert 1 <= len(new - shards) <= 5
    assert len(shards - new) <= 5


def test_the_result_is_the_same_however_files_are_grouped(tmp_path: Path) -> None:
    for number in range(8):
        lines = [json.dumps({"text": f"text {number} {row} {'same' if row == 2 else ''}"}) for row in range(3)]
        (tmp_path / f"{number:02d}.jsonl").write_text("\n".join(lines))

    def run(name: str, **source: Any) -> tuple[Any, list[dict[str, Any]]]:
        sources = [{"name": "toy", "format": "jsonl", "root": f"{tmp_path}/", "path": "*.jsonl", **source}]
        result = run_inline({"output": str(tmp_path / name), "sources": sources, "stages": [{"tests.toys.unique": {}}]})
        return result, rows_of(result, ["id", "text", "reason"])

    alone, rows = run("alone")
    together, same = run("together", shard_bytes="512KiB")
    assert tasks_run(alone)["documents"] == 8
    assert 1 < tasks_run(together)["documents"] < 8
    assert same == rows
    (tmp_path / "05b.jsonl").write_text('{"text": "one more"}')
    again, _ = run("together", shard_bytes="512KiB")
    assert tasks_run(again)["documents"] == 1
