import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.pack.reading.shard_files import Shards
from dspipe.stages.pack.verify.against_run import Multiset, PackedDocuments, check_drawn, check_texts
from dspipe.stages.pack.verify.findings import Findings
from dspipe.stages.pack.verify.run_rows import open_rows
from tests.engine import run_inline
from tests.stages.pack.runs import make_config, make_documents

Members = list[tuple[int, int, int]]  # each a hash's first bits, a copy, tokens
MEMBERS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 3)), max_size=8)


def multiset(members: Members) -> Multiset:
    found = Multiset()
    for start in range(0, len(members), 3):
        ids, copies, tokens = (np.array(column, np.int64) for column in zip(*members[start : start + 3], strict=True))
        found.add(ids.astype(np.uint64) << np.uint64(56), copies, tokens)
    return found


@settings(deadline=None)  # kernels may be compiled in the first
@given(MEMBERS, MEMBERS)
def test_multisets_differ_where_their_members_do(one: Members, two: Members) -> None:
    expected = {
        bucket
        for bucket in range(6)
        if sorted(m for m in one if m[0] == bucket) != sorted(m for m in two if m[0] == bucket)
    }
    assert multiset(one).find_differences(multiset(two)) == expected
    assert multiset(one).find_differences(multiset(one[::-1])) == set()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    fim = {"rate": 0.5, "second_form": 0.5}
    run_inline(make_config(folder, make_documents(), length=64, begin=True, fill_in_the_middle=fim, remix={}))
    return folder / "run"


def problems(run: Path, change: Any = None) -> list[str]:
    """What is found when the run's rows are changed as they are read."""
    shards, packed, findings = Shards(run), PackedDocuments(), Findings()
    for number in range(len(shards.parts)):
        packed.add_shard(shards.table(number), shards.manifest)
    read = open_rows(str(run))

    def read_changed(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in read(columns):
            rows = [{**row, **(change(row) if change else {})} for row in batch.to_pylist()]
            yield pa.RecordBatch.from_pylist([{k: row[k] for k in columns} for row in rows], schema=batch.schema)

    check_drawn(packed, shards, run / "mixture.json", read_changed, findings)
    check_texts(shards, run / "tokenizer.json", read_changed, 1000, findings)
    assert findings.checked["drawn documents"] > 90
    return findings.problems


def test_all_is_well(run: Path) -> None:
    assert problems(run) == []
    shards, findings = Shards(run), Findings()
    check_texts(shards, run / "tokenizer.json", open_rows(str(run)), 1000, findings)
    assert findings.checked["round trips"] > 50


def test_another_number_of_copies(run: Path) -> None:
    found = problems(run, lambda row: {"copies": 2} if row["id"] == "doc-7" and "copies" in row else {})
    assert any("1 documents are missing in the shards: doc-7 (" in problem for problem in found)


def test_a_document_that_was_not_drawn(run: Path) -> None:
    found = problems(run, lambda row: {"reason": "x"} if row["id"] == "doc-7" and "reason" in row else {})
    assert any("1 documents are too many in the shards: doc-7 (" in problem for problem in found)


def test_another_text(run: Path) -> None:
    assert any("its tokens from" in problem for problem in problems(run, lambda row: {"text": "another"}))
    assert any("has no text of it" in problem for problem in problems(run, lambda row: {"text": None}))


def test_a_plan_of_other_tokens(run: Path, tmp_path: Path) -> None:
    plan = json.loads((run / "mixture.json").read_text())
    plan["domains"][0]["tokens_drawn"] += 10_000
    (tmp_path / "mixture.json").write_text(json.dumps(plan))
    shards, packed, findings = Shards(run), PackedDocuments(), Findings()
    for number in range(len(shards.parts)):
        packed.add_shard(shards.table(number), shards.manifest)
    check_drawn(packed, shards, tmp_path / "mixture.json", open_rows(str(run)), findings)
    assert [problem for problem in findings.problems if "the plan draws" in problem] == findings.problems != []
