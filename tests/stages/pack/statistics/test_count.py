"""Statistics of shards, of our own making and of others', against plain Python over the same rows."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dspipe.stages.pack.manifest import ROWS_SUFFIX
from dspipe.stages.pack.reading.shard_files import Shards
from dspipe.stages.pack.statistics import token_files
from dspipe.stages.pack.statistics.count import ShardStatistics, count_shards
from dspipe.stages.pack.statistics.find_files import find_shards
from tests.engine import run_inline
from tests.stages.pack.runs import BEGIN, END, PAD, make_config, make_documents
from tests.stages.pack.statistics.foreign import shaped, write_mds, write_megatron, write_tokenizer

DOCUMENTS = [[0, 1, 26], [2, 26], [3, 4, 5, 6, 26], [26]]


def count(path: Path, tokenizer: Path | None = None) -> ShardStatistics:
    return count_shards(find_shards(path, tokenizer))


def numbers_of(found: ShardStatistics) -> dict[int, int]:
    return {int(token): int(found.counts[token]) for token in np.flatnonzero(found.counts)}


@pytest.mark.parametrize(
    ("format", "mode"), [("megatron", "split"), ("megatron", "best_fit"), ("mds", "split"), ("parquet", "split")]
)
def test_our_own_as_their_manifest_says(
    format: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_files, "BLOCK_TOKENS", 100)
    values = make_config(tmp_path / "in", make_documents(60), length=32, format=format, mode=mode, begin=True)
    run = Path(run_inline(values).store.root)
    shards = Shards(run)
    manifest = shards.manifest
    numbers = range(len(shards.parts))
    rows = np.stack([part[row] for part in map(shards.tokens, numbers) for row in range(len(part))])
    for place in (run / "shards", run / "index.json"):
        found = count(place)
        assert (found.format, found.rows.count, found.tokens) == (format, manifest.rows, rows.size)
        assert (found.padding, found.tokens - (found.padding or 0)) == (manifest.padding, manifest.tokens)
        assert (found.documents.count, found.documents.tokens) == (manifest.documents, manifest.tokens)
        assert found.documents_by == "the table of documents"
        assert numbers_of(found) == Counter(rows.reshape(-1).tolist())
        assert found.begin_rows == int((rows[:, 0] == BEGIN).sum())
        assert found.unused == manifest.vocabulary - len(np.unique(rows))
        assert found.out_of_range is None
    # one shard by itself: what the ids mean stands in the manifest that names it
    paths = [shards.local_path(number, ROWS_SUFFIX[format]) for number in numbers]
    alone = [count(path) for path in paths]
    assert [found.rows.count for found in alone] == [part.rows for part in manifest.parts]
    assert sum(found.documents.count for found in alone) == manifest.documents
    assert {found.names.end for found in alone} == {END}
    # and by the end token where the tables are gone, as if somebody had copied the rows alone
    for path in paths:
        path.with_suffix(".documents.safetensors").unlink()
    found = count(run / "shards")
    assert found.documents_by == f"the end token {END}"
    assert found.padding == int((rows == PAD).sum())
    if mode == "split":  # one that goes on in the shard of the remainders has its end there
        assert found.documents.count == manifest.documents


def of_megatron(folder: Path) -> Path:
    return write_megatron(folder / "text_document", DOCUMENTS, "int32")


def of_uint16(folder: Path) -> Path:
    return write_megatron(folder / "text_document", DOCUMENTS, "uint16").with_suffix(".idx")


def of_mds(folder: Path) -> Path:
    samples = [{"tokens": np.array(row, "<i8").tobytes(), "id": b"x" * n} for n, row in enumerate(DOCUMENTS)]
    return write_mds(folder, samples, {"tokens": "bytes", "id": "str"}, {"tokens": None, "id": None})


def of_mds_arrays(folder: Path) -> Path:
    samples = [{"tokens": shaped(row, "<u4", 32), "n": b"12345678"} for row in DOCUMENTS]
    return write_mds(folder, samples, {"tokens": "ndarray", "n": "int"}, {"tokens": None, "n": 8}).parent


def of_parquet(folder: Path) -> Path:
    pq.write_table(pa.table({"id": list(range(4)), "input_ids": DOCUMENTS}), folder / "a.parquet", row_group_size=3)
    return folder


@pytest.mark.parametrize("write", [of_megatron, of_uint16, of_mds, of_mds_arrays, of_parquet])
def test_those_of_others(write: Callable[[Path], Path], tmp_path: Path) -> None:
    path = write(tmp_path)
    found = count(path)
    assert (found.rows.count, found.tokens, found.rows.longest) == (4, 11, 5)
    assert numbers_of(found) == Counter(token for row in DOCUMENTS for token in row)
    assert (found.padding, found.begin_rows, found.unused, found.out_of_range) == (None, None, None, None)
    assert found.documents_by == ("the .idx" if write in (of_megatron, of_uint16) else None)
    write_tokenizer(tmp_path / "tokenizer.json")
    found = count(path)
    assert (found.documents.count, found.documents.longest) == (4, 5)
    assert (found.names.vocabulary, found.used, found.unused) == (29, 8, 21)
    assert (found.padding, found.begin_rows) == (0, 0)


def test_documents_of_several_sequences(tmp_path: Path) -> None:
    write_megatron(tmp_path / "a", [[1, 2], [3], [4, 5, 6]], "uint16", documents=[0, 2])
    found = count(tmp_path / "a.bin")
    assert (found.rows.count, found.documents.count, found.documents.longest) == (3, 2, 3)


def test_sequences_in_another_order_than_in_the_file(tmp_path: Path) -> None:
    path = write_megatron(tmp_path / "a", [[1, 2], [3], [4, 5, 6]], "uint16")
    index = bytearray(path.with_suffix(".idx").read_bytes())
    index[34:46] = np.array([3, 1, 2], "<i4").tobytes()
    index[46:70] = np.array([6, 4, 0], "<i8").tobytes()
    path.with_suffix(".idx").write_bytes(index)
    found = count(path)
    assert found.top(found.first) == [(1, 1), (3, 1), (4, 1)]


def test_rows_of_one_length_are_no_documents(tmp_path: Path) -> None:
    """Three rows with a document that goes on in the next, padding, and one that is never ended."""
    rows = [[27, 0, 1, 2], [3, 26, 27, 5], [27, 6, 26, 28]]
    write_megatron(tmp_path / "a", rows, "uint16")
    assert count(tmp_path / "a.bin").documents_by is None
    write_tokenizer(tmp_path / "other.json")
    found = count(tmp_path / "a.bin", tmp_path / "other.json")
    assert found.documents_by == "the end token 26"
    assert (found.documents.count, found.documents.longest, found.without_end) == (2, 6, 1)
    assert (found.padding, found.begin_rows) == (1, 2)


def test_ids_out_of_range_are_told_with_their_place(tmp_path: Path) -> None:
    write_megatron(tmp_path / "a", [[0, 1], [2]], "int32")
    write_megatron(tmp_path / "b", [[3], [1, 29, 30], [-1]], "int32")
    write_tokenizer(tmp_path / "tokenizer.json")
    found = count(tmp_path)
    assert found.out_of_range is not None
    assert (found.out_of_range.tokens, found.out_of_range.row) == (3, 1)
    assert found.out_of_range.file.endswith("b.bin")
    assert found.unused == 29 - 4


def test_wide_ids_and_many_of_them(tmp_path: Path) -> None:
    write_megatron(tmp_path / "a", [[100_000, 5, 100_000], [99_999]], "int64")
    found = count(tmp_path / "a.bin")
    assert found.top(found.counts) == [(100_000, 2), (5, 1), (99_999, 1)]
    assert found.ids_of_half() == 1
    assert found.entropy() == pytest.approx(1.5)


def test_of_no_rows(tmp_path: Path) -> None:
    write_megatron(tmp_path / "a", [], "uint16")
    found = count(tmp_path / "a.bin")
    assert (found.rows.count, found.tokens, found.used, found.entropy(), found.ids_of_half()) == (0, 0, 0, 0.0, 0)


def test_compressed_shards(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    index = of_mds(tmp_path)
    value: Any = json.loads(index.read_text())
    raw = tmp_path / "shard.00000.mds"
    (tmp_path / "shard.00000.mds.zstd").write_bytes(zstandard.compress(raw.read_bytes()))
    raw.unlink()
    value["shards"][0] |= {"compression": "zstd:3", "zip_data": {"basename": "shard.00000.mds.zstd"}}
    index.write_text(json.dumps(value))
    assert count(tmp_path).tokens == 11
    value["shards"][0]["compression"] = "br"
    index.write_text(json.dumps(value))
    with pytest.raises(ValueError, match="compressed with br; known are zstd, gz and bz2"):
        count(tmp_path)
