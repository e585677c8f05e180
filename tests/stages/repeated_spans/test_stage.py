"""Long passages that repeat: which bytes go, by a dictionary of all windows."""

import json
import random
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.common import read_documents
from dspipe.pipeline.tasks.spill import received_slices
from dspipe.stages.repeated_spans.stage import RepeatedSpansConfig, RepeatedSpansStage
from tests.engine import rows_of, run_inline
from tests.shared import shared

COLUMNS = ["id", "text", "text_bytes", "reason", "repeated_spans.removed", "repeated_spans.spans"]


def gone_slowly(texts: list[bytes], least: int, keep: int) -> list[list[bool]]:
    """For each byte of each text: whether it goes."""
    places: dict[bytes, list[tuple[int, int]]] = {}
    for number, text in enumerate(texts):
        for start in range(len(text) - least + 1):
            places.setdefault(text[start : start + least], []).append((number, start))
    gone = [[False] * len(text) for text in texts]
    for (first, at), *others in places.values():
        later = [(number, start) for number, start in others if number != first or start - at >= least]
        for number, start in [*later, *([(first, at), *others] if later and not keep else [])]:
            gone[number][start : start + least] = [True] * least
    return gone


def cut_slowly(text: str, gone: list[bool]) -> str:
    """The characters of which not all bytes go."""
    left, at = "", 0
    for character in text:
        size = len(character.encode())
        left += "" if all(gone[at : at + size]) else character
        at += size
    return left


def run(tmp_path: Path, parts: list[list[str]], stages: list[Any], **engine: Any) -> list[dict[str, Any]]:
    for number, part in enumerate(parts):
        lines = (json.dumps({"id": f"{number}.{row}", "text": text}) + "\n" for row, text in enumerate(part))
        (tmp_path / f"{number}.jsonl").write_text("".join(lines))
    config = {
        "output": str(tmp_path / "run"),
        "engine": {"kind": "inline", **engine},
        "sources": [
            {"name": f"s{number}", "format": "jsonl", "path": str(tmp_path / f"{number}.jsonl"), "domain": f"m{number}"}
            for number in range(len(parts))
        ],
        "stages": stages,
    }
    return rows_of(run_inline(config), COLUMNS)


def made(seed: int, count: int, alphabet: str, passages: int, longest: int) -> list[str]:
    """Documents of random passages, cut anywhere, between random text."""
    choose = random.Random(seed)
    stock = ["".join(choose.choices(alphabet, k=choose.randint(5, longest))) for _ in range(passages)]
    documents = []
    for _ in range(count):
        parts = []
        for _ in range(choose.randint(0, 5)):
            passage = choose.choice(stock)
            start = choose.randint(0, len(passage))
            parts.append(passage[start : choose.randint(start, len(passage))])
            parts.append("".join(choose.choices(alphabet, k=choose.choice([0, 1, 2, 30]))))
        documents.append("".join(parts))
    return documents


def check(tmp_path: Path, parts: list[list[str]], least: int, keep: int, **engine: Any) -> int:
    """Run and compare with the plain lines; how many bytes went."""
    options = {"min_bytes": least, "keep": keep, "whole": "character", "min_left": 0}
    rows = run(tmp_path, parts, [{"repeated_spans": options}], **engine)
    texts = [text for part in parts for text in part]
    gone = gone_slowly([text.encode() for text in texts], least, keep)
    expected = [cut_slowly(text, flags) for text, flags in zip(texts, gone, strict=True)]
    assert [row["text"] for row in rows] == expected
    assert [row["text_bytes"] for row in rows] == [len(text.encode()) for text in expected]
    removed = [len(a.encode()) - len(b.encode()) for a, b in zip(texts, expected, strict=True)]
    assert [row["repeated_spans.removed"] for row in rows] == removed
    return sum(removed)


@pytest.mark.parametrize("keep", [1, 0])
@pytest.mark.parametrize(
    ("least", "alphabet", "memory", "batch_rows"),
    [
        (16, "ab", 10_000_000, 100),
        (16, "abcdefgh ", 20_000, 7),
        (33, "aé漢😀", 10_000_000, 1),
        (200, "ab cd", 50_000, 9),
    ],
)
def test_the_same_bytes_go_as_by_a_dictionary_of_windows(
    tmp_path: Path, least: int, alphabet: str, memory: int, batch_rows: int, keep: int
) -> None:
    documents = made(least, 100, alphabet, 12, 5 * least)
    parts = [documents[:30], documents[30:31], documents[31:]]
    assert check(tmp_path, parts, least, keep, memory=memory, batch_rows=batch_rows) > 500


