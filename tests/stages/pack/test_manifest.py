"""The manifest: sums over shards, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.artifact_file import ArtifactFile
from dspipe.stages.pack.document_table import with_pieces
from dspipe.stages.pack.manifest import describe, manifest
from dspipe.stages.pack.segments import split_pieces
from dspipe.stages.pack.special_tokens import Special
from tests.stages.pack.shards import LENGTHS, make_table

NAMES = ("pack.write/00000-ab.shards.bin", "pack.write/00000-ab.shards.documents.safetensors")
TOTALS = {"rows": 6, "tokens": 24, "documents": 5, "pieces": 9}
SPECIAL = Special(end=1, begin=-1, pad=2, sentinels=np.array([3, 4, 5], np.int64))
TOKENIZER = json.dumps({"model": {"vocab": {"a": 0, "b": 99}}}).encode()


def part(dtype: str = "uint16", rows: int = 6) -> tuple[dict[str, Any], list[ArtifactFile]]:
    summary: dict[str, Any] = {"rows": rows, "tokens": 24, "padding": 0}
    if rows:
        describe(summary, with_pieces(make_table(), split_pieces(LENGTHS, 4), 6), dtype)
    return summary, [ArtifactFile(Store("/run"), 0, name, 48, f"hash of {name}") for name in NAMES]


def test_sums_and_files() -> None:
    found = manifest([part(), part(rows=0), part()], {"row_length": 4}, SPECIAL, TOKENIZER, TOTALS)
    assert (found["dtype"], found["vocabulary"], found["end_token"], found["pad_token"]) == ("uint16", 100, 1, 2)
    assert (found["begin_token"], found["sentinels"], found["row_length"]) == (None, [3, 4, 5], 4)
    assert found["domains"] == {"code": 28, "web": 20}  # twice the shard's, the largest first
    assert list(found["domains"]) == ["code", "web"]
    assert found["pieces_per_document"] == 1.8
    assert len(found["parts"]) == 2  # a partition without rows has no shard
    assert found["parts"][0]["documents"] == 5
    names = {".bin": NAMES[0], ".documents.safetensors": NAMES[1]}
    assert found["parts"][0]["files"] == {
        suffix: {"name": name, "bytes": 48, "sha256": f"hash of {name}"} for suffix, name in names.items()
    }


def test_nothing_packed() -> None:
    found = manifest([], {}, SPECIAL, TOKENIZER, {"documents": 0, "pieces": 0})
    assert (found["dtype"], found["parts"], found["pieces_per_document"]) == ("uint16", [], 0.0)


def test_shards_of_two_types_are_refused() -> None:
    with pytest.raises(ValueError, match="shards of different types: uint16, uint32"):
        manifest([part(), part("uint32")], {}, SPECIAL, TOKENIZER, TOTALS)
