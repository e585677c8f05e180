"""What decontamination reports: how much of each benchmark the corpus holds, and examples of documents that do."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from dspipe.kernels.dedup.ngram_overlap import Overlap

EXAMPLES = 3
"""documents named for a benchmark: so many with the highest coverage, and so many nearest to the threshold"""


class ContaminationReport:
    """Sums over shards. Questions and benchmarks go by their numbers.

    reached    float32 [questions], the largest share of each that one document covers
    documents  benchmark -> documents that share an n-gram, and those that count as contaminated
    examples   benchmark -> contaminated documents, by falling coverage
    """

    def __init__(self, questions: int) -> None:
        import numpy as np

        self.reached: npt.NDArray[np.float32] = np.zeros(questions, np.float32)
        self.documents: dict[int, list[int]] = {}
        self.examples: dict[int, list[dict[str, Any]]] = {}

    def add(
        self,
        batch: "pa.RecordBatch",
        found: "Overlap",
        benchmark: "npt.NDArray[np.int32]",
        entered: "npt.NDArray[np.bool_]",
        covered: "npt.NDArray[np.bool_]",
    ) -> None:
        """Count the documents that `entered` the stage; batch: id and url; benchmark [documents]: of `found.best`."""
        import numpy as np

        np.maximum(self.reached, found.reached, out=self.reached)
        for row in np.flatnonzero(entered & (found.best >= 0)).tolist():
            number = int(benchmark[row])
            sums = self.documents.setdefault(number, [0, 0])
            sums[0] += 1
            if covered[row]:
                sums[1] += 1
                name = batch.column("url")[row].as_py() or batch.column("id")[row].as_py()
                example = {"document": name, "question": int(found.best[row]), "coverage": float(found.share[row])}
                self.examples.setdefault(number, []).append(example)
        self._cut()

    def as_json(self) -> bytes:
        """What `merge` reads."""
        import numpy as np

        hit = np.flatnonzero(self.reached)
        reached = [hit.tolist(), self.reached[hit].tolist()]
        return json.dumps(
            {"reached": reached, "documents": self.documents, "examples": self.examples},
            ensure_ascii=False,
            sort_keys=True,
        ).encode()

    def merge(self, part: dict[str, Any]) -> None:
        """Add the sums of a shard."""
        import numpy as np

        questions, shares = np.array(part["reached"][0], np.int64), np.array(part["reached"][1], np.float32)
        self.reached[questions] = np.maximum(self.reached[questions], shares)
        for number, sums in part["documents"].items():
            mine = self.documents.setdefault(int(number), [0, 0])
            mine[:] = [a + b for a, b in zip(mine, sums, strict=True)]
        for number, examples in part["examples"].items():
            self.examples.setdefault(int(number), []).extend(examples)
        self._cut()

    def by_benchmark(
        self, benchmarks: list[str], benchmark_of: "npt.NDArray[np.int32]", coverage: float, outcome: str
    ) -> list[dict[str, Any]]:
        """A row per benchmark; `benchmark_of` [questions], `outcome` is what happens to contaminated documents."""
        import numpy as np

        rows = []
        for number, name in enumerate(benchmarks):
            reached = self.reached[benchmark_of == number]
            sharing, contaminated = self.documents.get(number, [0, 0])
            rows.append(
                {
                    "benchmark": name,
                    "items": len(reached),
                    "items with a hit": int(np.count_nonzero(reached)),
                    "items covered": int(np.count_nonzero(reached >= np.float32(coverage))),
                    "documents with a hit": sharing,
                    f"documents {outcome}": contaminated,
                }
            )
        return rows

    def _cut(self) -> None:
        for number, examples in self.examples.items():
            examples.sort(key=lambda example: (-example["coverage"], example["document"], example["question"]))
            if len(examples) > 2 * EXAMPLES:
                self.examples[number] = examples[:EXAMPLES] + examples[-EXAMPLES:]