@pytest.mark.parametrize("keep", [1, 0])
def test_an_anchor_that_is_everywhere_is_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int) -> None:
    slices = []

    def spied(task: Any, count: int, place: Any) -> Any:
        slices.append((task.spec.phase, count > 1))
        return received_slices(task, count, place)

    monkeypatch.setattr("dspipe.stages.repeated_spans.records.received_slices", spied)
    monkeypatch.setattr("dspipe.stages.repeated_spans.stage.partitions_for", lambda corpus, size: 8)
    documents = made(1, 100, "ab", 12, 80)
    assert check(tmp_path, [documents[:50], documents[50:]], 16, keep, memory=8000, batch_rows=5) > 500
    assert {("repeated_spans.match", True), ("repeated_spans.compare", True)} <= set(slices)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.one_of(
            st.text("ab", max_size=90),
            st.tuples(st.text("ab-", min_size=1, max_size=9), st.integers(1, 20)).map(lambda pair: pair[0] * pair[1]),
        ),
        max_size=8,
    ),
    st.integers(0, 8),
    st.sampled_from([1, 0]),
    st.integers(1, 5),
)
def test_texts_of_two_letters(documents: list[str], cut: int, keep: int, batch_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder), [documents[:cut], documents[cut:]], 16, keep, batch_rows=batch_rows, memory=30_000)


@pytest.mark.parametrize("memory", [10_000_000, 3000])
@pytest.mark.parametrize(
    ("least", "parts"),
    [
        # the first of a period's windows overlaps its next, which is known elsewhere to be repeated
        (20, [["-" * 21 + "Q" + "-" * 21]]),
        (16, [["-" * 11], ["--b" * 8 + "-" * 14 + "b" + "--b" * 7]]),
        (17, [["ab--a" * 5 + "ZZQQQbZbb--a" + "ab--a" * 4], ["b"]]),
        (16, [["a-bba-bba-bba-bba-bba-bba-bba-bb", "b----bb----bb----bb----bb----bb----bb----bb----b"]]),
    ],
)
def test_what_goes_everywhere_goes_where_it_overlaps_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int, parts: list[list[str]], memory: int
) -> None:
    monkeypatch.setattr("dspipe.stages.repeated_spans.stage.partitions_for", lambda corpus, size: 2)
    assert check(tmp_path, parts, least, 0, memory=memory) > 0


def test_runs_and_periods_are_cut_to_one_window(tmp_path: Path) -> None:
    run_of, table, other = "a" * 300_000, "| - | - |\n" * 20_000, "b" + "a" * 4000 + "漢" * 1000
    options = {"min_bytes": 200, "whole": "character", "min_left": 0}
    rows = run(tmp_path, [[run_of, "", table], [other, "x" * 199]], [{"repeated_spans": options}])
    # the third byte of a window's period of three begins it 200 bytes behind only from 201 on
    assert [row["text"] for row in rows] == [run_of[:200], "", table[:200], "b" + "漢" * 67, "x" * 199]


def test_a_thousand_documents_that_are_the_same(tmp_path: Path) -> None:
    text = " ".join(f"word{number}" for number in range(60))
    rows = run(tmp_path, [[text] * 700, [text] * 300], [{"repeated_spans": {}}], batch_rows=150)
    assert [row["text"] for row in rows] == [text] + [""] * 999
    assert [row["reason"] for row in rows] == [None] + ["repeated_spans.nothing_left"] * 999
    assert {row["repeated_spans.removed"] for row in rows[1:]} == {len(text)}


def test_what_is_cut_is_told(tmp_path: Path) -> None:
    passage = "These words stand in both of the documents, one after the other, in the same order."
    texts = [f"Before. {passage} Behind.", f"Something else{passage}and more of it\n"]
    (first, second) = run(tmp_path, [texts], [{"repeated_spans": {"min_bytes": 50}}])
    assert (first["text"], first["repeated_spans.removed"], first["repeated_spans.spans"]) == (texts[0], 0, "")
    # "These" and "order." lose nothing but what begins and ends a word
    assert second["text"] == "Something elseThese and more of it\n"
    start, end = map(int, second["repeated_spans.spans"].split("-"))
    assert texts[1][start:end] == passage.removeprefix("These")
    assert second["repeated_spans.removed"] == end - start - 1  # a blank is left between two words
    assert second["text_bytes"] == len(second["text"])


