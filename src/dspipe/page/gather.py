"""Everything that the page shows of a run, gathered: the columns are read once, texts of samples only."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.urls.hosts_of import hosts_of
from dspipe.page.duplicates import LARGEST, Round, rounds_of, show_rounds
from dspipe.page.fertility import Fertility, fertility_of
from dspipe.page.flow import Flow, flow_of
from dspipe.page.mixture import Mixture, mixture_of
from dspipe.page.reasons import Reason, reasons_of
from dspipe.page.work import Work, work_of
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.inspection.anomalies import (
    MIN_DOCUMENTS,
    Anomaly,
    empty_scores,
    odd_drop_rates,
    odd_languages,
    odd_lengths,
    odd_spreads,
    slow_shards,
)
from dspipe.pipeline.inspection.clusters import LargestClusters
from dspipe.pipeline.inspection.document_table import NUMBER, REASON, DocumentTable
from dspipe.pipeline.inspection.drawn import DrawnByGroup, SampleOfAll
from dspipe.pipeline.inspection.early_kept import EarlyKept
from dspipe.pipeline.inspection.groups import Grouping, Groups
from dspipe.pipeline.inspection.histograms import Histogram, Histograms, is_score, numeric_columns
from dspipe.pipeline.inspection.one_pass import Collector, pass_over
from dspipe.pipeline.inspection.run_thresholds import run_thresholds
from dspipe.pipeline.inspection.shard_work import ShardWork, shard_work
from dspipe.pipeline.run.run_file import RunFile, configured_stages
from dspipe.pipeline.run.summary import ALARMS
from dspipe.pipeline.stage import Stage
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.threshold import Threshold

SAMPLES_A_REASON = 3
_SAMPLED = 200_000
"""documents of which medians and mixes of languages are taken, group by group"""
_ENGINE_COLUMNS = ("copies", "remix.expected_copies")
"""numbers that are no statistic of a text"""


@dataclass
class Contents:
    """All parts of the page; what isn't known yet, or any more, is empty."""

    documents: int = 0
    anomalies: list[Anomaly] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    """what stages have noted, a sentence each"""
    flow: Flow | None = None
    reasons: list[Reason] = field(default_factory=list)
    histograms: list[Histogram] = field(default_factory=list)
    thresholds: dict[str, list[Threshold]] = field(default_factory=dict)
    """by column"""
    groupings: list[Grouping] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    mixture: Mixture | None = None
    fertility: Fertility | None = None
    work: Work | None = None
    problems: list[str] = field(default_factory=list)
    """why parts are missing"""
    seconds: float = 0.0
    """that gathering took"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def gather(store: Store, run: RunFile, seed: int = 0, import_own: bool = False) -> Contents:
    """Everything of a run, as far as it is. `seed` draws the samples; `import_own`: stages of the run's own say what
    they know, too, whose modules are imported for it. What can't be read is told in `problems`, and left out."""
    began = time.monotonic()
    contents = Contents(flow=flow_of(run), work=work_of(run, 0, []), alarms=_alarms(run))
    stages: Sequence[Stage[Any]] = ()
    try:
        configured = configured_stages(store, import_own)
        stages = configured.known
        if configured.left_out:
            names = ", ".join(configured.left_out)
            contents.problems.append(
                f"What the run's own stages know isn't shown ({names}): `dspipe.open_run(...).html(import_own=True)` "
                f"imports their modules"
            )
    except (InvalidConfigError, OSError) as error:
        contents.problems.append(f"What the stages know is missing, such as thresholds and clusters: {error}")
    table = DocumentTable(store, run)
    try:
        _read(contents, table, stages, seed)
    except (DamagedFileError, FileNotFoundError) as error:
        contents.problems.append(f"What stands in the columns is missing, or some of it: {error}")
    try:
        contents.mixture = mixture_of(store, run, stages)
    except (DamagedFileError, FileNotFoundError, ValueError, TypeError) as error:
        contents.problems.append(f"The mixture is missing: {error}")
    contents.seconds = time.monotonic() - began
    return contents


