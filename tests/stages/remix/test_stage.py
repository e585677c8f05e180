import json
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import RunFailedError
from tests.engine import rows_of, run_inline
from tests.stages.pack.runs import make_config, make_documents


def drawn_by_domain(rows: list[dict[str, Any]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows:
        sums[row["remix.domain"]] = sums.get(row["remix.domain"], 0) + row["copies"] * row["tokens"]
    return sums


def remixed(
    folder: Path, documents: list[dict[str, str]], **settings: Any
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    files = settings.pop("files", 3)
    result = run_inline(make_config(folder, documents, files, remix=settings, length=64))
    rows = rows_of(result, ["id", "copies", "tokens", "reason", "remix.domain"])
    return rows, json.loads((folder / "run" / "mixture.json").read_text())


def test_domains_have_their_parts(tmp_path: Path) -> None:
    documents = make_documents(900)
    weights = {"web": 0.5, "books": 0.3, "code": 0.2}
    rows, plan = remixed(tmp_path, documents, weights=weights, tokens=30_000)
    got = drawn_by_domain(rows)
    longest = max(len(document["text"]) for document in documents)
    for entry in plan["domains"]:
        name = entry["domain"]
        assert entry["tokens"] == sum(len(d["text"]) for d in documents if d["domain"] == name)
        assert entry["documents"] == sum(d["domain"] == name for d in documents)
        assert entry["tokens_drawn"] == pytest.approx(30_000 * weights[name], abs=1)
        assert abs(got[name] - entry["tokens_drawn"]) <= 2 * longest + entry["tokens"] / 1024
    for row in rows:
        assert (row["reason"] == "remix.not_drawn") == (row["copies"] == 0)


def test_the_draw_depends_on_seed_and_origin_alone(tmp_path: Path) -> None:
    documents = make_documents(300)
    settings = {"weights": {"web": 0.5, "books": 0.3, "code": 0.2}, "tokens": 12_000}
    rows, _ = remixed(tmp_path / "a", documents, **settings)
    # in another folder, with other ids
    again, _ = remixed(tmp_path / "b", [{**document, "id": "same"} for document in documents], **settings)
    copies = {row["id"]: row["copies"] for row in rows}
    assert list(copies.values()) == [row["copies"] for row in again]
    larger, _ = remixed(tmp_path / "c", documents, **{**settings, "tokens": 16_000})
    assert all(row["copies"] >= copies[row["id"]] for row in larger)
    assert {row["copies"] for row in rows} > {0, 1}


def test_whole_epochs_and_a_part(tmp_path: Path) -> None:
    documents = [{"id": str(i), "domain": "web", "text": "abcd"} for i in range(1000)]
    rows, _ = remixed(tmp_path, documents, tokens="10_000", unimax=True)
    copies = [row["copies"] for row in rows]
    assert set(copies) == {2, 3}
    assert abs(sum(copies) * 4 - 10_000) <= 3 * 4


def test_without_a_tokenizer_bytes_count(tmp_path: Path) -> None:
    documents = make_documents(50)
    config = make_config(tmp_path, documents, remix={"tokens": 500})
    config["stages"] = [stage for stage in config["stages"] if "remix" in stage]
    run_inline(config)
    plan = json.loads((tmp_path / "run" / "mixture.json").read_text())
    assert plan["unit"] == "bytes"
    assert sum(entry["tokens"] for entry in plan["domains"]) == sum(len(d["text"]) for d in documents)


def test_another_column_in_groups(tmp_path: Path) -> None:
    documents = [{**d, "url": f"http://{'a' if i % 3 else 'B'}.example/{i}"} for i, d in enumerate(make_documents(60))]
    rows, plan = remixed(tmp_path, documents, by="host", groups={"lists": ["b.example"]})
    assert [(entry["domain"], entry["documents"]) for entry in plan["domains"]] == [("lists", 20), ("other", 40)]
    assert rows[0]["remix.domain"] == "lists"


def test_null_is_a_domain_of_its_own(tmp_path: Path) -> None:
    _, plan = remixed(tmp_path, make_documents(10), by="url")
    assert [entry["domain"] for entry in plan["domains"]] == ["unknown"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"weights": {"web": 0.5, "books": 0.3, "code": 0.2}, "tokens": 1e9},
            "the mixture can't be drawn: 'books': 0.3",
        ),
        ({"weights": {"web": 0.5, "books": 0.5}}, "no weight is given for 'code'"),
        ({"weights": {"web": 0.5, "books": 0.3, "code": 0.1, "law": 0.1}}, "no document of domain 'law'"),
    ],
)
def test_impossible_wishes_end_the_run(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(RunFailedError, match=message) as caught:
        remixed(tmp_path, make_documents(60), **settings)
    assert caught.value.user


def test_too_many_domains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dspipe.stages.remix.domain_counts.MAX_BINS", 1024 * 20)
    with pytest.raises(RunFailedError, match="'id' has more than 20 values; group them"):
        remixed(tmp_path, make_documents(100), by="id")


def test_a_shard_without_documents(tmp_path: Path) -> None:
    config = make_config(tmp_path, make_documents(20), files=1, remix={})
    (tmp_path / "part-9.jsonl").write_text("")
    run_inline(config)
    plan = json.loads((tmp_path / "run" / "mixture.json").read_text())
    assert plan["unit"] == "tokens"
    assert sum(entry["documents"] for entry in plan["domains"]) == 20


def test_importance_draws_what_looks_like_the_target(tmp_path: Path) -> None:
    poems = ["the moon and the sea sing of love", "love and the silent moon above the sea", "sea of love"]
    reports = ["profit rose four percent in the quarter", "the quarter closed with a profit", "shares rose percent"]
    documents = [
        {"id": str(i), "domain": "web" if i % 4 < 2 else "books", "text": f"{(poems if i % 2 else reports)[i % 3]} {i}"}
        for i in range(600)
    ]
    target = tmp_path / "target.jsonl"
    target.write_text("".join(json.dumps({"text": poem}) + "\n" for poem in poems))
    importance = {"target": str(target)}
    rows, plan = remixed(
        tmp_path / "a", documents, weights={"web": 0.5, "books": 0.5}, tokens=6000, importance=importance
    )
    drawn = [int(row["id"]) for row in rows if row["copies"]]
    assert 150 < len(drawn) < 300
    assert sum(number % 2 for number in drawn) > 0.97 * len(drawn)
    for entry in plan["domains"]:
        got = drawn_by_domain(rows)[entry["domain"]]
        assert abs(got - entry["tokens_drawn"]) <= entry["may_miss_by"] + 50
    by_chance, _ = remixed(tmp_path / "b", documents, weights={"web": 0.5, "books": 0.5}, tokens=6000)
    chosen = [int(row["id"]) for row in by_chance if row["copies"]]
    assert 0.35 < sum(number % 2 for number in chosen) / len(chosen) < 0.65


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no file"), ("not json", "line 1"), ('{"text": ""}', "hold no words")]
)
def test_a_target_that_cannot_be(tmp_path: Path, content: str | None, message: str) -> None:
    target = tmp_path / "target.jsonl"
    if content is not None:
        target.write_text(content)
    with pytest.raises((RunFailedError, InvalidConfigError), match=message):
        remixed(tmp_path / "a", make_documents(10), importance={"target": str(target)})
