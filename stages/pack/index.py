"""The manifest of a run's shards, made once no token is found to be lost.

Tokens drawn + tokens added (begin, end, fill-in-the-middle) = tokens in rows + cropped + dropped.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dspipe.pipeline.errors import ConservationError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.artifact_file import ArtifactFile
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.formats import mds
from dspipe.stages.pack.manifest import COUNTED, manifest
from dspipe.stages.pack.settings import RowSettings
from dspipe.stages.pack.special_tokens import find_special
from dspipe.stages.shared.artifacts import read_json_artifacts

Parts = Sequence[tuple[Mapping[str, Any], Sequence[ArtifactFile]]]


def write_index(task: Task, stage: StageSettings) -> None:
    """Check the sums, and write the manifest that readers start from. Raises ConservationError."""
    config = RowSettings.model_validate(stage.settings["rows"])
    parts = [*_read_parts(task, "summaries", "shards"), *_read_parts(task, "tail_summary", "tail")]
    totals = _totals([drawn for _, drawn in read_json_artifacts(task, "drawn")], parts)
    tokenizer = task.artifact("tokenizer")[0]
    data = tokenizer.read()
    index = manifest(
        parts,
        settings={
            "format": config.format,
            "mode": config.mode,
            "row_length": config.length,
            "seed": task.seed,
            "tokenizer_sha256": tokenizer.sha256,
            "mixture_sha256": task.artifact("mixture")[0].sha256 if stage.settings["remixed"] else None,
        },
        special=find_special(config, data),
        tokenizer=data,
        totals=totals,
    )
    if config.format == "mds":
        index |= mds.index_entries(index)
    with task.make("index") as file:
        file.write(json.dumps(index, indent=1, ensure_ascii=False).encode())
    task.note("packed", {name: value for name, value in index.items() if name not in ("parts", "shards")})


def _read_parts(task: Task, summaries: str, shards: str) -> Iterator[tuple[Mapping[str, Any], list[ArtifactFile]]]:
    """The summary and the files of each partition, in order."""
    files: dict[int, list[ArtifactFile]] = {}
    for file in task.artifact(shards):
        files.setdefault(file.sender, []).append(file)
    for sender, summary in read_json_artifacts(task, summaries):
        yield summary, files.get(sender, [])


def _totals(drawn: Sequence[Mapping[str, int]], parts: Parts) -> dict[str, int]:
    totals = {name: sum(summary.get(name, 0) for summary, _ in parts) for name in (*COUNTED, "dropped")}
    documents = sum(count["documents"] for count in drawn)
    tokens = sum(count["tokens"] for count in drawn)
    sides = tokens + totals["added"], totals["tokens"] + totals["cropped"] + totals["dropped"]
    if sides[0] != sides[1] or documents != totals["documents"]:
        raise ConservationError(
            f"pack: {documents:,} documents with {tokens:,} tokens were drawn, {totals['added']:,} tokens added; "
            f"{totals['documents']:,} documents came out, with {totals['tokens']:,} tokens in rows, "
            f"{totals['cropped']:,} cropped and {totals['dropped']:,} dropped"
        )
    return {
        **{name: totals[name] for name in COUNTED if name != "rest"},
        "dropped": totals["dropped"],
        "dropped_documents": sum(summary.get("dropped_documents", 0) for summary, _ in parts),
        "empty_documents": sum(count["empty"] for count in drawn),
    }
