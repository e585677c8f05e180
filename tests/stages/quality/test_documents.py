import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.quality.documents import NEGATIVE, POSITIVE, Split, split_documents, split_words


def write(path: Path, documents: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), "utf-8")
    return path


def split(tmp_path: Path, good: list[dict[str, Any]], bad: list[dict[str, Any]], held_out: float = 0.2) -> Split:
    files = {POSITIVE: [write(tmp_path / "good.jsonl", good)], NEGATIVE: [write(tmp_path / "bad.jsonl", bad)]}
    return split_documents(files, "text", held_out, tmp_path)


def documents(label: str, hosts: int, count: int = 600) -> list[dict[str, Any]]:
    return [{"text": f"{label} {i}", "url": f"https://host{i % hosts}.org/{label}/{i}"} for i in range(count)]


def test_every_document_is_in_one_part(tmp_path: Path) -> None:
    parts = split(tmp_path, documents("good", 50), [{"text": f"bad {i}"} for i in range(600)])
    assert parts.by_group == {POSITIVE: True, NEGATIVE: False} and parts.share == 1.0
    whole, searched = parts.whole.read_text("utf-8").splitlines(), parts.search.read_text("utf-8").splitlines()
    for label, word in ((POSITIVE, "good"), (NEGATIVE, "bad")):
        trained = {line for line in whole if line.startswith(f"__label__{label} ")}
        choosing = {f"__label__{label} {text}" for text in parts.choosing[label]}
        assert len(trained) == parts.trained[label] and trained - choosing == {x for x in searched if f" {word} " in x}
        assert len(trained) + len(parts.held_out[label]) == 600
        assert 60 <= len(parts.held_out[label]) <= 240 and 40 <= len(choosing) <= 180


def test_no_host_is_on_both_sides(tmp_path: Path) -> None:
    parts = split(tmp_path, documents("good", 50), documents("bad", 30))
    for label, hosts in ((POSITIVE, 50), (NEGATIVE, 30)):
        number = {int(text.split()[1]) % hosts for text in parts.held_out[label]}
        others = {int(text.split()[1]) % hosts for text in parts.choosing[label]}
        trained = [line.split() for line in parts.search.read_text("utf-8").splitlines()]
        rest = {int(words[2]) % hosts for words in trained if words[0] == f"__label__{label}"}
        assert number and others and not number & others and not number & rest and not others & rest


def test_few_hosts_or_one_large_one_do_not_decide(tmp_path: Path) -> None:
    one_large = [*documents("good", 40, 100), *({"text": f"x {i}", "source": "big"} for i in range(100))]
    assert split(tmp_path, documents("good", 5), one_large).by_group == {POSITIVE: False, NEGATIVE: False}


def test_the_same_documents_are_divided_in_the_same_way(tmp_path: Path) -> None:
    first = split(tmp_path, documents("good", 50), documents("bad", 3))
    contents = first.whole.read_bytes(), first.search.read_bytes()
    second = split(tmp_path, documents("good", 50), documents("bad", 3))
    assert contents == (second.whole.read_bytes(), second.search.read_bytes())
    assert (first.choosing, first.held_out) == (second.choosing, second.held_out)


def test_of_much_text_a_part_is_searched_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dspipe.stages.quality.documents.SEARCH_BYTES", 2000)
    parts = split(tmp_path, documents("good", 50), documents("bad", 3))
    assert 0.1 < parts.share < 0.3
    searched = len(parts.search.read_text("utf-8").splitlines()) + sum(map(len, parts.choosing.values()))
    assert 0.6 * parts.share < searched / sum(parts.trained.values()) < 1.5 * parts.share
    assert all(parts.choosing.values())


def test_words_are_those_of_fasttext() -> None:
    assert split_words(" a\tb\n</s> __label__x c\0d ") == ["a", "b", "c", "d"]


def test_documents_without_a_text_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 2: no text in the field text; its fields are body, url"):
        split(tmp_path, [{"text": "x"}, {"body": "y", "url": "z"}], [])
    with pytest.raises(ConfigError, match="no negative documents"):
        split(tmp_path, [{"text": "x", "url": "http://[broken"}], [])
