"""Origins differ where ids don't, and repeated ids are counted."""

from pathlib import Path

import pyarrow as pa
import pytest

from dspipe.pipeline.report.left_out import repeated_ids_line
from dspipe.pipeline.run.run_file import read_run
from dspipe.pipeline.tasks import origins
from dspipe.pipeline.tasks.origins import IdSample, origins_of, repeated_ids
from tests.engine import rows_of, run_inline
from tests.pipeline.run.test_run import config, corpus


def test_origins_are_of_source_and_place() -> None:
    places = pa.array(["a.jsonl line 1", "a.jsonl line 2", "b.jsonl line 1"])
    one, other = origins_of("one", places).tolist(), origins_of("other", places).tolist()
    assert len({*one, *other}) == 6
    assert origins_of("one", places.slice(1)).tolist() == one[1:]


def test_where_data_lies_is_no_part_of_its_origin() -> None:
    below = pa.array(["x.jsonl line 1", "other/y.jsonl line 1"])
    lying = pa.array([f"data/a/{place}" for place in below.to_pylist()])
    assert origins_of("s", lying, "data/a/").tolist() == origins_of("s", below).tolist()
    assert origins_of("s", lying, "other/").tolist() == origins_of("s", lying).tolist()


def test_all_of_few_ids_are_counted() -> None:
    samples = []
    for ids in (["a", "b", "a"], ["c", "a", "d"]):
        sample = IdSample(6)
        sample.add(pa.array(ids))
        samples.append(sample.as_json())
    sampled, repeated, share = repeated_ids(samples)
    assert (sampled, repeated) == (6, 3)
    assert share == pytest.approx(1.0)
    assert repeated_ids([]) == (0, 0, 0.0)


def test_of_many_ids_a_sample_tells_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "SAMPLED_IDS", 2000)
    samples = []
    for shard in range(4):
        sample = IdSample(40_000)
        ids = [f"id {number}" for number in range(shard * 10_000, (shard + 1) * 10_000)]
        ids[:1000] = [f"twice {number}" for number in range(1000)]  # the same in all four
        sample.add(pa.array(ids))
        samples.append(sample.as_json())
    sampled, repeated, share = repeated_ids(samples)
    assert share == pytest.approx(0.05)
    assert sampled == pytest.approx(2000, rel=0.15)
    assert repeated / sampled == pytest.approx(0.1, abs=0.04)


def test_a_run_says_how_many_ids_repeat(tmp_path: Path) -> None:
    corpus(tmp_path / "in")
    corpus(tmp_path / "in" / "again")
    values = config(tmp_path)
    values["sources"].append({"name": "again", "format": "jsonl", "path": str(tmp_path / "in" / "again" / "0.jsonl")})
    result = run_inline(values)
    _, run = read_run(result.store.root)
    assert (repeated_ids_line(run) or "").startswith("6 documents (54.5%) have an id that another one has, too")
    assert len({row["origin"] for row in rows_of(result, ["origin"])}) == 11
