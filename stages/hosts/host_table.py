"""What became of the pages of each host: counted by reason in batches, added up over a shard and over the corpus."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.urls.hosts_of import hosts_of
from dspipe.stages.hosts.stage import DROPPED, MEAN

HOST, REASON, PAGES = "host", "reason", "pages"
_MERGED_ROWS = 1 << 18


class PagesByHost:
    """Pages by host and reason (null: kept), and of each column in `mean` the sum and the number of its values."""

    def __init__(self, mean: Sequence[str]) -> None:
        self._mean = list(mean)
        self._waiting: list[pa.Table] = []
        self._rows = 0
        self._merged = 0

    def add_pages(self, batch: pa.RecordBatch) -> None:
        """Count a batch of documents: columns url, reason and those in `mean`."""
        hosts = hosts_of(batch.column("url"))
        known = pc.is_valid(hosts)
        columns = {HOST: hosts.filter(known), REASON: batch.column("reason").cast(pa.string()).filter(known)}
        columns[PAGES] = pa.repeat(pa.scalar(1, pa.int64()), len(columns[HOST]))
        for name in self._mean:
            values = batch.column(name).filter(known).cast(pa.float64())
            columns[f"sum.{name}"] = pc.fill_null(values, 0.0)
            columns[f"count.{name}"] = pc.is_valid(values).cast(pa.int64())
        self.add(pa.table(columns))

    def add(self, table: pa.Table) -> None:
        """Add what another one has counted."""
        self._waiting.append(self._summed(table))
        self._rows += self._waiting[-1].num_rows
        if self._rows > max(_MERGED_ROWS, 2 * self._merged):
            self._waiting = [self.table()]
            self._rows = self._merged = self._waiting[0].num_rows

    def table(self) -> pa.Table:
        """A row for each host and reason, sorted: host, reason, pages, sum.<column>, count.<column>."""
        if not self._waiting:
            self._waiting = [self._summed(self._empty())]
        return self._summed(pa.concat_tables(self._waiting)).sort_by([(HOST, "ascending"), (REASON, "ascending")])

    def _empty(self) -> pa.Table:
        fields = [pa.field(HOST, pa.string()), pa.field(REASON, pa.string()), pa.field(PAGES, pa.int64())]
        for name in self._mean:
            fields += [pa.field(f"sum.{name}", pa.float64()), pa.field(f"count.{name}", pa.int64())]
        return pa.schema(fields).empty_table()

    def _summed(self, table: pa.Table) -> pa.Table:
        numbers = [name for name in table.column_names if name not in (HOST, REASON)]
        # one thread: sums of floats depend on their order
        summed = table.group_by([HOST, REASON], use_threads=False).aggregate([(name, "sum") for name in numbers])
        return summed.select([HOST, REASON, *[f"{name}_sum" for name in numbers]]).rename_columns(
            [HOST, REASON, *numbers]
        )


def judged_table(pages: pa.Table, mean: Sequence[str], named: Sequence[str]) -> pa.Table:
    """A row for each host, from `PagesByHost.table`: host, pages, kept, dropped, mean.<column>, a column for each name
    `dropped.<reason>` in `named`, and `reasons`, a list of (reason, pages), the commonest first."""
    kept = pc.if_else(pc.is_null(pages.column(REASON)), pages.column(PAGES), 0)
    sums = {PAGES: pages.column(PAGES), "kept": kept}
    for name in named:
        sums[name] = pc.if_else(_is_for(pages.column(REASON), name.removeprefix(DROPPED)), pages.column(PAGES), 0)
    for name in mean:
        sums |= {key: pages.column(key) for key in (f"sum.{name}", f"count.{name}")}
    summed = (
        pa.table({HOST: pages.column(HOST), **sums})
        .group_by(HOST, use_threads=False)
        .aggregate([(name, "sum") for name in sums])
        .sort_by(HOST)
    )
    of = {name: summed.column(f"{name}_sum") for name in sums}
    all_pages = of[PAGES].cast(pa.float64())
    found = {HOST: summed.column(HOST), PAGES: of[PAGES], "kept": of["kept"]}
    found["dropped"] = pc.subtract(1.0, pc.divide(of["kept"].cast(pa.float64()), all_pages))
    found |= {f"{MEAN}{name}": _divided(of[f"sum.{name}"], of[f"count.{name}"]) for name in mean}
    found |= {name: pc.divide(of[name].cast(pa.float64()), all_pages) for name in named}
    return pa.table(found).append_column("reasons", _reasons(pages, found[HOST]))


def _is_for(reasons: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    same = pc.or_(pc.equal(reasons, name), pc.starts_with(reasons, f"{name}."))
    return pc.fill_null(same, False)


def _divided(sums: pa.ChunkedArray, counts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.divide(sums, pc.if_else(pc.equal(counts, 0), pa.scalar(None, pa.int64()), counts).cast(pa.float64()))


def _reasons(pages: pa.Table, hosts: pa.ChunkedArray) -> pa.Array:
    """Of each host (in the order of `pages`, whose rows of a host lie side by side) its reasons."""
    dropped = pages.filter(pc.is_valid(pages.column(REASON))).sort_by(
        [(HOST, "ascending"), (PAGES, "descending"), (REASON, "ascending")]
    )
    counts = dropped.group_by(HOST, use_threads=False).aggregate([(PAGES, "count")])
    at = pc.index_in(hosts.combine_chunks(), counts.column(HOST).combine_chunks())
    lengths = pc.fill_null(counts.column(f"{PAGES}_count").combine_chunks().take(at), 0)
    offsets = pc.cumulative_sum(pa.concat_arrays([pa.array([0], pa.int64()), lengths.cast(pa.int64())]))
    columns = [dropped.column(name).combine_chunks() for name in (REASON, PAGES)]
    return pa.ListArray.from_arrays(offsets.cast(pa.int32()), pa.StructArray.from_arrays(columns, [REASON, PAGES]))