def test_whole_lines(tmp_path: Path) -> None:
    lines = [f"{number} {'line ' * 5}\n" for number in range(9)]
    texts = ["".join(lines), "x" + "".join(lines[:3]) + "more " + "".join(lines[4:9])]
    rows = run(tmp_path, [texts], [{"repeated_spans": {"min_bytes": 40, "whole": "line"}}])
    assert [row["text"] for row in rows] == [texts[0], "x" + lines[0] + "more " + lines[4]]


def test_dropped_documents_and_other_domains_take_no_part(tmp_path: Path) -> None:
    text = " ".join(f"word{number}" for number in range(60))
    parts = [[text, text], [f"{text} and more than that of another domain"]]
    stages = [{"exact_dedup": {}}, {"repeated_spans": {"domains": ["m0"]}}]
    rows = run(tmp_path, parts, stages)
    assert [row["text"] for row in rows] == [*parts[0], *parts[1]]
    assert [row["reason"] for row in rows] == [None, "exact_dedup.duplicate", None]
    rows = run(tmp_path, parts, [{"exact_dedup": {}}, {"repeated_spans": {}}])
    assert [row["text"] for row in rows] == [text, text, " and more than that of another domain"]


def test_documents_whose_text_was_dropped_early(tmp_path: Path) -> None:
    few = "The first of the passages that stand in both is kept, and the other one is cut with all that it has."
    texts = [
        few,
        f"{few} But this one is longer, so nothing happens here: with these words we have more than fifty, which was "
        "what a rule for documents from the web asks for before it lets them pass. Short ones drop out early.",
    ]
    early = {"heuristics": {"rules": ["gopher"], "early": True}}
    rows = run(tmp_path, [[*texts, texts[1]]], [early, {"repeated_spans": {}}])
    assert [row["reason"] for row in rows] == ["gopher.too_few_words", None, "repeated_spans.nothing_left"]
    assert [row["text"] for row in rows] == [None, texts[1], ""]
    assert [row["text_bytes"] for row in rows] == [len(few), len(texts[1]), 0]
    assert [row["repeated_spans.removed"] for row in rows] == [0, 0, len(texts[1])]


def test_next_to_nothing_left(tmp_path: Path) -> None:
    text = " ".join(f"word{number}" for number in range(60))
    texts = [text, f"{text} \n漢字 more \t", "short"]
    stages = [{"repeated_spans": {"min_left": 7}}]
    rows = run(tmp_path, [texts], stages)
    assert [row["reason"] for row in rows] == [None, None, None]
    rows = run(tmp_path, [texts], [{"repeated_spans": {"min_left": 8}}])
    assert [row["reason"] for row in rows] == [None, "repeated_spans.nothing_left", None]


def test_the_same_with_workers(tmp_path: Path) -> None:
    documents = made(5, 80, "abcdefgh ", 12, 300)
    parts = [documents[:9], documents[9:40], documents[40:]]
    stages = [{"repeated_spans": {"min_bytes": 64}}]
    alone = run(tmp_path, parts, stages)
    (tmp_path / "many").mkdir()
    assert run(tmp_path / "many", parts, stages, kind="local", workers=2, batch_rows=7) == alone
    assert sum(row["repeated_spans.removed"] for row in alone) > 500


def test_the_same_guide_for_two_machines(tmp_path: Path) -> None:
    pages = []
    for machine in ("amd64", "i386"):
        documents = read_documents([shared(f"web/docs/installation-guide-{machine}.warc.gz")])
        pages.append([document["text"] for document in documents if "ch04" in document["url"] and document["text"]])
    # what repeats within the first guide goes too
    assert check(tmp_path, pages, 200, 1) > sum(len(text.encode()) for text in pages[1])


def test_where_something_was_cut_is_known(tmp_path: Path) -> None:
    passage, parts = "the same passage that stands elsewhere, öfter als einmal ", ["erst:", "ä zweiter/", " und dann"]
    texts = [passage, passage.join(parts)]
    _, row = run(tmp_path, [texts], [{"repeated_spans": {"min_bytes": 30, "whole": "character", "min_left": 0}}])
    stage = RepeatedSpansStage("repeated_spans", RepeatedSpansConfig())
    found = list(stage.spans(row["text"], row))
    assert len(found) == 2 and all(span.start == span.end for span in found)
    cuts = [0, *(span.start for span in found), len(row["text"])]
    assert [row["text"][a:b] for a, b in pairwise(cuts)] == parts
    assert found[0].what == f"{len(passage.encode())} bytes cut that stand elsewhere"
