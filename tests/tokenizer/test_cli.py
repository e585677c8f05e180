import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml
from typer.testing import CliRunner, Result

from dspipe.tokenizer.cli import app
from dspipe.tokenizer.encoder import load
from dspipe.tokenizer.export import write_files
from tests.tokenizer.trained import TEXTS, config, files

RUN = CliRunner()


def run(*arguments: object, code: int = 0, given: str | None = None) -> Result:
    result = RUN.invoke(app, [str(argument) for argument in arguments], input=given)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    write_files(files(), tmp_path / "tokenizer")
    return tmp_path / "tokenizer" / "tokenizer.json"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    records = [{"id": str(i), "text": text, "lang": "en" if i % 2 else "de"} for i, text in enumerate(TEXTS)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


def test_train_on_files_and_again(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("more text " * 20, "utf-8")
    inputs = [corpus, tmp_path / "more.txt", "--output", tmp_path / "out", "--vocab", 400]
    result = run("train", *inputs)
    assert "400 tokens from" in result.stdout
    trained = (tmp_path / "out" / "tokenizer.json").read_bytes()
    assert len(json.loads(trained)["model"]["vocab"]) == 400
    run("train", *inputs)
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == trained


def test_train_says_how_many_tokens_it_got(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("ab ab ab", "utf-8")
    result = run("train", tmp_path / "a.txt", "--output", tmp_path / "out")
    assert "100,000 tokens were asked for, the text gave 258" in result.stdout


def test_another_tokenizer_is_not_replaced_unasked(corpus: Path, tmp_path: Path) -> None:
    inputs = [corpus, "--output", tmp_path / "out"]
    run("train", *inputs, "--vocab", 300)
    before = (tmp_path / "out" / "tokenizer.json").read_bytes()
    said = run("train", *inputs, "--vocab", 320, code=2).stderr
    assert "has a tokenizer that was trained on something else" in said and "--replace" in said
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == before
    run("train", *inputs, "--vocab", 320, "--replace")
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() != before
    (tmp_path / "copied").mkdir()
    (tmp_path / "copied" / "tokenizer.json").write_bytes(before)
    assert "--replace" in run("train", corpus, "--output", tmp_path / "copied", code=2).stderr
    assert (tmp_path / "copied" / "tokenizer.json").read_bytes() == before


def test_text_from_standard_input(tokenizer: Path, corpus: Path, tmp_path: Path) -> None:
    text = "\n".join(TEXTS)
    run("train", "-", "--output", tmp_path / "a", "--vocab", 300, given=text)
    (tmp_path / "text.txt").write_text(text, "utf-8")
    run("train", tmp_path / "text.txt", "--output", tmp_path / "b", "--vocab", 300)
    assert (tmp_path / "a" / "tokenizer.json").read_bytes() == (tmp_path / "b" / "tokenizer.json").read_bytes()
    # what comes from there may be other text each time
    assert "--replace" in run("train", "-", "--output", tmp_path / "a", "--vocab", 300, given=text, code=2).stderr
    assert "on this machine" in run("train", "-", "--output", "memory://x/y", given=text, code=2).stderr
    assert run("encode", tokenizer, "-", given=text).stdout == run("encode", tokenizer, text).stdout
    ids = run("encode", tokenizer, "--file", "-", given=text).stdout
    assert ids == run("encode", tokenizer, "--file", tmp_path / "text.txt").stdout
    report = json.loads(run("evaluate", tokenizer, "--input", "-", "--json", given=text).stdout)
    assert report["all"]["bytes"] == len(text.encode())


def test_special_tokens_by_number_by_set_or_by_name(corpus: Path, tmp_path: Path) -> None:
    cases: list[tuple[list[object], list[str]]] = [
        (["--special", 4], ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>", "<｜fim▁begin｜>"]),
        (["--special", 3, "--special-names", "plain"], ["<|begin_of_text|>", "<|end_of_text|>", "<|pad|>"]),
        (["--special", "<s>,</s>,<pad>,<x>"], ["<s>", "</s>", "<pad>", "<x>"]),
    ]
    for number, (options, names) in enumerate(cases):
        run("train", corpus, "--output", tmp_path / str(number), "--vocab", 300, *options)
        made = json.loads((tmp_path / str(number) / "tokenizer.json").read_text("utf-8"))
        assert [token["content"] for token in made["added_tokens"]] == names
    said = run("train", corpus, "--output", tmp_path / "x", "--special-names", "odd", code=2).stderr
    assert "special_names" in said and "plain" in said


def test_train_on_a_config(corpus: Path, tmp_path: Path) -> None:
    values = {
        "name": "t",
        "output": str(tmp_path / "run"),
        "engine": "inline",
        "sources": [{"name": "c", "format": "jsonl", "path": str(corpus)}],
        "stages": [{"tokenizer": {"train": {"vocab": 300}}}],
    }
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(values), "utf-8")
    run("train", path)
    assert (tmp_path / "run" / "tokenizer.json").exists()
    assert not list((tmp_path / "run").glob("*/*token_ids*"))
    assert "options are for FILES" in run("train", path, "--vocab", 400, code=2).stderr
    values["stages"] = [{"tests.toys.lengths": {}}]
    path.write_text(yaml.safe_dump(values), "utf-8")
    assert "has no stage `tokenizer`" in run("train", path, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.jsonl", "--output", "x"], "no such file: nowhere.jsonl"),
        (["nowhere.jsonl"], "--output DIRECTORY is needed"),
        (["nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_train_refuses(arguments: list[str], message: str) -> None:
    assert message in run("train", *arguments, code=2).stderr


def test_train_refuses_settings_and_empty_text(corpus: Path, tmp_path: Path) -> None:
    output = ["--output", tmp_path / "out"]
    assert "smaller than the 256 bytes" in run("train", corpus, *output, "--vocab", 3, code=2).stderr
    (tmp_path / "empty.jsonl").write_text("", "utf-8")
    assert "no text to train on" in run("train", tmp_path / "empty.jsonl", *output, code=2).stderr


def test_encode_and_decode_a_look(tokenizer: Path) -> None:
    lines = [line.split("\t") for line in run("encode", tokenizer, "the dog <｜User｜>").stdout.splitlines()]
    assert "".join(shown.strip("'") for _, shown in lines).startswith("the dog <")
    assert "507" not in [number for number, _ in lines]
    assert "507\t'<｜User｜>'" in run("encode", tokenizer, "the <｜User｜>", "--special").stdout
    assert run("decode", tokenizer, *[number for number, _ in lines]).stdout.strip() == "the dog <｜User｜>"


def test_encode_and_decode_files(tokenizer: Path, tmp_path: Path) -> None:
    text, ids, back = tmp_path / "text.txt", tmp_path / "ids.bin", tmp_path / "back.txt"
    text.write_text("\n".join(TEXTS), "utf-8")
    result = run("encode", tokenizer, "--file", text, "--output", ids)
    count = len(np.fromfile(ids, "<u2"))
    assert f"{count:,} tokens (uint16)" in result.stdout
    run("decode", tokenizer, "--file", ids, "--output", back)
    assert back.read_bytes() == text.read_bytes()
    assert run("encode", tokenizer, "--file", text).stdout.split() == [str(i) for i in np.fromfile(ids, "<u2")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "TOKENIZER"], "give a text or --file"),
        (["encode", "nowhere.json", "x"], "cannot read the tokenizer nowhere.json"),
        (["encode", "TOKENIZER", "--file", "nowhere.txt"], "cannot read nowhere.txt"),
        (["encode", "TOKENIZER", "--file", "BAD"], "is not valid UTF-8"),
        (["decode", "TOKENIZER"], "give ids or --file"),
        (["decode", "TOKENIZER", "70000"], "the vocabulary has no id 70000"),
        (["decode", "TOKENIZER", "--file", "BAD"], "no whole number of uint16 ids"),
        (["evaluate", "TOKENIZER", "--input", "nowhere.txt"], "cannot read nowhere.txt"),
        (["evaluate", "TOKENIZER", "--input", "BAD.jsonl"], "line 1"),
    ],
)
def test_mistakes_are_one_message(arguments: list[str], message: str, tokenizer: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"\xff")
    (tmp_path / "bad.jsonl").write_bytes(b"{}")
    places = {"TOKENIZER": tokenizer, "BAD": tmp_path / "bad", "BAD.jsonl": tmp_path / "bad.jsonl"}
    result = run(*[places.get(argument, argument) for argument in arguments], code=2)
    assert message in result.stderr and result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1


def test_evaluate(tokenizer: Path, corpus: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps(config(300, scheme="deepseek_strict")), "utf-8")
    picture = tmp_path / "picture.svg"
    arguments = ["evaluate", tokenizer, other, "--input", corpus]
    report = json.loads(run(*arguments, "--json", "--picture", picture).stdout)
    assert set(report["languages"]) == {"de", "en"}
    size = sum(len(text.encode()) for text in TEXTS)
    assert report["all"]["bytes"] == size
    ids, _ = load(tokenizer).encode(pa.array(TEXTS))
    assert report["all"]["bytes_per_token"]["tokenizer.json"] == pytest.approx(size / len(ids))
    use = report["vocabulary"]["other.json"]
    assert use["size"] == 315 and use["unreached"] >= 15 and 0 < use["single_byte_share"] < 1
    sizes = [len(token.encode()) for token in use["longest"] if "\\" not in token]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 3
    assert re.findall("<text.*?>(.*?)</text>", picture.read_text("utf-8"))[1:3] == ["tokenizer.json", "other.json"]
    shown = run(*arguments).stdout
    assert "by language" in shown and "never used" in shown


def test_a_folder_stands_for_its_tokenizer(tokenizer: Path) -> None:
    assert run("encode", tokenizer.parent, "the fox").stdout == run("encode", tokenizer, "the fox").stdout


def test_files_that_cannot_be_written(tokenizer: Path, corpus: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "no" / "where"
    for arguments in (
        ["encode", tokenizer, "the fox", "--output", nowhere],
        ["decode", tokenizer, "65", "--output", nowhere],
        ["evaluate", tokenizer, "--input", corpus, "--picture", nowhere],
    ):
        assert f"cannot write {nowhere}: No such file or directory" in run(*arguments, code=2).output


def test_text_of_documents_is_shown_and_not_sent(tokenizer: Path, tmp_path: Path) -> None:
    from dspipe.tokenizer.cli import _on_a_terminal

    assert _on_a_terminal("ü\x1b[2J\u202e\n".encode() + b"\xff") == "ü\\x1b[2J\\u202e\n\\xff\n".encode()
    row = {"text": "words " * 9, "lang": "\x1b[2J[/red]", "domain": "\u202egnp"}
    (tmp_path / "x.jsonl").write_text(json.dumps(row) + "\n")
    shown = run("evaluate", tokenizer, "--input", tmp_path / "x.jsonl").output
    assert "\\x1b[2J[/red]" in shown and "\\u202egnp" in shown
    report = run("evaluate", tokenizer, "--input", tmp_path / "x.jsonl", "--json").output
    assert "\u202e" not in report and "\u202egnp" in json.loads(report)["domains"]
    shown = run("encode", tokenizer, "\x1b[2J\x9b\u202e").output
    assert "\x1b" not in shown and "\x9b" not in shown and "\u202e" not in shown
