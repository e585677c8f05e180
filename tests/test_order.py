"""Order means order: each stage sees documents and texts as the stages before it left them.

A config is compared with its stages applied one after the other: in plain Python where that is a few lines, elsewhere
each in a run of its own over what the one before it has kept.
"""

import itertools
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.run.run import RunResult
from tests.engine import planned, rows_of, run_inline, tasks_run

Documents = list[dict[str, Any]]
MENU = "Home | About | Contact"


def config(folder: Path, documents: Documents, stages: Sequence[Any], shards: int = 2) -> dict[str, Any]:
    """A config over the documents, dealt out to shards from the first to the last."""
    folder.mkdir(parents=True, exist_ok=True)
    size = -(-len(documents) // shards)
    for shard in range(shards):
        lines = [json.dumps(document) + "\n" for document in documents[shard * size : (shard + 1) * size]]
        (folder / f"{shard}.jsonl").write_text("".join(lines), "utf-8")
    source = {"name": "s", "format": "jsonl", "root": f"{folder}/", "path": "*.jsonl"}
    return {"output": str(folder / "out"), "sources": [source], "stages": list(stages)}


def run(folder: Path, documents: Documents, stages: Sequence[Any], **engine: Any) -> RunResult:
    return run_inline({**config(folder, documents, stages), "engine": {"kind": "inline", **engine}})


def reasons(result: RunResult) -> dict[str, str | None]:
    """Why each document was dropped; None: it is kept."""
    made = {name for phase in result.phases for file in phase.manifests
            for name in result.store.read_json(file)["columns"]}  # fmt: skip
    return {row["id"]: row.get("reason") for row in rows_of(result, ["id", *made & {"reason"}])}


def kept_texts(result: RunResult) -> dict[str, str]:
    why = reasons(result)
    return {row["id"]: row["text"] for row in rows_of(result, ["id", "text"]) if why[row["id"]] is None}


def one_by_one(folder: Path, documents: Documents, stages: Sequence[Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Each stage in a run of its own over what is left: the texts at the end, and why documents were dropped."""
    dropped: dict[str, str] = {}
    for number, stage in enumerate(stages):
        result = run(folder / str(number), documents, [stage])
        texts = kept_texts(result)
        dropped |= {id: reason for id, reason in reasons(result).items() if reason is not None}
        documents = [{**document, "text": texts[document["id"]]} for document in documents if document["id"] in texts]
    return {document["id"]: document["text"] for document in documents}, dropped


def both_ways(tmp_path: Path, documents: Documents, stages: Sequence[Any]) -> RunResult:
    """The run of all stages, once it agrees with the stages applied one after the other."""
    result = run(tmp_path / "together", documents, stages)
    texts, dropped = one_by_one(tmp_path / "one_by_one", documents, stages)
    assert {id: reason for id, reason in reasons(result).items() if reason is not None} == dropped
    assert kept_texts(result) == texts
    return result


def pairs() -> Documents:
    """Eight pairs of pages that differ by the menus of their hosts, and four pages that stay different."""
    pages = []
    for host in "ab":
        pages += [{"id": f"{host}{n}", "url": f"http://{host}.org/{n}", "text": f"{MENU} of {host}\nStory {n}."}
                  for n in range(8)]  # fmt: skip
        pages += [{"id": f"{host}x{n}", "url": f"http://{host}.org/x{n}", "text": f"Only {host} {n}."}
                  for n in range(2)]  # fmt: skip
    return pages


def test_pairs_that_become_identical_are_found(tmp_path: Path) -> None:
    result = run(tmp_path, pairs(), [{"host_lines": {}}, {"exact_dedup": {}}])
    found = reasons(result)
    assert [id for id, reason in found.items() if reason == "exact_dedup.duplicate"] == [f"b{n}" for n in range(8)]
    assert set(kept_texts(result).values()) == {
        *(f"Story {n}." for n in range(8)),
        *(f"Only {host} {n}." for host in "ab" for n in range(2)),
    }


def test_the_funnel_shows_the_bytes_that_are_left(tmp_path: Path) -> None:
    documents = pairs()
    result = run(tmp_path, documents, [{"host_lines": {}}, {"exact_dedup": {}}])
    funnel = {entry.stage: entry for phase in result.phases for entry in phase.funnel}
    before = sum(len(page["text"]) for page in documents)
    menus = 16 * len(f"{MENU} of a\n")
    assert funnel["host_lines"].entered == (20, before, 0)
    assert funnel["host_lines"].kept == (20, before - menus, 0)
    assert funnel["host_lines"].rewritten == -menus
    assert funnel["exact_dedup"].entered == funnel["host_lines"].kept
    assert funnel["exact_dedup"].kept == (12, sum(map(len, kept_texts(result).values())), 0)
    assert all(entry.balanced() for entry in funnel.values())


def test_a_passage_that_is_cut_is_in_the_bytes_of_its_stage(tmp_path: Path) -> None:
    passage = " ".join(f"word{n}" for n in range(60))
    documents = [{"id": str(n), "text": f"{words(n, 4)}. {passage} {words(n + 9, 1)}"} for n in range(3)]
    documents.append({"id": "all", "text": passage})
    result = both_ways(tmp_path, documents, [{"repeated_spans": {}}, {"tests.toys.lengths": {"minimum": 60}}])
    spans, lengths = [entry for phase in result.phases for entry in phase.funnel if entry.stage != "documents-2"]
    assert spans.dropped == {"repeated_spans.nothing_left": (1, len(passage), 0)}
    assert spans.balanced() and spans.rewritten < -2 * 300
    assert (
        lengths.entered
        == spans.kept
        == (3, sum(entry["text_bytes"] for entry in rows_of(result, ["text_bytes"])[:3]), 0)
    )
    assert lengths.dropped["lengths.too_short"].documents == 2


def words(seed: int, n: int) -> str:
    generator = np.random.default_rng(seed)
    return " ".join("".join(generator.choice(list("abcdefgh"), 6)) for _ in range(n))


def test_near_duplicates_behind_repeated_spans_are_of_the_texts_that_are_left(tmp_path: Path) -> None:
    """A long passage makes two pages alike, and is all that does; another pair is alike without its passages."""
    frame, story = words(1, 400), words(2, 80)
    documents = [
        {"id": "first", "text": f"{words(3, 60)}\n{frame}"},
        {"id": "second", "text": f"{words(4, 60)}\n{frame}"},
        {"id": "third", "text": f"{words(5, 90)}\n{story}"},
        *({"id": f"fill{n}", "text": words(5, 90) + f"\n{words(10 + n, 70)}"} for n in range(2)),
    ]
    stages = [{"repeated_spans": {"keep": 0}}, {"minhash": {}}]
    assert reasons(run(tmp_path / "alone", documents, [{"minhash": {}}]))["second"] == "minhash.near_duplicate"
    result = both_ways(tmp_path, documents, stages)
    assert set(reasons(result).values()) == {None}
    alike = [{"id": "x", "text": f"{words(6, 300)} {story}"}, {"id": "y", "text": f"{story} {words(7, 300)}"}]
    extra = [{"id": "z", "text": words(6, 300)}, {"id": "w", "text": words(7, 300)}]
    result = both_ways(tmp_path / "alike", [*extra, *alike], [{"repeated_spans": {"min_bytes": 600}}, {"minhash": {}}])
    assert reasons(result) == {"z": None, "w": None, "x": None, "y": "minhash.near_duplicate"}


def test_rules_behind_lines_that_go_judge_what_is_left(tmp_path: Path) -> None:
    """Pages that are long enough through their menu alone, and pages whose menu made them too symbolic."""
    rng = random.Random(3)
    vocabulary = ["the", "river", "and", "valley", "of", "stone", "were", "with", "have", "that", "long", "water"]
    long = "\n".join(f"Entry {n} of the menu and of that which you have to see with it" for n in range(12))
    documents = []
    for n in range(10):
        text = " ".join(rng.choice(vocabulary) for _ in range(30 if n % 2 else 120)) + "."
        documents.append({"id": f"p{n}", "url": f"http://a.org/{n}", "text": f"{long}\n{text}"})
    rules = {"heuristics": {"rules": ["gopher"], "gopher": {"min_words": 100}}}
    result = both_ways(tmp_path, documents, [{"host_lines": {}}, rules])
    assert [reasons(result)[f"p{n}"] for n in range(4)] == [None, "gopher.too_few_words"] * 2


def test_languages_behind_lines_that_go_are_of_what_is_left(tmp_path: Path) -> None:
    menu = "Startseite und Anmeldung\nÜber uns und unsere Geschichte\nDatenschutz und Impressum"
    stories = ["The cat sat on the mat and looked at the moon.", "She walked along the river with her brother."] * 3
    documents = [{"id": f"p{n}", "url": f"http://a.de/{n}", "text": f"{menu}\n{n}: {story}"}
                 for n, story in enumerate(stories)]  # fmt: skip
    language = {"language": {"keep": ["en"]}}
    assert "language.not_kept" in reasons(run(tmp_path / "alone", documents, [language])).values()
    result = both_ways(tmp_path, documents, [{"host_lines": {}}, language])
    assert set(reasons(result).values()) == {None}
    assert {row["language"] for row in rows_of(result, ["language"])} == {"en"}


def test_a_language_measured_behind_lines_is_what_later_stages_read(tmp_path: Path) -> None:
    """Documents that were dropped before keep the language that their source gave them."""
    documents = [{"id": "short", "text": "x", "language": "de"}]
    documents += [{"id": f"p{n}", "url": f"http://a.org/{n}", "text": f"{MENU}\nThe cat sat on the mat {n} times.",
                   "language": "fr"} for n in range(6)]  # fmt: skip
    stages = [{"tests.toys.lengths": {"minimum": 3}}, {"host_lines": {}}, {"language": {"keep": ["en"]}}]
    values = config(tmp_path, documents, stages)
    values["sources"][0]["fields"] = {"language": "language"}
    rows = {row["id"]: row for row in rows_of(run_inline(values), ["id", "language", "language_score", "reason"])}
    assert rows["short"] == {
        "id": "short", "language": "de", "language_score": None, "reason": "lengths.too_short"
    }  # fmt: skip
    assert rows["p0"]["language"] == "en" and rows["p0"]["language_score"] > 0 and rows["p0"]["reason"] is None


def mixed_pages() -> Documents:
    """Pages with menus, addresses that are masked, lines that repeat, and copies that become ones by each of these."""
    pages: Documents = []
    for host in "ab":
        for n in range(6):
            lines = [f"{MENU} of {host}", f"Story {n % 4} is told here.", f"Write to me{host}@example{n}.com today"]
            lines += [f"Said {n % 3} times by all of them"] * (n % 2)
            pages.append({"id": f"{host}{n}", "url": f"http://{host}.org/{n}", "text": "\n".join(lines)})
    pages.append({"id": "short", "url": "http://c.org/", "text": "No"})
    pages.append({"id": "none", "text": "Story 1 is told here.\nWrite to you@example.com today"})
    return pages


REWRITING: list[dict[str, Any]] = [
    {"host_lines": {}},
    {"repeated_lines": {"more_than": 2, "keep": 1}},
    {"repeated_spans": {"min_bytes": 20, "min_left": 3}},
    {"pii": {}},
]
DECIDING: list[dict[str, Any]] = [{"exact_dedup": {}}, {"tests.toys.lengths": {"minimum": 24}}]


def test_stages_in_any_order(tmp_path: Path) -> None:
    orders = [*itertools.permutations([*REWRITING, *DECIDING], 4)]
    for number, order in enumerate(random.Random(5).sample(orders, 4)):
        both_ways(tmp_path / str(number), mixed_pages(), order)


def test_rewrites_composed(tmp_path: Path) -> None:
    """Masks behind lines behind lines behind masks: each of the text before, and texts in step with their sizes."""
    stages = [REWRITING[0], REWRITING[3], REWRITING[1], DECIDING[0], REWRITING[2], DECIDING[1]]
    result = both_ways(tmp_path, mixed_pages(), stages)
    names = [phase.name for phase in result.phases if phase.name.startswith("documents")]
    assert names == ["documents", "documents-2", "documents-3", "documents-4"]
    rows = rows_of(result, ["text", "text_bytes"])
    assert all(row["text_bytes"] == len(row["text"].encode()) for row in rows)


def plain_host_lines(documents: Documents) -> Documents:
    """`host_lines` with its defaults, for texts without blank or odd lines."""
    pages: dict[str, int] = Counter(document["url"].split("/")[2] for document in documents)
    having: dict[tuple[str, str], int] = defaultdict(int)
    for document in documents:
        for line in set(document["text"].split("\n")):
            having[document["url"].split("/")[2], line] += 1

    def stays(host: str, line: str) -> bool:
        return having[host, line] < max(5, 0.3 * pages[host]) or not re.search(r"\w", line)

    return [
        {**page, "text": "\n".join(x for x in page["text"].split("\n") if stays(page["url"].split("/")[2], x))}
        for page in documents
    ]


def plain_exact_dedup(documents: Documents) -> Documents:
    seen: set[str] = set()
    return [d for d in documents if not (d["text"] in seen or seen.add(d["text"]))]  # type: ignore[func-returns-value]


def plain_lengths(documents: Documents) -> Documents:
    return [document for document in documents if len(document["text"]) >= 12]


def plain_repeated_lines(documents: Documents) -> Documents:
    """Of each line the first document keeps it."""
    having = Counter(line for document in documents for line in set(document["text"].split("\n")))
    given: set[str] = set()
    result = []
    for document in documents:
        lines = document["text"].split("\n")
        result.append({**document, "text": "\n".join(x for x in lines if having[x] == 1 or x not in given)})
        given.update(lines)
    return result


PLAIN: dict[str, tuple[dict[str, Any], Callable[[Documents], Documents]]] = {
    "host_lines": ({"host_lines": {}}, plain_host_lines),
    "exact_dedup": ({"exact_dedup": {}}, plain_exact_dedup),
    "lengths": ({"tests.toys.lengths": {"minimum": 12}}, plain_lengths),
    "repeated_lines": ({"repeated_lines": {}}, plain_repeated_lines),
}


@pytest.mark.parametrize("order", [*itertools.permutations(PLAIN)][::2], ids="-".join)
def test_orders_against_plain_python(tmp_path: Path, order: tuple[str, ...]) -> None:
    rng = random.Random(len("".join(order)))
    letters = [chr(ord("a") + n) * 3 for n in range(14)]  # digits would count as the same in `repeated_lines`
    documents = [
        {
            "id": f"{n}",
            "url": f"http://{'ab'[n % 2]}.org/{n}",
            "text": "\n".join([letters[n % 2]] * (rng.random() < 0.8) + rng.sample(letters[2:], rng.randint(1, 3))),
        }
        for n in range(30)
    ]
    result = run(tmp_path, documents, [PLAIN[name][0] for name in order], batch_rows=4)
    for name in order:
        documents = PLAIN[name][1](documents)
    assert kept_texts(result) == {document["id"]: document["text"] for document in documents}


def test_thresholds_read_no_text_again(tmp_path: Path) -> None:
    """An edit behind the second reading repeats verdicts alone; one before it what depends on its verdicts."""

    def stages(before: int, behind: int) -> list[Any]:
        return [
            {"tests.toys.unique": {}},
            {"tests.toys.lengths": {"minimum": before}},
            {"host_lines": {}},
            {"exact_dedup": {}},
            {"heuristics": {"rules": ["gopher"], "gopher": {"min_words": behind}}},
        ]

    documents = mixed_pages()
    values = config(tmp_path, documents, stages(3, 2))
    first = run_inline(values)
    assert set(tasks_run(first)) >= {"documents", "documents-2", "judge", "judge-2"}
    assert tasks_run(run_inline(values)) == {}
    assert tasks_run(run_inline({**values, "stages": stages(3, 4)})) == {"judge-2": 2}
    assert tasks_run(run_inline({**values, "stages": stages(10, 4)})) == {"judge": 2}, "no verdict changed"
    before = tasks_run(run_inline({**values, "stages": stages(60, 4)}))
    assert "documents" not in before and before["documents-2"] == 1, "one shard alone has a document that is shorter"


def test_a_new_shard_reads_again_what_it_changes(tmp_path: Path) -> None:
    values = config(tmp_path, pairs(), [{"host_lines": {}}, {"exact_dedup": {}}])
    run_inline(values)
    line = json.dumps({"id": "new", "url": "http://z.org/", "text": "A new page."})
    (tmp_path / "2.jsonl").write_text(line + "\n")
    assert tasks_run(run_inline(values)).items() >= {("documents", 1), ("documents-2", 1)}


def test_workers_batches_and_kills_change_nothing(tmp_path: Path) -> None:
    stages = [REWRITING[0], REWRITING[3], DECIDING[0], REWRITING[1]]
    values = config(tmp_path / "whole", mixed_pages(), stages)
    whole = run_inline(values)
    cut = run(tmp_path / "cut", mixed_pages(), stages, batch_rows=2, memory=100_000)
    columns = ["id", "text", "text_bytes", "reason", "pii.emails"]
    assert rows_of(cut, columns) == rows_of(whole, columns)
    for file in (tmp_path / "whole" / "out" / "documents-2").glob("*1-*.manifest.json"):
        file.unlink()
    assert tasks_run(run_inline(values)) == {"documents-2": 1}


def test_nothing_is_read_again_without_need(tmp_path: Path) -> None:
    """One pass where nothing that measures stands behind a rewrite of the whole corpus."""
    orders: list[list[Any]] = [
        [{"pii": {}}, {"exact_dedup": {}}, {"tests.toys.lengths": {}}, {"host_lines": {}}, {"repeated_lines": {}}],
        [{"exact_dedup": {}}, {"pii": {}}, {"minhash": {}}],
    ]
    for stages in orders:
        names = [phase.name for phase in planned(config(tmp_path, pairs(), stages)).phases]
        assert "documents-2" not in names


def test_what_the_plan_says(tmp_path: Path) -> None:
    plan = planned(config(tmp_path, pairs(), [{"exact_dedup": {}}, {"host_lines": {}}, {"pii": {}}, {"minhash": {}}]))
    names = [phase.name for phase in plan.phases]
    again = plan.phases[names.index("documents-2")]
    assert names.index("host_lines.rewrite") + 1 == names.index("documents-2")
    assert again.title == "Read the texts again behind host_lines, then in one pass: pii, minhash"
    assert set(again.written) == {
        "reason", "text", "text_bytes", "pii.emails", "pii.ips", "pii.phones", "pii.identity_numbers", "pii.cards",
        "minhash.signature",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        (
            [{"tokenizer": {"train": {"vocab": 300}}}, {"pack": {"length": 64}}, {"exact_dedup": {}}],
            r"stages\.exact_dedup.*pack takes the documents as they are.*put it before `pack`",
        ),
        (
            [{"tokenizer": {"train": {"vocab": 300}}}, {"pack": {"length": 64}}, {"tests.toys.lengths": {}}],
            r"stages\.tests\.toys\.lengths.*put it before `pack`",
        ),
        ([{"tokenizer": {"train": {"vocab": 300}}}, {"pack": {"length": 64}}, {"extract": {}}], "put it before `pack`"),
        ([{"pack": {"length": 64}}, {"tokenizer": {"train": {"vocab": 300}}}], "put it before `pack`"),
        (
            [{"tokenizer": {"train": {"vocab": 300}}}, {"pii": {}}, {"pack": {"length": 64}}],
            r"stages\.pii.*tokenizer takes the texts as they are.*put it before `tokenizer`",
        ),
        ([{"tokenizer": {"train": {"vocab": 300}}}, {"host_lines": {}}], r"host_lines.*put it before `tokenizer`"),
        ([{"host_lines": {}}, {"extract": {}}], r"stages\.extract.*pages .*read once.*put it before `host_lines`"),
        (
            [{"exact_dedup": {"keep": ["heuristics.characters"]}}, {"host_lines": {}}, {"heuristics": {}}],
            r"stages\.exact_dedup.*heuristics\.characters.*heuristics measures behind.*put heuristics before",
        ),
    ],
)  # fmt: skip
def test_orders_that_make_no_sense_are_refused(tmp_path: Path, stages: list[Any], message: str) -> None:
    with pytest.raises(InvalidConfigError, match=message):
        planned(config(tmp_path, pairs(), stages))
