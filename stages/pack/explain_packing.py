"""Where a document's tokens stand in packed rows, and what they say: a few small reads, also of a run's many shards."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from dspipe.pipeline.doc_id import split
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.storage.store import Store
from dspipe.stages.pack.reading.locate import Location, locate_in
from dspipe.stages.pack.reading.shard_files import Shards
from dspipe.stages.pack.shuffle_keys import OrderKeys, partitions_of
from dspipe.stages.remix.mixture_plan import PhaseOrder

_SEGMENTS_SHOWN = 20
_TOKENS_DECODED = 128


def explain_packing(store: Store, run: RunFile, seed: int, number: int, columns: Mapping[str, Any]) -> dict[str, str]:
    """The segments of a document with these columns, by copy and token, and its first tokens decoded. Empty where it
    wasn't packed. Raises ShardError."""
    packed = next((phase for phase in run.phases if phase.name == "pack.rows"), None)
    copies = columns.get("copies", 1)
    if packed is None or columns.get("reason") is not None or not columns.get("tokens") or not copies:
        return {}
    shards = Shards(store.root)
    if packed.over == "shards":
        wanted = {split(number)[0]}
    else:
        wanted = _partitions(store, run, seed, columns, copies, packed.tasks)
    found = locate_in(shards, columns["id"], wanted)
    shown = {
        f"copy {segment.copy}, token {segment.start:,}": (
            f"{segment.length:,} tokens in row {segment.row:,} from {segment.column:,} on, {segment.file}"
        )
        for segment in found[:_SEGMENTS_SHOWN]
    }
    more = len(found) - _SEGMENTS_SHOWN
    return shown | ({"and": f"{more:,} more segments"} if more > 0 else {}) | _decoded(store, run, shards, found)


def _partitions(
    store: Store, run: RunFile, seed: int, columns: Mapping[str, Any], copies: int, partitions: int
) -> set[int]:
    """Where the copies went in the shuffle."""
    files = run.artifacts.get("mixture_phases") if "copies" in columns else None
    order = PhaseOrder.from_json(store.read_bytes(files[0])) if files else None
    domain = columns.get("remix.domain" if "copies" in columns else "domain")
    copy = np.arange(copies)
    origins, domains = pa.array([columns["origin"]], pa.uint64()), pa.array([domain], pa.string())
    keys = OrderKeys(seed, order).of(origins, domains, np.zeros(copies, np.int64), copy)
    return set(partitions_of(keys, partitions).tolist())


def _decoded(store: Store, run: RunFile, shards: Shards, found: list[Location]) -> dict[str, str]:
    """The text of the first tokens of the first copy."""
    files = run.artifacts.get("tokenizer")
    ids: list[int] = []
    for segment in found:
        if segment.copy != found[0].copy or len(ids) >= _TOKENS_DECODED:
            break
        length = min(segment.length, _TOKENS_DECODED - len(ids))
        tokens = shards.read_tokens(
            segment.shard, segment.row - shards.first_row(segment.shard), segment.column, length
        )
        if tokens is None:
            return {}
        ids += tokens.tolist()
    if not ids or not files:
        return {}
    from tokenizers import Tokenizer

    text = Tokenizer.from_buffer(store.read_bytes(files[0])).decode(ids, skip_special_tokens=False)
    return {f"the first {len(ids):,} tokens": json.dumps(text, ensure_ascii=False)}
