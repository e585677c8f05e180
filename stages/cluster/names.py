"""What the phases of `cluster` do that name clusters: count words of some documents, find names, write them."""

import json
from collections import Counter, defaultdict

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.cluster.words import cluster_names, words_of
from dspipe.stages.shared.artifacts import read_json_artifacts

_DOCUMENTS_A_CLUSTER = 200
"""whose words are counted, over all shards"""
_MAX_DOCUMENTS = 20_000
_MAX_GROUPS = 8
"""row groups whose texts a shard reads"""


def count_words(task: Task, stage: StageSettings) -> None:
    """In how many of some documents each word is, by cluster. Settings: shards, about how many there are.

    A shard takes its part of the documents of each cluster, those with the lowest hashes, of the row groups that have
    most of them; of many shards some take none."""
    name = stage.name
    numbers, hashes, first_origin = _clusters(task, name)
    chosen = _choose(numbers, hashes, stage.settings["shards"]) if first_origin is not None else np.empty(0, np.int64)
    groups = np.repeat(np.arange(len(task.spec.groups)), task.spec.groups)
    of_group = np.bincount(groups[chosen], minlength=len(task.spec.groups))
    read = np.argsort(-of_group, kind="stable")[:_MAX_GROUPS]
    read = read[of_group[read] > 0]
    firsts = {int(np.searchsorted(groups, group)) for group in read.tolist()}
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for first, batch in task.rows_where(["text"], lambda first, end: first in firsts):
        own = chosen[(chosen >= first) & (chosen < first + batch.num_rows)]
        texts = batch.column("text").take(pa.array(own - first)).to_pylist()
        for number, text in zip(numbers[own].tolist(), texts, strict=True):
            counts[number].update(words_of(text or ""))
    with task.make(f"{name}.words") as file:
        content = {number: dict(sorted(words.items())) for number, words in sorted(counts.items())}
        file.write(json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def find_names(task: Task, stage: StageSettings) -> None:
    """Name the clusters, and note how large they are."""
    documents: list[int] = []
    size: list[int] = []
    for _, part in read_json_artifacts(task, f"{stage.name}.sizes"):
        documents = [a + b for a, b in zip(documents or [0] * len(part["documents"]), part["documents"], strict=True)]
        size = [a + b for a, b in zip(size or [0] * len(part["bytes"]), part["bytes"], strict=True)]
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for _, words in read_json_artifacts(task, f"{stage.name}.words"):
        for number, found in words.items():
            counts[int(number)].update(found)
    names = cluster_names(counts, len(documents))
    rows = zip(names, documents, size, strict=True)
    task.note("clusters", [{"cluster": name, "documents": n, "bytes": b} for name, n, b in rows])
    with task.make(f"{stage.name}.names") as file:
        file.write(json.dumps(names, ensure_ascii=False).encode())


def write_names(task: Task, stage: StageSettings) -> None:
    """Write each document's cluster by name."""
    (file,) = task.artifact(f"{stage.name}.names")
    names = pa.array([None, *json.loads(file.read())], pa.string())
    for batch in task.rows([f"{stage.name}.number"]):
        task.write(pa.record_batch({stage.name: names.take(batch.column(0))}))


def _clusters(task: Task, name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64], int | None]:
    """Each row's cluster (0: none), its hash, and the first row's hash."""
    numbers, hashes = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    for batch in task.rows(["origin", "reason", f"{name}.number"]):
        column = batch.column(f"{name}.number").fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        kept = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
        numbers.append(np.where(kept, column, 0))
        hashes.append(seeded_hashes(batch.column("origin"), task.seed, f"{name}.words"))
    found, of_rows = np.concatenate(numbers), np.concatenate(hashes)
    return found, of_rows, int(of_rows[0]) if len(of_rows) else None


def _choose(numbers: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64], shards: int) -> npt.NDArray[np.int64]:
    """The rows whose words are counted, ascending."""
    clusters = int(numbers.max(initial=0))
    wanted = min(_DOCUMENTS_A_CLUSTER * clusters, _MAX_DOCUMENTS) / shards
    each = max(1, -(-int(wanted) // max(1, clusters)))
    # where that is more than is wanted, only some of the shards give documents
    if each * clusters > 2 * wanted and int(hashes[0]) / 2**64 > 2 * wanted / (each * clusters):
        return np.empty(0, np.int64)
    order = np.lexsort((hashes, numbers))
    ordered = numbers[order]
    begins = np.searchsorted(ordered, ordered, side="left")
    chosen = order[(np.arange(len(order)) - begins < each) & (ordered > 0)]
    return np.sort(chosen)
