"""What is far is told, what isn't is not."""

import numpy as np
import pyarrow as pa
import pytest

from dspipe.pipeline.inspection.anomalies import (
    empty_scores,
    odd_drop_rates,
    odd_languages,
    odd_lengths,
    odd_spreads,
    robust_z,
    slow_shards,
)
from dspipe.pipeline.inspection.groups import Group, Grouping
from dspipe.pipeline.inspection.histograms import Histograms
from dspipe.pipeline.inspection.shard_work import ShardWork


def grouping(rates: dict[str, tuple[int, float]]) -> Grouping:
    groups = [Group(name, n, n, round(n * (1 - rate)), 0, 0) for name, (n, rate) in rates.items()]
    return Grouping("source", groups, len(groups), False)


def test_a_source_that_loses_far_more_than_the_others() -> None:
    (one,) = odd_drop_rates(grouping({"a": (1000, 0.2), "b": (1000, 0.25), "c": (300, 0.9)}))
    assert (one.kind, one.of, one.name, one.documents) == ("drop rate", "source", "c", 300)
    assert one.value == pytest.approx(0.9) and 0.2 <= one.others <= 0.25
    assert one.says == "drops 90% of its 300 documents; the others drop 25%"


def test_small_groups_and_small_differences_are_not_far() -> None:
    assert odd_drop_rates(grouping({"a": (1000, 0.2), "few": (20, 1.0)})) == []
    assert odd_drop_rates(grouping({"a": (100_000, 0.2), "b": (50_000, 0.3)})) == []
    assert odd_drop_rates(grouping({"only one": (1000, 0.9)})) == []
    # the larger half is what the others are held against
    assert [one.name for one in odd_drop_rates(grouping({"a": (1000, 0.2), "b": (400, 0.9)}))] == ["b"]


def test_of_many_groups_only_those_outside_their_scatter() -> None:
    scattered = {f"host {n}": (500, 0.1 + 0.08 * n) for n in range(10)}
    assert odd_drop_rates(grouping(scattered)) == []
    alike = {f"host {n}": (500, 0.3 + 0.005 * n) for n in range(10)}
    assert [one.name for one in odd_drop_rates(grouping({**alike, "odd": (500, 0.8)}))] == ["odd"]


def sample(**groups: tuple[float, float, dict[str, float]]) -> tuple[pa.Table, pa.Array]:
    """By group: the median length, the spread of the score, and the mix of languages; 200 documents each."""
    rng, rows, names = np.random.default_rng(1), [], []
    for name, (length, spread, mix) in groups.items():
        languages = rng.choice(list(mix), 200, p=list(mix.values()))
        for language in languages:
            score = 0.5 + spread * (rng.random() - 0.5)
            rows.append({"text_bytes": int(length * rng.lognormal(0, 0.3)), "language": language, "quality": score})
            names.append(name)
    return pa.Table.from_pylist(rows), pa.array(names)


def test_lengths_languages_and_spreads() -> None:
    usual = (1000.0, 0.9, {"en": 0.7, "zh": 0.3})
    table, names = sample(a=usual, b=usual, c=(5000.0, 0.1, {"en": 0.1, "fr": 0.9}))
    (length,) = odd_lengths(table, "source", names)
    assert length.name == "c" and 3 < length.value / length.others < 7
    (mix,) = odd_languages(table, "source", names)
    assert mix.name == "c" and "fr" in mix.says
    (spread,) = odd_spreads(table, "source", names, "quality")
    assert spread.name == "c" and spread.value < 0.1 < spread.others
    table, names = sample(a=usual, b=usual, c=usual)
    assert odd_lengths(table, "source", names) == odd_languages(table, "source", names) == []
    assert odd_spreads(table, "source", names, "quality") == []


def test_scores_that_say_nothing() -> None:
    rng = np.random.default_rng(1)
    columns = {
        "fine": rng.random(1000),
        "constant": 0.7 + 0.01 * rng.random(1000),
        "full": np.where(rng.random(1000) < 0.93, 0.99, rng.random(1000)),
        "no score": np.zeros(1000),
    }
    collector = Histograms(list(columns), with_verdicts=False)
    collector.add(pa.RecordBatch.from_pydict(columns))
    found = empty_scores(collector.found(), ["fine", "constant", "full"])
    assert [one.name for one in found] == ["constant", "full"]
    assert "twenty buckets" in found[1].says


def test_slow_shards() -> None:
    work = [ShardWork(n, f"shard {n}", 100, 10_000_000, 10.0 + 0.1 * n, {}) for n in range(9)]
    assert slow_shards(work) == []
    (one,) = slow_shards([*work, ShardWork(9, "shard 9", 100, 10_000_000, 60.0, {})])
    assert one.name == "shard 9" and one.value == pytest.approx(1 / 6)
    # a hundredth of the bytes in as many hundredths of a second is slow, but costs nothing
    assert slow_shards([*work, ShardWork(9, "tiny", 1, 10_000, 0.1, {})]) == []


def test_robust_deviations() -> None:
    assert robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))[-1] > 50
    assert robust_z(np.array([1.0, 1.0, 1.0, 1.0, 5.0]))[-1] > 3
    assert (robust_z(np.ones(5)) == 0).all()
