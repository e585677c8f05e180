"""What two runs decided differently: flows between verdicts, by stage, domain and language, with samples of each."""

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.doc_id import split
from dspipe.pipeline.funnel import Counts
from dspipe.pipeline.inspection.diff.difference import (
    Difference,
    DiffFlow,
    DiffGroup,
    DiffSample,
    Measures,
    Verdict,
)
from dspipe.pipeline.inspection.diff.records import (
    RECORD,
    Codes,
    Records,
    aligned_shards,
    joined,
    read_records,
)
from dspipe.pipeline.inspection.diff.tally import GONE, KEPT, Chosen, Tally
from dspipe.pipeline.inspection.document_table import NUMBER, STAGE, DocumentTable
from dspipe.pipeline.run.run_file import configured_stages, read_run_config
from dspipe.pipeline.stage import Stage

MEMORY = 1 << 29
SHOWN_CHARACTERS = 300
_NO_VERDICT = {"name", "output", "engine"}


def diff_runs(
    a: DocumentTable,
    b: DocumentTable,
    samples: int = 3,
    seed: int = 0,
    texts: bool = False,
    import_own: bool = False,
    memory: int = MEMORY,
) -> Difference:
    """Compare two runs document by document.

    samples     documents shown of each flow
    texts       read texts and compare them too; otherwise only those whose lengths differ count as changed
    import_own  ask stages of the runs' own what they hold documents against, too: imports their modules
    memory      bytes that the join may use, beside what is read

    Raises DamagedFileError.
    """
    start = time.perf_counter()
    tally = Tally(Codes(), samples, seed)
    aligned = _compare(a, b, tally, texts, memory)
    return _Summary((a, b), tally, import_own, texts).difference(aligned, start)


def _compare(a: DocumentTable, b: DocumentTable, tally: Tally, texts: bool, memory: int) -> int:
    """Put all documents into the tally. How many were compared without a join."""
    pairs = aligned_shards(a, b)
    documents = 0
    for same_texts in (True, False):
        chosen = [pair for pair in pairs if _has_same_texts(a, b, pair) == same_texts]
        read = [
            read_records(table, tally.codes, [pair[side] for pair in chosen], texts and not same_texts)
            for side, table in enumerate((a, b))
        ]
        for one, other in zip(*read, strict=True):
            tally.add(one, other)
            documents += len(one)
    left = [
        [number for number in range(len(table.shards)) if number not in {pair[side] for pair in pairs}]
        for side, table in enumerate((a, b))
    ]
    rows = sum(table.shards[number].rows for table, shards in zip((a, b), left, strict=True) for number in shards)
    if rows:
        records: list[Iterator[Records]] = [
            read_records(table, tally.codes, shards, texts) for table, shards in zip((a, b), left, strict=True)
        ]
        for one, other in joined(records[0], records[1], rows * RECORD.itemsize, memory):
            tally.add(one, other)
    return documents


def _has_same_texts(a: DocumentTable, b: DocumentTable, pair: tuple[int, int]) -> bool:
    one, other = a.shards[pair[0]].columns, b.shards[pair[1]].columns
    return "text" in one and "text" in other and one["text"].hash == other["text"].hash


