"""The report on benchmarks, summed over shards."""

import json

import numpy as np
import pyarrow as pa

from dspipe.kernels.dedup.ngram_overlap import Overlap
from dspipe.stages.decontaminate.report import ContaminationReport

DUCKS = "Janet has ducks that lay sixteen eggs per day and she eats three of them for breakfast every morning"
TRAINS = "Two trains leave the station at noon in opposite directions and travel at ninety kilometres per hour each"
EXAM = "1. Which is right?\nA. one\nB. two\nC. three\n" * 4


def test_report_is_small_and_in_order() -> None:
    """Whatever the shards, the examples are the most and the least covered documents."""
    shares = np.linspace(0.5, 1, 20, dtype=np.float32)
    draw = np.random.default_rng(3)
    merged = []
    for parts in (1, 4):
        report = ContaminationReport(2)
        for rows in np.array_split(draw.permutation(20), parts):
            one = ContaminationReport(2)
            reached = np.array([shares[rows].max(), 0], np.float32)
            found = Overlap(np.zeros(len(rows), np.int32), shares[rows], reached, np.zeros(0, bool))
            batch = pa.record_batch({"id": [f"{row:02}" for row in rows], "url": pa.nulls(len(rows), pa.string())})
            every = np.ones(len(rows), bool)
            one.add(batch, found, np.zeros(len(rows), np.int32), every, every)
            report.merge(json.loads(one.as_json()))
        merged.append((report.as_json(), report.by_benchmark(["a", "b"], np.array([0, 1], np.int32), 0.5, "dropped")))
    assert merged[0] == merged[1]
    examples = json.loads(merged[0][0])["examples"]["0"]
    assert [item["document"] for item in examples] == ["19", "18", "17", "02", "01", "00"]
    assert [row["documents dropped"] for row in merged[0][1]] == [20, 0]
