"""Training with any number of labels, with grades, with weak labels."""

import re
from pathlib import Path

import pytest

from dspipe.kernels.jit import INTERPRETED
from tests.engine import run_inline
from tests.stages.quality.toy_labels import SIZES, ask, command, grades, topics, write

pytestmark = pytest.mark.skipif(INTERPRETED, reason="trains models")


def test_any_number_of_labels_the_same_bytes_each_time(tmp_path: Path) -> None:
    documents = topics(120)
    file = write(tmp_path / "all.jsonl", documents)
    said = command("train", "--documents", file, "--output", tmp_path / "a.bin", *SIZES)
    assert "the right label 100.0%" in said and "(by host or source)" in said
    for topic in ("sport", "cooking", "law"):
        write(tmp_path / "classes" / f"{topic}.jsonl", [one for one in documents if one["label"] == topic])
    command("train", "--documents", file, "--output", tmp_path / "b.bin", *SIZES)
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()
    assert "the right label 100.0%" in command(
        "train", "--classes", tmp_path / "classes", "--output", tmp_path / "c.bin", *SIZES
    )


def test_grades(tmp_path: Path) -> None:
    file = write(tmp_path / "all.jsonl", grades(400))
    said = command("train", "--documents", file, "--ordinal", "--output", tmp_path / "m.bin", *SIZES)
    assert "mean error 0." in said and float(re.findall(r"quadratic kappa ([\d.]+)", said)[0]) > 0.7


def test_topics_of_lists_of_hosts(tmp_path: Path) -> None:
    documents = [*topics(60), {"text": "x y", "url": "https://other.org/"}, {"text": "x", "url": "https://both.org/"}]
    file = write(tmp_path / "pages.jsonl", [{**one, "label": None} for one in documents])
    for topic in ("sport", "law", "cooking", "chess"):
        folder = tmp_path / "lists" / topic
        folder.mkdir(parents=True)
        (folder / "domains").write_text(f"{topic}.org\n" + "both.org\n" * (topic in ("sport", "law")))
    weak = ("train", "--documents", file, "--from-hosts", tmp_path / "lists", "--output", tmp_path / "m.bin")
    said = command(*weak, *SIZES)
    assert "the right label 100.0%" in said and "1 documents are in no list" in said
    assert "1 documents are listed under several topics" in said and "no document is of chess" in said
    (tmp_path / "empty").mkdir()
    assert "has a file named domains" in ask(*weak[:4], tmp_path / "empty", *weak[5:]).output
    bare = write(tmp_path / "bare.jsonl", [{"text": "x"}])
    assert "no document has a url" in ask("train", "--documents", bare, *weak[3:]).output


def test_a_column_of_a_run_is_the_label(tmp_path: Path) -> None:
    write(tmp_path / "in.jsonl", topics(60))
    source = {"name": "a", "format": "jsonl", "path": str(tmp_path / "in.jsonl"), "fields": {"domain": "source"}}
    run_inline({"output": str(tmp_path / "run"), "sources": [source], "stages": ["exact_dedup"]})
    weak = ("train", "--documents", tmp_path / "run", "--output", tmp_path / "m.bin")
    assert "the right label 100.0%" in command(*weak, "--from-columns", "domain", *SIZES)
    assert "the run has no column topic; there are:" in ask(*weak, "--from-columns", "topic").output
    assert "holds no run" in ask("train", "--documents", tmp_path, "--output", tmp_path / "m.bin").output


def test_what_cannot_be_trained_on_is_refused_before(tmp_path: Path) -> None:
    ordinal = write(
        tmp_path / "ordinal.jsonl", [{"text": f"x {i}", "label": label} for i, label in enumerate([0, 2, 3])]
    )
    words = write(tmp_path / "words.jsonl", topics(2))
    two = write(tmp_path / "two.jsonl", [{"text": f"x {i}", "label": i} for i in (0, 1)])
    (tmp_path / "classes" / "none").mkdir(parents=True)
    for arguments, message in [
        ([], "name the documents in one way"),
        (["--documents", words, "--classes", tmp_path], "given: --classes, --documents"),
        (["--positive", words], "no negative documents"),
        (["--documents", ordinal, "--ordinal"], "grades go from 0 to 3, and no document has 1"),
        (["--documents", words, "--ordinal"], "'sport' is no whole number from 0"),
        (["--documents", two, "--ordinal"], "two grades are two sides"),
        (["--documents", words, "--label-field", "topic"], "no label in the field topic"),
        (["--classes", tmp_path / "classes"], "so none has no document"),
        (["--positive", words, "--negative", words, "--from-hosts", tmp_path], "--from-hosts labels --documents"),
    ]:
        result = ask("train", "--output", tmp_path / "m.bin", *arguments)
        assert result.exit_code == 2 and message in " ".join(result.output.split()), result.output
    assert not (tmp_path / "m.bin").exists()


def test_what_can_not_be_written_is_said_before_any_work(tmp_path: Path) -> None:
    file = write(tmp_path / "all.jsonl", topics(12))
    assert "is a folder: name the file to write" in ask("train", "--documents", file, "--output", tmp_path).output
    assert "can't be made" in ask("train", "--documents", file, "--output", file / "m.bin").output
