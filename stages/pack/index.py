"""The manifest of a run's shards, made once no token is found to be lost.

Tokens drawn + tokens added (begin, end, fill-in-the-middle) = tokens in rows + cropped + dropped.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dspipe.pipeline.errors import ConservationError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.artifact_file import ArtifactFile
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.accounting import training_data
from dspipe.stages.pack.document_table import SUFFIX
from dspipe.stages.pack.drawn import DrawnCounts
from dspipe.stages.pack.formats import mds
from dspipe.stages.pack.manifest import Manifest, PackedShard, ShardFile
from dspipe.stages.pack.settings import RowSettings
from dspipe.stages.pack.special_tokens import find_special_tokens
from dspipe.stages.pack.summary import PackedCounts, PartitionSummary, ShardContents
from dspipe.stages.pack.tokenizer_json import read_added_tokens
from dspipe.stages.shared.artifacts import read_json_artifacts

SUFFIXES = (SUFFIX, ".bin", ".idx", ".mds", ".parquet")


def write_index(task: Task, stage: StageSettings) -> None:
    """Check the sums, and make the artifact `index`, the manifest that readers start from. Raises ConservationError.

    Settings: rows (`RowSettings`), remixed (whether there is a mixture).
    """
    config = RowSettings.model_validate(stage.settings["rows"])
    partitions = [*_read_partitions(task, "summaries", "shards"), *_read_partitions(task, "tail_summary", "tail")]
    drawn, counts = DrawnCounts(), PackedCounts()
    for _, counted in read_json_artifacts(task, "drawn"):
        drawn = drawn.plus(DrawnCounts(**counted))
    for summary, _ in partitions:
        counts = counts.plus(summary.counts)
    check_sums(drawn, counts)
    shards = [(summary.counts, summary.contents, files) for summary, files in partitions if summary.contents]
    parts = [_make_part(*shard) for shard in shards]
    tokenizer = task.artifact("tokenizer")[0]
    content = tokenizer.read()
    special = find_special_tokens(config, content)
    manifest = Manifest(
        format=config.format,
        mode=config.mode,
        row_length=config.length,
        seed=stage.seed,
        tokenizer_sha256=tokenizer.sha256,
        mixture_sha256=task.artifact("mixture")[0].sha256 if stage.settings["remixed"] else None,
        dtype=_the_dtype(contents for _, contents, _ in shards),
        vocabulary=read_added_tokens(content)[1],
        end_token=special.end,
        begin_token=special.begin if special.begin >= 0 else None,
        pad_token=special.pad,
        sentinels=special.sentinels.tolist(),
        rows=counts.rows,
        tokens=counts.tokens,
        padding=counts.padding,
        documents=counts.documents,
        cut=counts.cut,
        segments=counts.segments,
        rearranged=counts.rearranged,
        added=counts.added,
        cropped=counts.cropped,
        dropped=counts.dropped,
        dropped_documents=counts.dropped_documents,
        empty_documents=drawn.empty,
        segments_per_document=round(counts.segments / counts.documents, 4) if counts.documents else 0.0,
        domains=_sum_by_name(part.domains for part in parts),
        sources=_sum_by_name(part.sources for part in parts),
        parts=parts,
    )
    value = manifest.as_json()
    task.note("training data", training_data(drawn, counts, config.length))
    # what a manifest counts as documents are copies
    task.note(
        "packed", {name.replace("documents", "copies"): entry for name, entry in value.items() if name != "parts"}
    )
    with task.make("index", ".index.json", product="set") as file:
        entries = mds.index_entries(manifest) if config.format == "mds" else {}
        file.write(json.dumps({**value, **entries}, indent=1, ensure_ascii=False).encode())


def check_sums(drawn: DrawnCounts, packed: PackedCounts) -> None:
    """Whether all that was drawn was packed, left out on purpose, or counted as dropped. Raises ConservationError."""
    tokens = drawn.tokens + packed.added, packed.tokens + packed.cropped + packed.dropped
    if tokens[0] != tokens[1] or drawn.copies != packed.documents:
        raise ConservationError(
            f"pack: {drawn.copies:,} copies with {drawn.tokens:,} tokens were drawn, {packed.added:,} tokens "
            f"added; {packed.documents:,} copies came out, with {packed.tokens:,} tokens in rows, "
            f"{packed.cropped:,} cropped and {packed.dropped:,} dropped"
        )


def _read_partitions(
    task: Task, summaries: str, shards: str
) -> Iterator[tuple[PartitionSummary, Sequence[ArtifactFile]]]:
    """The summary and the files of each partition, in order."""
    files: dict[int, list[ArtifactFile]] = {}
    for file in task.artifact(shards):
        files.setdefault(file.sender, []).append(file)
    for sender, summary in read_json_artifacts(task, summaries):
        yield PartitionSummary.from_json(summary), files.get(sender, [])


def _make_part(counts: PackedCounts, contents: ShardContents, files: Iterable[ArtifactFile]) -> PackedShard:
    by_suffix = {}
    for file in files:
        suffix = next(suffix for suffix in SUFFIXES if file.name.endswith(suffix))
        by_suffix[suffix] = ShardFile(file.name, file.size, file.sha256)
    return PackedShard(
        rows=counts.rows,
        tokens=counts.tokens,
        padding=counts.padding,
        documents=contents.documents,
        domains=contents.domains,
        sources=contents.sources,
        files=by_suffix,
    )


def _the_dtype(shards: Iterable[ShardContents]) -> str:
    dtypes = sorted({shard.dtype for shard in shards}) or ["uint16"]
    if len(dtypes) > 1:
        raise ValueError(f"shards of different types: {', '.join(dtypes)}")
    return dtypes[0]


def _sum_by_name(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Sums by name, the largest first."""
    sums: dict[str, int] = {}
    for count in counts:
        for name, tokens in count.items():
            sums[name] = sums.get(name, 0) + tokens
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))
