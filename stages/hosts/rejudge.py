"""What `hosts` would decide if other documents came to it, or with other settings: the table of hosts made again."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.urls.hosts_of import hosts_of
from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.pipeline.stage import Settings
from dspipe.stages.hosts.host_table import HOST, PagesByHost, judged_table
from dspipe.stages.hosts.stage import DROPPED, condition_on_hosts
from dspipe.stages.hosts.steps import beyond, hosts_that_go

_NONE = -1


def rejudge(name: str, seed: int, settings: Settings, documents: RunDocuments) -> Rejudged:
    """Exact; means of columns to the rounding of their sums. Settings: drop, mean, max_pages.

    Raises NeedsRunError for a column that the run hasn't.
    """
    condition, most = condition_on_hosts(settings), settings["max_pages"]
    named = [column for column in (condition.columns if condition else ()) if column.startswith(DROPPED)]
    table = judged_table(_counted(settings["mean"], documents), settings["mean"], named).combine_chunks()
    rows = table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], table.schema)
    goes = np.append(hosts_that_go(rows, condition), False)  # the last is the host of what has none
    large = np.append(rows.column("kept").to_numpy() > most if most is not None else np.zeros(len(rows), bool), False)
    place = np.full(len(documents.enters), _NONE, np.int32)
    for first, batch in documents.read(["url"]):
        found = pc.index_in(hosts_of(batch.column("url")), rows.column(HOST), skip_nulls=True)
        place[first : first + batch.num_rows] = found.fill_null(_NONE).to_numpy(zero_copy_only=False)
    codes = np.where(documents.enters & goes[place], np.int32(0), np.int32(-1))
    chosen = np.flatnonzero(documents.enters & (large & ~goes)[place])
    if len(chosen):
        hashes = _hashes(name, seed, documents)[chosen]
        order = np.lexsort((chosen, hashes, place[chosen]))
        codes[chosen[beyond(place[chosen][order], order, most)]] = 1
    return Rejudged((f"{name}.dropped", f"{name}.too_many_pages"), codes)


def _counted(mean: list[str], documents: RunDocuments) -> pa.Table:
    """Pages by host and reason, as they come to the stage now."""
    counted = PagesByHost(mean)
    codes, reasons = documents.dropped_before()
    names = pa.array(reasons, pa.string())
    for first, batch in documents.read(["url", *mean]):
        why = codes[first : first + batch.num_rows]
        reason = names.take(pa.array(np.maximum(why, 0), mask=why < 0)) if len(names) else pa.nulls(len(why))
        counted.add_pages(batch.append_column("reason", reason.cast(pa.string())))
    return counted.table()


def _hashes(name: str, seed: int, documents: RunDocuments) -> npt.NDArray[np.uint64]:
    found = [seeded_hashes(batch.column("origin"), seed, name) for _, batch in documents.read(["origin"])]
    return np.concatenate(found)
