"""What near-duplicate removal of a corpus of any size takes, from what a run measured per document.

Everything is linear in documents but the requests and the messages of exchanges, which the plan decides: the stage is
asked for its phases as for a real corpus, and merging as the engine does it. With N documents in S shards:

    records     N x records a document, of each exchange
    bytes       records x bytes a record + messages x bytes around one; messages: senders x partitions, or the records
    merged      the bytes of exchanges of more than `merge_above` senders times partitions, written a second time
    text pass   reading and signing, of the generated documents of 130 bytes; add what longer texts take to be read
    core-hours  N x CPU seconds a document, and merged bytes x CPU seconds a byte merged
    requests    of a partition: an entry of the index and a range for each file that it is sent; of a merge: an index
                and a range for each block of partitions that fits its memory, for each sender. Beside them each task
                makes a few for its listing, columns and manifest
    edges       pairs that are alike; their components are found in one task, or spread over partitions but for a core
    largest     the most that one task is sent; what doesn't fit a quarter of its memory goes through slices on its disk
"""

from dataclasses import dataclass
from typing import Any

from benchmarks.common import Result

DOLLARS_PER_REQUEST = 0.0004 / 1000
"""S3, GET, us-east-1, 2024"""
CORE_SHARE = 0.014
"""of the pairs are in the core (`stages.minhash.components_by_partition`): 12 of 850 of 2,472 manual pages at a
threshold of 0.7. The generated documents' copies are stars, and leave less"""


@dataclass(frozen=True)
class Corpus:
    """What is planned for."""

    documents: int
    shards: int
    memory: int


def measured(result: Any, documents: int, cpu_s: float) -> Result:
    """What the model needs of a run in which everything was merged: figures per document and per merged byte."""
    phases = {phase.name: phase for phase in result.phases}
    exchanges: dict[str, dict[str, float]] = {}
    columns = 0
    for name, phase in phases.items():
        for manifest in map(result.store.read_json, phase.manifests):
            for file in manifest["files"]:
                if file["kind"] == "exchange" and not name.endswith(".merge"):
                    sums = exchanges.setdefault(file["name"], {"records": 0, "bytes": 0, "message_bytes": 0})
                    messages, around = _messages(result.store, file)
                    sums["records"] += file["records"] / documents
                    sums["bytes"] += (file["index"] - messages * around) / documents
                    sums["message_bytes"] = max(sums["message_bytes"], around)
                elif file["kind"] == "rows" and name != "documents":
                    columns += file["bytes"]
    # seconds of phases are of the wall; those of the whole run are of the CPU
    wall = sum(phase.seconds for phase in phases.values())
    seconds = {name: phase.seconds * cpu_s / wall for name, phase in phases.items()}
    merged = [name for name in phases if name.endswith(".merge")]
    return {
        "exchanges": exchanges,
        "columns_bytes": columns / documents,
        "seconds": {name: value / documents for name, value in seconds.items() if name not in merged},
        "merge_s_per_byte": sum(seconds[name] for name in merged) / sum(phases[name].bytes_written for name in merged),
        "edges": phases["minhash.compare"].counters["alike"] / documents,
        "core_edges": phases["minhash.trim"].counters["edges of the core"] / documents,
    }


def _messages(store: Any, file: dict[str, Any]) -> tuple[int, int]:
    """How many messages a file has, and the bytes around the records of each."""
    import pyarrow as pa

    from dspipe.pipeline.storage.exchange import LAYOUT, ExchangeReader

    if not file["records"]:
        return 0, 0
    schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(file["schema"])))
    empty = schema.empty_table().combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema)]
    reader = ExchangeReader(store, file["file"], *(file[name] for name in LAYOUT))
    ranges = reader.entries(store.read_range(*reader.index_range(0, file["partitions"])))
    return int((ranges[:, :, 1] > ranges[:, :, 0]).sum()), 24 + empty[0].serialize().size


def modelled(run: Result, corpus: Corpus) -> Result:
    """The row of one corpus."""
    from dspipe.kernels.dedup.components import BYTES_PER_EDGE
    from dspipe.pipeline.config.discovery import make_stage
    from dspipe.pipeline.config.run_config import EngineConfig
    from dspipe.pipeline.stage import Corpus as Planned
    from dspipe.pipeline.tasks.merge_exchange import merge_sizes

    stage: Any = make_stage("minhash", {}, 0)
    phases = stage.phases(Planned(corpus.shards, 0, corpus.documents, corpus.memory, ("minhash",)))
    merge_above = EngineConfig.model_validate("local").merge_above
    partitions = {phase.emits: phase.partitions or corpus.shards for phase in phases if phase.emits}
    tasks = {
        phase.name: {"shards": corpus.shards, "once": 1}.get(phase.over) or partitions[phase.exchange]
        for phase in phases
    }
    total, merged, requests, unmerged, largest = 0.0, 0.0, 0.0, 0.0, (0.0, "")
    readers = {name: phase.name for phase in phases for name in (phase.exchange, *phase.also_receives)}
    for phase in phases:
        if not phase.emits:
            continue
        measured, senders, receivers = run["exchanges"][phase.emits], tasks[phase.name], partitions[phase.emits]
        records = measured["records"] * corpus.documents
        size = measured["bytes"] * corpus.documents + min(records, senders * receivers) * measured["message_bytes"]
        total += size
        largest = max(largest, (size / receivers, readers[phase.emits]))
        unmerged += 2 * senders * receivers
        if senders * receivers <= merge_above:
            requests += 2 * senders * receivers
            continue
        group, width = merge_sizes(senders, receivers)
        files, ranges = -(-senders // group), -(-receivers // width)
        blocks = -(-(size / files / ranges) // (corpus.memory / 4))
        requests += senders * ranges * (1 + blocks) + 2 * files * receivers
        merged += size
    spread = any(phase.name == "minhash.core" for phase in phases)
    edges = (max(run["core_edges"], CORE_SHARE * run["edges"]) if spread else run["edges"]) * corpus.documents
    seconds = sum(value for name, value in run["seconds"].items() if name != "documents") * corpus.documents
    merging = run["merge_s_per_byte"] * merged
    signatures = 4 * stage.banding.permutations * corpus.documents
    columns = run["columns_bytes"] * corpus.documents
    return {
        "exchanged TB": total / 1e12,
        "merged TB": merged / 1e12,
        "signatures TB": signatures / 1e12,
        "verdicts TB": columns / 1e12,
        "disk TB": (total + merged + signatures + columns) / 1e12,
        "core-hours": (seconds + merging) / 3600,
        "of them merging": merging / 3600,
        "text pass, core-hours": run["seconds"]["documents"] * corpus.documents / 3600,
        "requests, millions": requests / 1e6,
        "dollars": requests * DOLLARS_PER_REQUEST,
        "requests unmerged, millions": unmerged / 1e6,
        "tasks": sum(tasks.values()),
        "largest": largest[1],
        "largest GB": largest[0] / 1e9,
        "slices": -(-largest[0] * 4 // corpus.memory),
        "edges, millions": run["edges"] * corpus.documents / 1e6,
        "in one task, millions": edges / 1e6,
        "of that": "in memory" if edges * BYTES_PER_EDGE <= corpus.memory / 2 else f"{32e-9 * edges:.3g} GB of files",
    }
