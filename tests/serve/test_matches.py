"""Which documents fulfil a condition."""

from pathlib import Path

import numpy as np
import pytest

from dspipe.pipeline.condition import ConditionError
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.documents_at import documents_at
from dspipe.serve import matches
from dspipe.serve.filters import Filters
from dspipe.serve.matches import Order, find_matches
from tests.engine import run_inline
from tests.serve.conftest import RUN, write_rows


@pytest.fixture(scope="module")
def table(runs: Path) -> DocumentTable:
    return DocumentTable.open(str(runs / RUN))


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> DocumentTable:
    """Three shards of seven documents, some without a language."""
    folder = tmp_path_factory.mktemp("shards")
    for shard in range(3):
        rows = [{"id": f"{shard}.{n}", "text": "x" * n, "language": "en" if n % 3 else None} for n in range(7)]
        write_rows(folder / f"{shard}.jsonl", rows)
    source = {"name": "s", "format": "jsonl", "path": str(folder / "*.jsonl")}
    stages = [{"tests.toys.lengths": {"minimum": 3}}]
    run_inline({"name": "shards", "output": str(folder / "out"), "sources": [source], "stages": stages})
    return DocumentTable.open(str(folder / "out"))


def filters(where: str = "", order: Order = "stored", seed: int = 0, verdict: str = "", **equal: str) -> Filters:
    return Filters(verdict, equal, where, order, seed)


def found_by(table: DocumentTable, asked: Filters) -> list[str]:
    found = find_matches(table, asked.condition(table), asked.order, asked.seed)
    assert found.count == len(found.numbers) and found.documents == 21
    numbers = found.numbers.tolist()
    ids = documents_at(table, numbers, ["id"])
    return [ids[number]["id"] for number in numbers]


def test_as_in_a_few_plain_lines(shards: DocumentTable) -> None:
    everything = [(f"{shard}.{n}", n) for shard in range(3) for n in range(7)]
    assert found_by(shards, filters()) == [id for id, _ in everything]
    assert found_by(shards, filters(verdict="kept")) == [id for id, n in everything if n >= 3]
    assert found_by(shards, filters(verdict="dropped")) == [id for id, n in everything if n < 3]
    assert found_by(shards, filters("language is null or text_bytes = 1", verdict="kept")) == [
        id for id, n in everything if n >= 3 and n % 3 == 0
    ]
    assert found_by(shards, filters(reason="lengths.too_short", language="en")) == [
        id for id, n in everything if n in (1, 2)
    ]
    assert found_by(shards, filters(language="it's")) == []


def test_shuffled_depends_on_the_seed_alone(shards: DocumentTable) -> None:
    orders = [found_by(shards, filters(order="shuffled", seed=seed)) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) == found_by(shards, filters())
    kept = found_by(shards, filters(order="shuffled", seed=1, verdict="kept"))
    assert kept == [id for id in orders[0] if int(id[2:]) >= 3]


@pytest.mark.parametrize("order", ["stored", "shuffled"])
def test_only_so_many_are_remembered(shards: DocumentTable, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {
        where: find_matches(shards, filters(where).condition(shards), order, 5) for where in ("", "text_bytes > 1")
    }
    monkeypatch.setattr(matches, "MOST", 4)
    for where, found in whole.items():
        few = find_matches(shards, filters(where).condition(shards), order, 5)
        assert few.count == found.count == (21 if not where else 15)
        assert np.array_equal(few.numbers, found.numbers[:4])


def test_a_mistake_is_told_in_the_words_that_were_written(table: DocumentTable) -> None:
    with pytest.raises(ConditionError, match=r"^there is no column lenguage; did you mean language\?$"):
        filters("lenguage = 'en'", verdict="kept").condition(table)
    with pytest.raises(ConditionError):
        filters("true) or (true").condition(table)
