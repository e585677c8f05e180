"""What the phases of `cluster` do that drop semantic duplicates: cut clusters into cells, send, compare, drop."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.vectors.clusters import Centers, around_mean, fixed, nearest
from dspipe.kernels.vectors.embed import Vectors
from dspipe.kernels.vectors.similar import find_similar
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import murmur_hash64, partition_of, record_batch, slice_of, slices_that_fit
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.spill import received_slices
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.cluster.steps import read_centers, read_sample
from dspipe.stages.cluster.vectors import is_placed, read_arrays, vectors_of, write_arrays

CELL_DOCUMENTS = 4096
"""that a cell is to have: comparing all pairs of so many vectors takes 10 ns a pair, 20 µs a document"""
_MAX_CELLS = 1 << 16
_ROW = pa.schema({"row": pa.uint32()})


def choose_cells(task: Task, stage: StageSettings) -> None:
    """Choose vectors of the sample as the middles of cells, of each cluster as many as its share asks for. Settings:
    documents, about how many there are."""
    centers = read_centers(task, stage.name)
    wanted = min(_MAX_CELLS, -(-stage.settings["documents"] // CELL_DOCUMENTS))
    vectors = read_sample(task, f"{stage.name}.sample", max(wanted, 1))
    numbers = nearest(vectors, centers)[0] if len(vectors) else np.empty(0, np.int32)
    middles, of = _middles(vectors, numbers, centers)
    write_arrays(task, f"{stage.name}.cells", mean=centers.mean, middles=middles, of=of)
    task.count("cells", len(middles))


def send_vectors(task: Task, stage: StageSettings) -> None:
    """Send each document's vector to its cell. Settings: of."""
    of, number = stage.settings["of"], f"{stage.name}.number"
    (file,) = task.artifact(f"{stage.name}.cells")
    mean, middles, clusters = read_arrays(file.read(), 3)
    first = 0
    for batch in task.rows(["reason", of, number]):
        placed = is_placed(batch, of) & pc.is_valid(batch.column(number)).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(placed)
        vectors = batch.column(of).take(pa.array(rows))
        own = batch.column(number).take(pa.array(rows)).to_numpy() - 1
        keys = murmur_hash64(_cells(vectors_of(vectors), own, mean, middles, clusters))
        records = {"key": keys, "row": (first + rows).astype(np.uint32), "vector": vectors}
        task.emit(partition_of(keys, task.partitions), record_batch(records))
        first += batch.num_rows
        task.progress(documents=batch.num_rows, bytes=0)


def find_duplicates(task: Task, stage: StageSettings) -> None:
    """Tell the shards which documents resemble an earlier one of their cell. Settings: duplicates_above."""
    slices = slices_that_fit(task, held=2)
    for part in received_slices(task, slices, lambda batch: slice_of(batch.column("key").to_numpy(), slices)):
        records = [(sender, batch) for sender, batch in part]
        if not records:
            continue
        shards = np.concatenate([np.full(len(batch), sender) for sender, batch in records])
        keys, rows = (np.concatenate([b.column(name).to_numpy() for _, b in records]) for name in ("key", "row"))
        vectors = np.concatenate([vectors_of(batch.column("vector")) for _, batch in records])
        del records
        # shards are numbered the oldest dump first
        order = np.lexsort((rows, shards, keys))
        ordered = keys[order]
        begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
        same_as = find_similar(vectors[order], np.append(begins, len(order)), stage.settings["duplicates_above"])
        dropped = order[same_as != np.arange(len(order))]
        dropped = dropped[np.lexsort((rows[dropped], shards[dropped]))]
        task.count("semantic duplicates", len(dropped))
        task.emit(shards[dropped], record_batch({"row": rows[dropped]}))


def write_verdicts(task: Task, stage: StageSettings) -> None:
    """Drop the documents that were found."""
    found, first = RecordsByRow(task, _ROW), 0
    for batch in task.rows(["reason"]):
        rows = found.between(first, first + batch.num_rows).column("row").to_numpy()
        dropped = np.zeros(batch.num_rows, bool)
        dropped[rows.astype(np.int64) - first] = True
        first += batch.num_rows
        reason = pc.if_else(pa.array(dropped), f"{stage.name}.semantic_duplicate", pa.scalar(None, pa.string()))
        task.write(record_batch({"reason": pc.coalesce(batch.column("reason").cast(pa.string()), reason)}))


def _middles(
    vectors: Vectors, numbers: npt.NDArray[np.int32], centers: Centers
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """(middles, the cluster of each), by cluster; a cluster of which the sample has nothing has its center."""
    middles, of = fixed(around_mean(vectors, centers.mean)), numbers
    missing = np.setdiff1d(np.arange(len(centers.centers), dtype=np.int32), numbers)
    middles = np.concatenate([middles.reshape(-1, centers.centers.shape[1]), centers.centers[missing]])
    of = np.concatenate([of, missing])
    order = np.argsort(of, kind="stable")
    return middles[order], of[order]


def _cells(
    vectors: Vectors,
    own: npt.NDArray[np.int32],
    mean: npt.NDArray[np.int16],
    middles: npt.NDArray[np.int16],
    clusters: npt.NDArray[np.int32],
) -> npt.NDArray[np.uint64]:
    """The number of each document's cell: the nearest middle of its cluster."""
    cells = np.zeros(len(vectors), np.uint64)
    for cluster in np.unique(own).tolist():
        rows = np.flatnonzero(own == cluster)
        start, end = np.searchsorted(clusters, [cluster, cluster + 1])
        cells[rows] = start + nearest(vectors[rows], Centers(mean, middles[start:end]))[0]
    return cells
