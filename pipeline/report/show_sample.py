"""`dspipe plan --sample`: what becomes of the first records of every source, and what looks wrong with it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.report.stats import funnel_table, reason_table
from dspipe.pipeline.report.tables import Table, print_table
from dspipe.pipeline.run.sample import Sample
from dspipe.pipeline.storage.columns import Column, read_rows
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.quarantine import quarantined_records
from dspipe.pipeline.visible_text import visible

if TYPE_CHECKING:
    from rich.console import Console

_FEW = 20
"""of fewer records nothing is said"""


@dataclass
class SourceSample:
    """What became of the records of one source."""

    name: str
    documents: int = 0
    empty: int = 0
    """without a letter or another character that isn't blank"""
    errors: Counter[str] = field(default_factory=Counter)
    """of bad records"""
    reasons: Counter[str] = field(default_factory=Counter)
    """of documents that were dropped"""

    @property
    def bad(self) -> int:
        """Bad records."""
        return self.errors.total()

    @property
    def kept(self) -> int:
        """Documents that are left."""
        return self.documents - self.reasons.total()


def print_sample(sample: Sample, console: "Console") -> bool:
    """Print what became of a sample. Whether something is left of every source."""
    from rich.markup import escape

    sources = list(_by_source(sample))
    table = Table("Sample", ("source", "records", "bad", "empty", "dropped", "kept"), frozenset(range(1, 6)))
    for one in sources:
        numbers = (one.documents + one.bad, one.bad, one.empty, one.reasons.total(), one.kept)
        table.rows.append((one.name, *(f"{n:,}" for n in numbers)))
    for shown in (table, *((funnel_table(sample.run), reason_table(sample.run)) if sample.run else ())):
        if shown is not None:
            console.print()
            print_table(shown, console)
    remarks = [remark for one in sources for remark in _remarks(one)]
    if sample.failure is not None:
        remarks.append(f"the sample did not come to its end, perhaps because it is small: {sample.failure}")
    for remark in remarks:
        console.print(f"[yellow]note:[/] {escape(visible(remark))}", highlight=False, soft_wrap=True)
    if not remarks:
        console.print("Nothing looks wrong in the sample.")
    return sample.run is not None and all(one.kept for one in sources)


def _by_source(sample: Sample) -> Iterator[SourceSample]:
    text_pass = sample.run.text_pass() if sample.run else None
    for shard, manifest in enumerate(text_pass.manifests if text_pass else ()):
        read = sample.store.read_json(manifest)
        one = SourceSample(sample.sources[shard])
        one.errors.update(entry["error"] for entry in quarantined_records(sample.store, read))
        sizes = _column(sample.store, read, read["groups"], "text_bytes")
        one.documents = sum(read["groups"])
        one.empty = 0 if sizes is None else pc.sum(pc.equal(sizes, 0)).as_py() or 0
        one.reasons.update(_reasons(sample, shard, read["groups"], one.documents))
        yield one


def _reasons(sample: Sample, shard: int, groups: list[int], documents: int) -> Iterator[str]:
    """The first reason of each document of a shard that was dropped."""
    reasons: pa.ChunkedArray | pa.Array = pa.nulls(documents, pa.string())
    for phase in sample.run.phases if sample.run else ():
        if phase.by_shard:
            found = _column(sample.store, sample.store.read_json(phase.manifests[shard]), groups, "reason")
            if found is not None:
                reasons = pc.coalesce(reasons, found.cast(pa.string()))
    yield from (reason for reason in reasons.to_pylist() if reason is not None)


def _column(store: Store, manifest: Mapping[str, Any], groups: list[int], name: str) -> pa.Array | None:
    if name not in manifest["columns"]:
        return None
    batches = read_rows(store, {name: Column(*manifest["columns"][name])}, [name], groups)
    columns = [batch.column(name) for batch in batches]
    return pa.concat_arrays(columns) if columns else pa.nulls(0)


def _remarks(one: SourceSample) -> Iterator[str]:
    records = one.documents + one.bad
    if not records:
        yield f"{one.name}: no record was found in its first files"
        return
    if one.bad:
        error, n = one.errors.most_common(1)[0]
        yield f"{one.name}: {one.bad:,} of {records:,} records are bad; {n:,} of them: {error}"
    if one.empty > max(1, one.documents // 20):
        yield f"{one.name}: {one.empty:,} of {one.documents:,} texts are empty; is another field the text?"
    if one.documents >= _FEW:
        for reason, n in one.reasons.most_common():
            if n > one.documents / 2:
                yield (
                    f"{one.name}: {reason} drops {n:,} of {one.documents:,} documents; "
                    f"after a run `dspipe explain` shows why"
                )
    if one.documents and not one.kept:
        yield f"{one.name}: no document is kept"