def _read(contents: Contents, table: DocumentTable, stages: Sequence[Stage[Any]], seed: int) -> None:
    """The parts that are made of columns, in the order of their worth, should one of them find damage."""
    types = table.columns
    contents.documents = table.documents
    if not types or not table.documents:
        return
    verdicts = REASON in types
    numbers = [name for name in numeric_columns(types) if name not in _ENGINE_COLUMNS]
    scores = [name for name in numbers if is_score(name, types[name])]
    contents.thresholds = _thresholds(table.run, stages)
    rounds = rounds_of(table, stages)

    histograms = Histograms(numbers, verdicts)
    named: list[str] = [by for by in ("source", "domain", "language", "dump") if by in types]
    groups = {by: Groups(by, list(types)) for by in named}
    groups["host"] = Groups("host", list(types), "url", hosts_of)
    groups["shard"] = Groups("shard", [*types, NUMBER], NUMBER, _shard_names)
    keys = [name for name in ("source", "domain", "dump", "url", "language") if name in types]
    sample = SampleOfAll([*keys, "text_bytes", *scores], _SAMPLED, seed)
    clusters = {name: LargestClusters(name, LARGEST, seed=seed) for name in rounds}
    collectors: list[Collector] = [histograms, *groups.values(), sample, *clusters.values()]
    early = EarlyKept(table, stages)
    by_reason = DrawnByGroup([REASON], SAMPLES_A_REASON, seed, first=early.origins) if verdicts else None
    encoded = DrawnByGroup(["language", "domain"], 8, seed, kept_only=True) if "tokens" in types else None
    pass_over(table, [*collectors, *(drawn for drawn in (by_reason, encoded) if drawn is not None)])

    contents.histograms = histograms.found()
    found = {by: group.found() for by, group in groups.items()}
    contents.groupings = [found[by] for by in ("source", "domain", "language", "dump", "host") if by in found]
    work = shard_work(table, _bytes_of_shards(found["shard"], len(table.shards)))
    contents.anomalies = _anomalies(found, sample.found(), scores, contents.histograms, work)
    contents.work = work_of(table.run, sum(one.bytes for one in work), work)
    _name_shards(contents, table)
    if by_reason is not None:
        contents.reasons = reasons_of(table, by_reason.found(), stages, early)
    contents.rounds = show_rounds(table, rounds, clusters)
    if encoded is not None:
        contents.fertility = fertility_of(table, found["language"], found["domain"], encoded.found())


def _anomalies(
    groups: dict[str, Grouping],
    sample: pa.Table,
    scores: Sequence[str],
    histograms: Sequence[Histogram],
    work: Sequence[ShardWork],
) -> list[Anomaly]:
    found = empty_scores(histograms, scores) + slow_shards(work)
    for by, grouping in groups.items():
        if by != "language":  # a filter of languages drops the others
            found += odd_drop_rates(grouping)
    names = {by: sample.column(by).combine_chunks().cast(pa.string()) for by in ("source", "domain", "dump")}
    names["host"] = hosts_of(sample.column("url").combine_chunks())
    names["shard"] = _shard_names(sample.column(NUMBER).combine_chunks())
    for by, of_rows in names.items():
        if len(groups[by].groups) < 2:
            continue
        found += odd_lengths(sample, by, of_rows)
        if by != "host":  # a host has a language
            found += odd_languages(sample, by, of_rows)
        for score in scores:
            found += odd_spreads(sample, by, of_rows, score)
    return sorted(found, key=lambda one: (one.documents < MIN_DOCUMENTS, -one.size))


def _alarms(run: RunFile) -> list[str]:
    """What stages have noted for alarms."""
    said = []
    for phase in run.phases:
        for alarm in phase.notes.get(ALARMS, []):
            if "rule" in alarm:
                share = f"{alarm['documents']:,} of {alarm['of']:,} documents ({alarm['share']:.0%})"
                said.append(f"{alarm['rule']} drops {share} of the domain {alarm['domain']} that come to it")
            else:
                said.append(f"{phase.name}: {', '.join(f'{key} {value}' for key, value in alarm.items())}")
    return said


def _thresholds(run: RunFile, stages: Sequence[Stage[Any]]) -> dict[str, list[Threshold]]:
    found: dict[str, list[Threshold]] = {}
    for one in run_thresholds(run, stages):
        if one.threshold.on:
            found.setdefault(one.threshold.column, []).append(one.threshold)
    return found


def _shard_names(numbers: pa.Array) -> pa.Array:
    shards = pc.shift_right(numbers, pa.scalar(32, pa.uint64())).dictionary_encode()
    names = pa.array([f"shard {shard}" for shard in shards.dictionary.to_pylist()], pa.string())
    return names.take(shards.indices)


def _bytes_of_shards(grouping: Grouping, shards: int) -> list[int]:
    sizes = {group.name: group.bytes for group in grouping.groups}
    return [sizes.get(f"shard {shard}", 0) for shard in range(shards)]


def _name_shards(contents: Contents, table: DocumentTable) -> None:
    """Where shards are named: their source, and the file that their first document is from."""

    def name(number: int) -> str:
        if not table.shards[number].rows:
            return f"shard {number}"
        row = table.read_row(number, 0, ["source", "place"])
        return f"shard {number}: {row['source']}, from {row['place']}"

    contents.anomalies = [
        replace(one, name=name(int(one.name.removeprefix("shard ")))) if one.of == "shard" else one
        for one in contents.anomalies
    ]
    if contents.work is not None:
        slowest = [replace(one, name=name(one.shard)) for one in contents.work.slowest]
        contents.work = replace(contents.work, slowest=slowest)
