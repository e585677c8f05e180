"""The decontamination stage: benchmark files, columns, verdicts, bad settings."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.kernels.jit import INTERPRETED
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.run.run import RunResult
from dspipe.stages.decontaminate.questions import questions
from dspipe.stages.decontaminate.stage import DecontaminateConfig, DecontaminateStage
from tests.engine import rows_of, run_inline, tasks_run
from tests.shared import shared

DUCKS = "Janet has ducks that lay sixteen eggs per day and she eats three of them for breakfast every morning"
TRAINS = "Two trains leave the station at noon in opposite directions and travel at ninety kilometres per hour each"
EXAM = "1. Which is right?\nA. one\nB. two\nC. three\n" * 4


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "maths.jsonl").write_text(json.dumps({"question": DUCKS, "answer": "9"}) + "\n\n")
    with gzip.open(tmp_path / "trains.jsonl.gz", "wt") as file:
        file.write(json.dumps({"id": 7, "prompt": TRAINS}) + "\n")
    return tmp_path


def stage(**settings: object) -> DecontaminateStage:
    return DecontaminateStage("decontaminate", DecontaminateConfig.model_validate(settings))


Row = tuple[str | None, str | None, float | None]


def run(folder: Path, texts: list[str], **settings: object) -> tuple[RunResult, list[Row], list[str | None]]:
    """The run over two shards, what it says of each text, and why each was dropped."""
    (folder / "in").mkdir(exist_ok=True)
    half = (len(texts) + 1) // 2
    for shard, part in enumerate((texts[:half], texts[half:])):
        documents = [{"id": f"{shard}-{row}", "text": text} for row, text in enumerate(part)]
        path, lines = folder / "in" / f"{shard}.jsonl", "".join(json.dumps(item) + "\n" for item in documents)
        if not path.exists() or path.read_text() != lines:
            path.write_text(lines)
    result = run_inline(
        {
            "output": str(folder / "out"),
            "sources": [{"name": "a", "format": "jsonl", "path": str(folder / "in" / "*.jsonl"), "domain": "web"}],
            "stages": [{"decontaminate": settings}],
        }
    )
    names = [f"decontaminate.{name}" for name in ("benchmark", "item", "coverage")]
    rows = [(row[names[0]], row[names[1]], row[names[2]]) for row in rows_of(result, names)]
    marked = settings.get("action") == "mark"
    return result, rows, [] if marked else [row["reason"] for row in rows_of(result, ["reason"])]


def notes(result: RunResult) -> dict[str, Any]:
    (phase,) = [phase for phase in result.phases if phase.name == "decontaminate.report"]
    notes: dict[str, Any] = result.store.read_json(phase.manifests[0])["notes"]
    return notes


def test_columns_verdicts_and_report(files: Path) -> None:
    texts = [f"Look: {DUCKS}!", " ".join(TRAINS.split()[:14]), "nothing of the kind", "", EXAM]
    against = str(files / "*.jsonl*")
    result, rows, reasons = run(files, texts, against=against)
    assert rows[:2] == [("maths", "line 1", 1.0), ("trains", "7", pytest.approx(2 / 6))]
    assert rows[2:] == [(None, None, None)] * 3
    assert reasons == ["decontaminate.overlap", None, None, None, None]
    counts = "items", "items with a hit", "items covered", "documents with a hit", "documents dropped"
    assert notes(result)["benchmarks"] == [
        {"benchmark": "maths", **dict(zip(counts, (1, 1, 1, 1, 1), strict=True))},
        {"benchmark": "trains", **dict(zip(counts, (1, 1, 0, 1, 0), strict=True))},
    ]
    example = {"benchmark": "maths", "item": "line 1", "coverage": 1.0, "document": "0-0", "question": DUCKS[:80]}
    assert notes(result)["examples"] == [example]
    exams = {"against": against, "coverage": 0.3, "multiple_choice": {}}
    result, _, reasons = run(files, texts, **exams)
    assert "documents" not in tasks_run(result)
    assert reasons == [*["decontaminate.overlap"] * 2, None, None, "decontaminate.multiple_choice"]
    article = EXAM + "A long article, with a quiz at its end. " * 200
    assert run(files, [article], **exams)[2] == [None]


STATUTE = " ".join(f"Article {n}. The keeper of kind {n} answers for damage of size {n}." for n in range(400))


def test_a_long_document_can_be_weighed_by_its_length(files: Path) -> None:
    """A statute with one article in a question is not contaminated, a page of exam questions is."""
    texts = [f"{STATUTE} {DUCKS}. {STATUTE}", f"Exam. {DUCKS}? {TRAINS}?"]
    against = str(files / "*.jsonl*")
    assert run(files, texts, against=against)[2] == ["decontaminate.overlap"] * 2
    result, rows, reasons = run(files, texts, against=against, of_document=0.01)
    assert reasons == [None, "decontaminate.overlap"]
    assert [row[2] for row in rows] == [1.0, 1.0]
    assert "documents" not in tasks_run(result)
    share = len(DUCKS.split()) / len(texts[0].split())
    assert run(files, texts, against=against, of_document=0.9 * share)[2] == ["decontaminate.overlap"] * 2
    assert run(files, texts, against=against, of_document=1.1 * share)[2] == [None, "decontaminate.overlap"]


def test_passages_can_be_cut(files: Path) -> None:
    before, after = "Some words before it. " * 40, " And some words after it." * 40
    texts = [f"{before}{DUCKS}?{after}", DUCKS, "nothing of the kind", EXAM]
    result, rows, reasons = run(files, texts, against=str(files / "*.jsonl*"), action="cut", multiple_choice={})
    assert reasons == [None, None, None, "decontaminate.multiple_choice"]
    assert rows[0] == ("maths", "line 1", 1.0)  # as it was
    found = rows_of(result, ["text", "text_bytes", "decontaminate.cut_bytes"])
    left = found[0]["text"]
    assert "Janet" not in left and "morning" not in left
    assert texts[0].startswith(left[:650]) and texts[0].endswith(left[-750:])
    cut = len(texts[0]) - len(left)
    assert len(DUCKS) + 380 < cut <= len(DUCKS) + 400
    assert [row["decontaminate.cut_bytes"] for row in found] == [cut, len(DUCKS), 0, 0]
    assert [row["text_bytes"] for row in found] == [len(left), 0, len(texts[2]), len(EXAM)]
    assert notes(result)["benchmarks"][0]["documents cut"] == 2
    assert run(files, texts, against=str(files / "*.jsonl*"), action="cut", coverage=0.9)[2] == [None] * 4


def test_marking_drops_nothing(files: Path) -> None:
    result, rows, _ = run(files, [DUCKS, "x"], against=str(files / "maths.jsonl"), action="mark")
    assert rows == [("maths", "line 1", 1.0), (None, None, None)]
    assert notes(result)["benchmarks"][0]["documents marked"] == 1
    assert sum(len(entry.dropped) for phase in result.phases for entry in phase.funnel) == 0


def test_ngrams_that_many_documents_have(files: Path) -> None:
    """A quotation that three documents have says nothing; what is left of the question decides."""
    words = DUCKS.split()
    quotation, rest = " ".join(words[:14]), " ".join(words[2:])
    texts = [quotation, DUCKS, f"{quotation} x", rest]
    against = str(files / "maths.jsonl")
    total = len(words) - 12
    _, rows, _ = run(files, texts, against=against)
    assert [row[2] for row in rows] == [pytest.approx(n / total) for n in (2, total, 2, total - 2)]
    result, rows, reasons = run(files, texts, against=against, common_documents=2)
    assert [row[2] for row in rows] == [None, 1.0, None, 1.0]
    assert reasons == [None, "decontaminate.overlap"] * 2
    assert notes(result)["benchmarks"][0]["documents with a hit"] == 2
    result, rows, _ = run(files, texts, against=against, common_documents=3)
    assert rows[0][2] == pytest.approx(2 / total) and "decontaminate.count" not in tasks_run(result)


def test_which_settings_the_text_pass_depends_on(files: Path) -> None:
    one = stage(against=str(files / "maths.jsonl")).measure_settings()
    assert stage(against=str(files / "mat*"), coverage=0.1, action="mark", multiple_choice={}).measure_settings() == one
    assert stage(against=str(files / "maths.jsonl"), ngram=9).measure_settings() != one
    with (files / "maths.jsonl").open("a") as file:
        file.write(json.dumps({"question": TRAINS}))
    assert stage(against=str(files / "maths.jsonl")).measure_settings() != one


def test_bad_settings(tmp_path: Path) -> None:
    for name, lines, message in [
        ("a", "no JSON", "line 1: not JSON"),
        ("b", "[1]", "line 1: not a JSON object"),
        ("c", '{"answer": 1}', "none of the fields question"),
        ("d", "", "no questions"),
    ]:
        (tmp_path / f"{name}.jsonl").write_text(lines)
        with pytest.raises(ConfigError, match=message):
            stage(against=str(tmp_path / f"{name}.jsonl")).check()
    with pytest.raises(ConfigError, match="no such file"):
        stage(against=str(tmp_path / "nothing*")).check()
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(b'{"question": 1}\n' * 99)[:20])
    (tmp_path / "text.jsonl.zst").write_text("no archive")
    for name in "cut.jsonl.gz", "text.jsonl.zst":
        with pytest.raises(ConfigError, match=name):
            stage(against=str(tmp_path / name)).check()
    (tmp_path / "a.jsonl").write_text('{"question": "why"}')
    with pytest.raises(ConfigError, match="longer than ngram"):
        stage(against=str(tmp_path / "a.jsonl"), ngram=5).check()
    with pytest.raises(ConfigError, match="passages are cut before it is known") as caught:
        stage(against=str(tmp_path / "a.jsonl"), action="cut", common_documents=3).check()
    assert caught.value.key == ("common_documents",)


@pytest.mark.skipif(INTERPRETED, reason="minutes uncompiled")
def test_real_benchmarks(tmp_path: Path) -> None:
    folder = shared("benchmarks")
    asked = {path.name.partition(".")[0]: list(questions(path, None)) for path in sorted(folder.glob("*.jsonl*"))}
    texts, wanted = [], []
    for benchmark, items in asked.items():
        for name, text in items[::40]:
            # some questions are as good as alike: found is one whose text is the same
            texts.append(f"Homework help, please. {text} Thanks in advance!")
            wanted.append((benchmark, name))
    result, rows, reasons = run(tmp_path, texts, against=str(folder / "*.jsonl*"))
    found = [row[:2] == want or row[2] == 1.0 for row, want in zip(rows, wanted, strict=True)]
    long = [len(text) > 150 for text in texts]
    assert sum(map(bool, reasons)) > 0.97 * len(texts)
    assert all(right for right, enough in zip(found, long, strict=True) if enough)
    tables = notes(result)
    assert [row["benchmark"] for row in tables["benchmarks"]] == list(asked)
    assert sum(row["documents dropped"] for row in tables["benchmarks"]) == sum(map(bool, reasons))
    assert len(tables["examples"]) == sum(min(6, row["documents dropped"]) for row in tables["benchmarks"])


@pytest.mark.skipif(INTERPRETED, reason="minutes uncompiled")
def test_real_texts_are_clean(tmp_path: Path) -> None:
    from benchmarks.common import read_texts

    texts = read_texts([shared("text/peps-en.jsonl.zst"), shared("text/tech-articles-zh-en.jsonl.zst")])
    assert not any(run(tmp_path, texts, against=str(shared("benchmarks") / "*.jsonl*"))[2])


@pytest.mark.skipif(INTERPRETED, reason="minutes uncompiled")
@pytest.mark.parametrize("language", ["zh", "ja", "th"])
def test_units_of_unspaced_scripts_are_long_enough(tmp_path: Path, language: str) -> None:
    """Half of the real sentences of a language as questions to the other half: what 13 units find is what 20 find."""
    import zstandard

    with zstandard.open(shared("text/langid-sentences.jsonl.zst"), "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["lang"] == language]
    asked = "".join(json.dumps({"question": row["text"]}) + "\n" for row in rows[::2])
    (tmp_path / "asked.jsonl").write_text(asked)
    others = [row["text"] for row in rows[1::2]]
    pages = ["\n".join(others[start : start + 12]) for start in range(0, len(others), 12)]
    found = {}
    for ngram in 13, 20:
        folder = tmp_path / str(ngram)
        folder.mkdir()
        _, verdicts, reasons = run(folder, pages, against=str(tmp_path / "asked.jsonl"), ngram=ngram)
        found[ngram] = [row[1] for row, reason in zip(verdicts, reasons, strict=True) if reason]
    assert len(found[13]) <= len(found[20]) + 1
    assert len(found[13]) <= 0.05 * len(rows) / 2


def test_what_a_document_shares_is_marked(files: Path) -> None:
    found = stage(against=str(files / "*.jsonl*"))
    text = f"Über Enten und Zöge: {DUCKS}! Nothing else."
    (span,) = found.spans(text, {"decontaminate.benchmark": "maths"})
    assert (text[span.start : span.end], span.what) == (DUCKS, "in maths")
    assert not list(found.spans(text, {"decontaminate.benchmark": None}))
    assert not list(found.spans("nothing of the kind", {"decontaminate.benchmark": "maths"}))
    cut = stage(against=str(files / "*.jsonl*"), action="cut")
    assert not list(cut.spans(text, {"decontaminate.benchmark": "maths"}))
