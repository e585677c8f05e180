import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.quality.documents import AS_GIVEN, NEGATIVE, POSITIVE, Limits, Split, split_documents, split_words
from dspipe.stages.quality.labelled import ByField, FilesByLabel


def write(path: Path, documents: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(document) + "\n" for document in documents), "utf-8")
    return path


def split(tmp_path: Path, good: list[dict[str, Any]], bad: list[dict[str, Any]], held_out: float = 0.2) -> Split:
    files = {POSITIVE: [write(tmp_path / "good.jsonl", good)], NEGATIVE: [write(tmp_path / "bad.jsonl", bad)]}
    return split_documents(FilesByLabel(files), [POSITIVE, NEGATIVE], held_out, tmp_path)


def documents(label: str, hosts: int, count: int = 600) -> list[dict[str, Any]]:
    return [{"text": f"{label} {i}", "url": f"https://host{i % hosts}.org/{label}/{i}"} for i in range(count)]


def test_every_document_is_in_one_part(tmp_path: Path) -> None:
    parts = split(tmp_path, documents("good", 50), [{"text": f"bad {i}"} for i in range(600)])
    assert parts.by_group == {POSITIVE: True, NEGATIVE: False} and parts.share == 1.0
    whole, searched = parts.whole.read_text("utf-8").splitlines(), parts.search.read_text("utf-8").splitlines()
    for label, word in ((POSITIVE, "good"), (NEGATIVE, "bad")):
        trained = {line for line in whole if line.startswith(f"__label__{label} ")}
        choosing = {f"__label__{label} {one.text}" for one in parts.choosing[label]}
        assert len(trained) == parts.trained[label] and trained - choosing == {x for x in searched if f" {word} " in x}
        assert len(trained) + len(parts.held_out[label]) == 600
        assert 60 <= len(parts.held_out[label]) <= 240 and 40 <= len(choosing) <= 180


def test_no_host_is_on_both_sides(tmp_path: Path) -> None:
    parts = split(tmp_path, documents("good", 50), documents("bad", 30))
    for label, hosts in ((POSITIVE, 50), (NEGATIVE, 30)):
        number = {int(one.text.split()[1]) % hosts for one in parts.held_out[label]}
        others = {int(one.text.split()[1]) % hosts for one in parts.choosing[label]}
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


def by_label(tmp_path: Path, items: list[dict[str, Any]], limits: Limits = AS_GIVEN, held_out: float = 0.2) -> Split:
    return split_documents(ByField([write(tmp_path / "all.jsonl", items)], "label"), None, held_out, tmp_path, limits)


def test_a_host_of_two_labels_is_on_one_side(tmp_path: Path) -> None:
    # the label `many` has few hosts: alone it would be divided by texts
    shared = [f"https://host{number}.org/x" for number in range(5)]
    items = [{**one, "label": "some"} for one in documents("some", 40)]
    items += [{"text": f"many {i}", "url": shared[i % 5], "label": "many"} for i in range(200)]
    parts = by_label(tmp_path, items)
    assert parts.by_group == {"some": True, "many": False}
    held_out = {one.group for label in parts.labels for one in parts.held_out[label]}
    trained = {int(line.split()[2]) for line in parts.whole.read_text("utf-8").splitlines() if " many " in line}
    assert held_out and not held_out & {f"host{number % 5}.org" for number in trained}


def test_rare_labels_are_repeated_and_frequent_ones_thinned_out(tmp_path: Path) -> None:
    items = [
        {"text": f"{label} {i}", "label": label} for label, n in (("a", 900), ("b", 60), ("c", 3)) for i in range(n)
    ]
    parts = by_label(tmp_path, items, Limits(balanced=True), 0.0)
    assert 250 <= parts.trained["a"] <= 400 and parts.trained["b"] == 300 and parts.trained["c"] == 15
    assert by_label(tmp_path, items, held_out=0.0).trained == {"a": 900, "b": 60, "c": 3}
    few = by_label(tmp_path, items, Limits(min_documents=10))
    assert few.labels == ["a", "b"] and few.left_out == {"c": 3}


def test_a_giant_host_is_capped(tmp_path: Path) -> None:
    items = [{**one, "label": "a"} for one in documents("a", 30, 300)] + [
        {"text": f"b {i}", "label": "b"} for i in range(9)
    ]
    items += [{"text": f"giant {i}", "url": "https://giant.org/", "label": "a"} for i in range(2000)]
    parts = by_label(tmp_path, items, Limits(balanced=True), 0.0)
    assert parts.by_group["a"] and 1850 <= parts.capped["a"] <= 1950  # about 97 of 387 are left
    parts = by_label(tmp_path, items, Limits(of_group=20), 0.0)
    assert 1960 <= parts.capped["a"] <= 1995 and not by_label(tmp_path, items).capped


def test_empty_and_contradictory_texts_are_left_out(tmp_path: Path) -> None:
    items = [{"text": text, "label": label} for label in "ab" for text in (f"{label} 1", f"{label} 2", "both", " \n")]
    parts = by_label(tmp_path, items, held_out=0.0)
    assert parts.look.empty == {"a": 1, "b": 1} and list(parts.look.contradictory.values()) == [("a", "b")]
    assert parts.trained == {"a": 2, "b": 2}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a", "a"], "all documents have the label a"),
        (["a", "b c"], "have blanks in it: 'b c'"),
        (["a", None], "line 2: no label in the field label; its fields are label, text"),
        (["a", 1.5], "line 2: the label is 1.5"),
        ([], "no documents to train on"),
    ],
)
def test_labels_that_nobody_can_train_on_are_refused(tmp_path: Path, labels: list[Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        by_label(tmp_path, [{"text": f"x {number}", "label": label} for number, label in enumerate(labels)])
    with pytest.raises(ConfigError, match="no b documents to train on: all 1 of them have empty texts"):
        by_label(tmp_path, [{"text": "x", "label": "a"}, {"text": " ", "label": "b"}])