class _Summary:
    """A difference in the making."""

    def __init__(
        self, tables: tuple[DocumentTable, DocumentTable], tally: Tally, import_own: bool, texts: bool
    ) -> None:
        self._tables, self._tally, self._import_own, self._texts = tables, tally, import_own, texts

    def difference(self, aligned: int, start: float) -> Difference:
        flows = list(self._flows())
        return Difference(
            runs=(self._tables[0].run.name, self._tables[1].run.name),
            settings=tuple(self._settings()),
            documents=(_of_a(flows), _of_b(flows)),
            kept=(
                _of_a([flow for flow in flows if flow.a.state == "kept"]),
                _of_b([flow for flow in flows if flow.b.state == "kept"]),
            ),
            flows=tuple(sorted(flows, key=lambda flow: (not flow.changed, -flow.measures.documents))),
            groups=tuple(self._groups()),
            aligned=aligned,
            changed_texts=tuple(self._samples(self._tally.other_texts)),
            remarks=tuple(self._remarks(flows)),
            seconds=round(time.perf_counter() - start, 3),
        )

    def _flows(self) -> Iterator[DiffFlow]:
        for (a, b), measures in self._tally.flows().items():
            verdicts = self._verdict(0, a), self._verdict(1, b)
            yield DiffFlow(*verdicts, measures, tuple(self._samples(self._tally.chosen.get((a, b), []))))

    def _groups(self) -> list[DiffGroup]:
        sums: dict[tuple[int, int], list[Measures]] = {}
        for (a, b, domain, language), measures in self._tally.cells.items():
            parts = sums.setdefault((domain, language), [Measures()] * 4)
            kind = {(True, True): 0, (True, False): 1, (False, True): 2}.get((a == KEPT, b == KEPT), 3)
            parts[kind] = parts[kind].plus(measures)
        codes = self._tally.codes
        groups = [
            DiffGroup(_name(codes.domains.names, domain), _name(codes.languages.names, language), *parts)
            for (domain, language), parts in sums.items()
        ]
        return sorted(groups, key=lambda group: -(group.kept_in_a.documents + group.kept_in_b.documents))

    def _remarks(self, flows: Sequence[DiffFlow]) -> Iterator[str]:
        for name, table in zip("ab", self._tables, strict=True):
            if not table.run.finished:
                yield f"run {name} isn't finished: it has {table.documents:,} documents and verdicts so far"
            if _config(table) is None:
                yield f"config.yaml of run {name} is gone or was changed: in which settings the runs differ isn't known"
        both = sum(flow.measures.documents for flow in flows if "absent" not in (flow.a.state, flow.b.state))
        if not both and all(table.documents for table in self._tables):
            yield "no document is in both runs: they are known again by their source's name, their place and id"
        if not self._texts and any(flow.measures.texts_changed for flow in flows):
            yield "texts are compared by their length; --texts reads them"

    def _verdict(self, side: int, code: int) -> Verdict:
        if code in (KEPT, GONE):
            return Verdict("kept" if code == KEPT else "absent")
        reason = self._tally.codes.reasons.names[code]
        return Verdict("dropped", reason, self._tables[side].stage_of_reason.get(reason))

    def _samples(self, chosen: Sequence[Chosen]) -> Iterator[DiffSample]:
        for _, number_a, number_b in chosen:
            in_a = number_a is not None
            number = number_a if in_a else number_b
            if number is not None:
                yield self._sample("a" if in_a else "b", number, number_b if in_a else None)

    def _sample(self, run: Literal["a", "b"], number: int, other: int | None) -> DiffSample:
        shard, row = split(number)
        found = _row(self._tables["ab".index(run)], number)
        others = _row(self._tables[1], other) if other is not None else {}
        texts = {name: found.get(name) for name in ("id", "url", "domain", "language", "text")}
        held = tuple(self._held(*((found, others) if run == "a" else (others, found))))
        begins = (texts["text"] or "")[:SHOWN_CHARACTERS]
        return DiffSample(
            run, str(texts["id"]), texts["url"], texts["domain"], texts["language"], shard, row, held, begins
        )

    def _held(self, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
        """What the stages that dropped it in either run held it against, in both."""
        reasons = {columns.get("reason") for columns in (a, b)} - {None}
        asked: dict[tuple[str, str], dict[str, tuple[Any, str]]] = {}
        for run, columns, stages in zip("ab", (a, b), self._stages, strict=True):
            for stage in stages if columns else ():
                for limit in stage.limits(columns):
                    if limit.reason in reasons:
                        value = columns.get(limit.column)
                        asked.setdefault((limit.column, limit.reason), {})[run] = value, limit.asks
        for (column, _), said in asked.items():
            yield f"{column}: " + "; ".join(
                f"{_value(value)} in {run}, which asks {asks}" for run, (value, asks) in said.items()
            )

    @cached_property
    def _stages(self) -> list[tuple[Stage[Any], ...]]:
        found: list[tuple[Stage[Any], ...]] = []
        for table in self._tables:
            try:
                found.append(configured_stages(table.store, self._import_own).known)
            except (InvalidConfigError, OSError):
                found.append(())
        return found

    def _settings(self) -> Iterator[tuple[str, Any, Any]]:
        """Where the configs differ, but for names and places."""
        configs = [_config(table) for table in self._tables]
        if None in configs:
            return  # which is said among the remarks
        a, b = map(_flat, configs)
        for key in sorted({*a, *b}):
            if key.partition(".")[0] not in _NO_VERDICT and a.get(key) != b.get(key):
                yield key, a.get(key), b.get(key)


def _row(table: DocumentTable, number: int) -> dict[str, Any]:
    names = [name for name, kind in table.columns.items() if name not in (STAGE, NUMBER) and not _is_binary(kind)]
    return table.read_row(*split(number), names)


def _is_binary(kind: Any) -> bool:
    return "binary" in str(kind)


def _of_a(flows: Sequence[DiffFlow]) -> Counts:
    there = [flow.measures for flow in flows if flow.a.state != "absent"]
    return Counts(*(sum(getattr(one, name) for one in there) for name in ("documents", "bytes_a", "tokens_a")))


def _of_b(flows: Sequence[DiffFlow]) -> Counts:
    there = [flow.measures for flow in flows if flow.b.state != "absent"]
    return Counts(*(sum(getattr(one, name) for one in there) for name in ("documents", "bytes_b", "tokens_b")))


def _name(names: Sequence[str], code: int) -> str | None:
    return names[code] if code >= 0 else None


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _config(table: DocumentTable) -> dict[str, Any] | None:
    """The values of a run's config; None where it is gone, or no config any more."""
    try:
        return read_run_config(table.store)[0]
    except InvalidConfigError:
        return None


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Values by their keys; stages are named, so that one that comes or goes doesn't shift the others."""
    if isinstance(value, dict) and value:
        items = [(str(key), part) for key, part in value.items()]
    elif isinstance(value, list) and value and all(isinstance(part, dict | str) for part in value):
        items = [_named(number, part) for number, part in enumerate(value)]
    else:
        return {path: value}
    return {
        key: found for name, part in items for key, found in _flat(part, f"{path}.{name}" if path else name).items()
    }


def _named(number: int, item: Any) -> tuple[str, Any]:
    if isinstance(item, dict) and len(item) == 1:
        key, settings = next(iter(item.items()))
        # of several stages of a kind each has a name of its own
        given = settings.get("name") if isinstance(settings, dict) else None
        return str(given or key), settings
    if isinstance(item, dict) and isinstance(item.get("name"), str):
        return item["name"], item
    return (item, {}) if isinstance(item, str) else (str(number), item)
