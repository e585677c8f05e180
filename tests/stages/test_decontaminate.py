"""The decontamination stage: benchmark files, columns, verdicts, bad settings."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from kernels.jit import INTERPRETED
from pipeline.stage import ConfigError
from stages.decontaminate import DecontaminateConfig, DecontaminateStage, questions
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


def run(stage: DecontaminateStage, texts: list[str]) -> tuple[list[tuple[object, ...]], list[str | None]]:
    stage.check()
    batch = stage.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}))
    rows = zip(*(batch.column(field.name).to_pylist() for field in stage.measured()[:3]), strict=True)
    return list(rows), stage.judge(batch.select(stage.judged())).to_pylist() if stage.judged() else []


def test_columns_and_verdicts(files: Path) -> None:
    texts = [f"Look: {DUCKS}!", " ".join(TRAINS.split()[:14]), "nothing of the kind", "", EXAM]
    rows, reasons = run(stage(against=str(files / "*.jsonl*")), texts)
    assert rows[:2] == [("maths", "line 1", 1.0), ("trains", "7", pytest.approx(2 / 6))]
    assert rows[2:] == [(None, None, None)] * 3
    assert reasons == ["decontaminate.overlap", None, None, None, None]
    exams = stage(against=str(files / "*.jsonl*"), coverage=0.3, multiple_choice={})
    assert run(exams, texts)[1] == [*["decontaminate.overlap"] * 2, None, None, "decontaminate.multiple_choice"]
    article = EXAM + "A long article, with a quiz at its end. " * 200
    assert run(exams, [article])[1] == [None]


def test_marking_drops_nothing(files: Path) -> None:
    marking = stage(against=str(files / "maths.jsonl"), action="mark")
    assert marking.judged() == ()
    assert run(marking, [DUCKS])[0] == [("maths", "line 1", 1.0)]


def test_which_settings_the_text_pass_depends_on(files: Path) -> None:
    one = stage(against=str(files / "maths.jsonl")).text_settings()
    assert stage(against=str(files / "mat*"), coverage=0.1, action="mark", multiple_choice={}).text_settings() == one
    assert stage(against=str(files / "maths.jsonl"), ngram=9).text_settings() != one
    with (files / "maths.jsonl").open("a") as file:
        file.write(json.dumps({"question": TRAINS}))
    assert stage(against=str(files / "maths.jsonl")).text_settings() != one


def test_fields(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    item = {"passage": "None", "question": "why", "choices": ["x", "y"], "text": "unused"}
    path.write_text(json.dumps(item) + "\n" + json.dumps({**item, "passage": "long", "task_id": "b/2"}))
    assert list(questions(path, None)) == [("line 1", "why"), ("b/2", "long\nwhy")]
    assert list(questions(path, ("question", "choices"))) == [("line 1", "why\nx\ny"), ("b/2", "why\nx\ny")]


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


@pytest.mark.skipif(INTERPRETED, reason="minutes uncompiled")
def test_real_benchmarks() -> None:
    folder = shared("benchmarks")
    real = stage(against=str(folder / "*.jsonl*"))
    asked = {path.name.partition(".")[0]: list(questions(path, None)) for path in sorted(folder.glob("*.jsonl*"))}
    texts, wanted = [], []
    for benchmark, items in asked.items():
        for name, text in items[::40]:
            # some questions are as good as alike: found is one whose text is the same
            texts.append(f"Homework help, please. {text} Thanks in advance!")
            wanted.append((benchmark, name))
    rows, reasons = run(real, texts)
    found = [row[:2] == want or row[2] == 1.0 for row, want in zip(rows, wanted, strict=True)]
    long = [len(text) > 150 for text in texts]
    assert sum(map(bool, reasons)) > 0.97 * len(texts)
    assert all(right for right, enough in zip(found, long, strict=True) if enough)


@pytest.mark.skipif(INTERPRETED, reason="minutes uncompiled")
def test_real_texts_are_clean() -> None:
    from benchmarks.common import read_texts

    real = stage(against=str(shared("benchmarks") / "*.jsonl*"))
    texts = read_texts([shared("text/peps-en.jsonl.zst"), shared("text/tech-articles-zh-en.jsonl.zst")])
    assert not any(run(real, texts)[1])
