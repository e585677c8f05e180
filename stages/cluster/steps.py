"""What the first phases of `cluster` do: draw a sample of vectors, find the centers, and each document's nearest."""

import json

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.vectors.clusters import Centers, nearest
from dspipe.kernels.vectors.embed import Vectors
from dspipe.kernels.vectors.kmeans import find_centers
from dspipe.pipeline.draws import UInt64, seeded_hashes
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.cluster.vectors import is_placed, read_arrays, vectors_of, write_arrays
from dspipe.stages.shared.artifacts import read_artifacts


def sample_vectors(task: Task, stage: StageSettings) -> None:
    """Keep the vectors of the documents with the lowest hashes: one in `one_in`, `most` of them at most. Settings: of,
    one_in, most."""
    of, most = stage.settings["of"], stage.settings["most"]
    below = np.uint64((1 << 64) // stage.settings["one_in"] - 1)
    sample = _Sample(most)
    for batch in task.rows(["origin", "reason", of]):
        hashes = seeded_hashes(batch.column("origin"), task.seed, stage.name)
        chosen = is_placed(batch, of) & (hashes <= below)
        sample.add(hashes[chosen], vectors_of(batch.column(of).filter(pa.array(chosen))))
    write_arrays(task, f"{stage.name}.sample", hashes=sample.hashes, vectors=sample.vectors)


def make_centers(task: Task, stage: StageSettings) -> None:
    """Find the clusters in the sample. Settings: clusters, sample, min_share."""
    settings = stage.settings
    vectors = read_sample(task, f"{stage.name}.sample", settings["sample"])
    centers = find_centers(vectors, settings["clusters"], settings["min_share"], task.seed)
    task.count("documents in the sample", len(vectors))
    task.count("clusters", len(centers.centers))
    write_arrays(task, f"{stage.name}.centers", mean=centers.mean, centers=centers.centers)


def assign(task: Task, stage: StageSettings) -> None:
    """Find each document's nearest center. Settings: of."""
    of, centers = stage.settings["of"], read_centers(task, stage.name)
    sizes = np.zeros((2, len(centers.centers)), np.int64)
    for batch in task.rows(["reason", "text_bytes", of]):
        # a corpus without vectors has no centers, one whose sample was empty by chance may have vectors
        placed = is_placed(batch, of) & bool(len(centers.centers))
        numbers, distances = np.zeros(len(placed), np.int32), np.zeros(len(placed))
        if placed.any():
            vectors = vectors_of(batch.column(of).filter(pa.array(placed)))
            numbers[placed], distances[placed] = nearest(vectors, centers)
            of_text = batch.column("text_bytes").to_numpy()[placed]
            sizes[0] += np.bincount(numbers[placed], minlength=sizes.shape[1])
            np.add.at(sizes[1], numbers[placed], of_text)
        task.progress(documents=batch.num_rows, bytes=0)
        columns = [
            pa.array(numbers + np.int32(1), mask=~placed),
            pa.array(distances.astype(np.float32), mask=~placed),
        ]
        task.write(pa.RecordBatch.from_arrays(columns, names=[f"{stage.name}.number", f"{stage.name}.distance"]))
    with task.make(f"{stage.name}.sizes") as file:
        file.write(json.dumps({"documents": sizes[0].tolist(), "bytes": sizes[1].tolist()}).encode())


def read_sample(task: Task, artifact: str, most: int) -> Vectors:
    """The vectors with the lowest hashes of all shards, in the order of hashes."""
    sample = _Sample(most)
    for _, content in read_artifacts(task, artifact):
        hashes, vectors = read_arrays(content, 2)
        sample.add(hashes, vectors)
    return sample.in_order()


def read_centers(task: Task, name: str) -> Centers:
    """What `make_centers` found."""
    (file,) = task.artifact(f"{name}.centers")
    mean, centers = read_arrays(file.read(), 2)
    return Centers(mean, centers)


class _Sample:
    """The vectors with the lowest hashes of those that were added; memory for twice as many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[tuple[UInt64, Vectors]] = []
        self._held = 0

    def add(self, hashes: UInt64, vectors: Vectors) -> None:
        self._parts.append((hashes, vectors))
        self._held += len(hashes)
        if self._held > 2 * self._most:
            self._cut()

    @property
    def hashes(self) -> UInt64:
        self._cut()
        return self._parts[0][0] if self._parts else np.empty(0, np.uint64)

    @property
    def vectors(self) -> Vectors:
        self._cut()
        return self._parts[0][1] if self._parts else np.empty((0, 16), np.int8)

    def in_order(self) -> Vectors:
        order: npt.NDArray[np.int64] = np.argsort(self.hashes, kind="stable")
        return self.vectors[order]

    def _cut(self) -> None:
        # shards without rows have made their vectors as wide as any: only those with vectors are put together
        parts = [part for part in self._parts if len(part[0])]
        if not parts:
            return
        hashes, vectors = (np.concatenate(column) for column in zip(*parts, strict=True))
        if len(hashes) > self._most:
            lowest = np.sort(np.argsort(hashes, kind="stable")[: self._most])
            hashes, vectors = hashes[lowest], vectors[lowest]
        self._parts, self._held = [(hashes, vectors)], len(hashes)
