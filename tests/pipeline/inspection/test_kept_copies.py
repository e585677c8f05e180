"""What was kept instead, how it was drawn, and where its tokens are: of runs here and on an object store."""

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.inspection.compare_texts import Passage
from dspipe.pipeline.inspection.explain import explain
from dspipe.pipeline.report.show_explanation import print_explanation
from dspipe.pipeline.run.run_file import RunFile, read_run
from dspipe.stages.pack.reading.locate import locate_document
from dspipe.stages.pack.reading.shard_files import Shards
from tests.chaos.faulty_proxy import FaultyProxy
from tests.engine import run_inline
from tests.pipeline.conftest import client
from tests.pipeline.report.shown import text_of

DOCUMENTS, FILES = 240, 4
HOSTILE = "\x1b]0;PWNED\x07"


def drawn(folder: Path, output: str, **pack: Any) -> dict[str, Any]:
    """Documents in four shards, of two domains of which one is drawn two or three times, packed in a few shards; the
    last of each shard has the address of the first one, and a word of its own."""
    draw = random.Random(3)
    for shard in range(FILES):
        with (folder / f"{shard}.jsonl").open("w") as file:
            for n in range(DOCUMENTS // FILES):
                words = draw.choices([f"word{i}" for i in range(500)], k=draw.randint(1, 200))
                row = {"id": f"{shard}-{n}", "url": f"https://host.example/{shard}/{n}", "domain": f"d{n % 2}"}
                text = f"The page {shard}. {' '.join(words)}."
                if n == 0:
                    first = text
                if n == DOCUMENTS // FILES - 1:
                    row["url"] = f"http://host.example/{shard}/0/"
                    text = first.replace("The page", f"{HOSTILE} This page")
                file.write(json.dumps({**row, "text": text}) + "\n")
    return {
        "output": output,
        "sources": [{"name": "s", "format": "jsonl", "path": f"{folder}/*.jsonl"}],
        "stages": [
            {"exact_dedup": {"by": ["url", "text"]}},
            {"remix": {"by": "domain", "weights": {"d0": 0.7, "d1": 0.3}, "max_epochs": 3, "tokens": 250_000}},
            {"tests.toys.tokenizer": {}},
            {"pack": {"length": 128, "shard_bytes": 65536, **pack}},
        ],
        "engine": {"kind": "inline", "index": True},
    }


@pytest.fixture(scope="module", params=[{}, {"format": "mds", "shuffle": False}], ids=str)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    run_inline(drawn(folder, str(folder / "out"), **request.param))
    return folder / "out"


def test_the_kept_copy_and_what_differs(run: Path) -> None:
    store, file = read_run(str(run))
    (story,) = explain(store, file, "2-59")
    (copy,) = story.kept_copies
    assert (copy.round, copy.id, copy.url, copy.reason) == ("exact_dedup.url", "2-0", "https://host.example/2/0", None)
    assert copy.place == "2.0" and copy.compared is not None
    assert copy.compared.passages[0] == Passage(f"{HOSTILE} This ", "The ", False)
    assert all(passage.same for passage in copy.compared.passages[1:])
    shown = text_of(print_explanation, [story])
    assert "exact_dedup.url: kept instead" in shown and "2-0 https://host.example/2/0 (document 2.0)" in shown
    assert "[-\\x1b]0;PWNED\\x07 This -]{+The +}page 2." in shown
    assert "\x1b" not in shown
    assert "pack" not in story.chapters and "remix" not in story.chapters


def test_the_draw_and_the_packed_rows(run: Path) -> None:
    store, file = read_run(str(run))
    copies = []
    for number in range(1, 240, 37):
        name = f"{number % 4}-{number % 59}"
        (story,) = explain(store, file, name)
        columns = story.columns()
        copies.append(columns["copies"])
        said = story.chapters.get("pack", {})
        expected = locate_document(run, name)
        segments = [key for key in said if key.startswith("copy ")]
        assert segments == [f"copy {place.copy}, token {place.start:,}" for place in expected[:20]]
        if expected:
            count = min(128, expected[0].whole)
            # the toy's tokens are bytes, and a text ends with a token of its own
            assert json.loads(said[f"the first {count:,} tokens"]) == (columns["text"] + "</s>")[:count]
        key, value = next(iter(story.chapters["remix"].items()))
        assert key == f"epochs of {columns['domain']}" and f"{columns['copies']}" in value
        assert len({place.copy for place in expected}) == columns["copies"]
    assert len(set(copies)) > 1


def test_json(run: Path) -> None:
    store, file = read_run(str(run))
    for name in ("2-59", "2-3"):
        (story,) = explain(store, file, name)
        value = json.loads(json.dumps(story.as_json()))
        assert value["kept"] == (name == "2-3") and value["finished"]
        assert value["dropped_by"] == (None if value["kept"] else "exact_dedup.url.verdicts")
        assert value["known"]["documents"]["id"] == name
        assert bytes.fromhex(value["known"]["documents"]["exact_dedup.hash"])
        assert [copy["id"] for copy in value["kept_instead"]] == ([] if value["kept"] else ["2-0"])


def test_few_shards_are_looked_into(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, file = read_run(str(run))
    opened: list[int] = []
    plain = Shards.table

    def counted(self: Shards, shard: int) -> Any:
        opened.append(shard)
        return plain(self, shard)

    monkeypatch.setattr(Shards, "table", counted)
    parts = len(Shards(run).parts)
    assert parts > 3
    (story,) = explain(store, file, "3-5")
    assert story.columns()["copies"] in (1, 2)
    assert 1 <= len(opened) <= 3 < parts  # of each copy one, and that of the remainders


def test_what_is_left_of_a_half_deleted_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_inline(drawn(tmp_path, str(out)))
    store, file = read_run(str(out))
    whole = explain(store, file, "2-59"), explain(store, file, "2-3")
    for part in (out / "name_index.sort").iterdir():
        part.unlink()
    assert (explain(store, file, "2-59"), explain(store, file, "2-3")) == whole  # all ids are read then
    for part in (out / "shards").iterdir():
        part.unlink()
    (story,) = explain(store, file, "2-3")
    assert "is missing" in story.chapters["pack"]["not known"]
    assert story.chapters["documents"] == whole[1][0].chapters["documents"]
    (out / "config.yaml").unlink()
    (story,) = explain(store, file, "2-59")
    assert story.verdict() == "dropped by exact_dedup.url.verdicts: exact_dedup.same_url"
    assert story.kept_copies == []


def test_a_run_that_was_killed(run: Path) -> None:
    """After any of its phases there is a `run.json` that says so."""
    store, file = read_run(str(run))
    for ended in range(len(file.phases)):
        phases = list(file.phases[:ended])
        made = {phase.name for phase in phases}
        artifacts = {
            name: files for name, files in file.artifacts.items() if files and files[0].partition("/")[0] in made
        }
        begun = RunFile(**{**vars(file), "finished": False, "phases": phases, "artifacts": artifacts})
        (story,) = explain(store, begun, "2-59")
        dropped = "exact_dedup.verdicts" in made or "exact_dedup.url.verdicts" in made
        assert story.verdict().startswith("dropped by exact_dedup" if dropped else "undecided")
        assert len(story.kept_copies) == dropped
        assert "not known" not in str(story.chapters)


@pytest.mark.parametrize("run", [{}], indirect=True, ids=str)
def test_few_requests_on_an_object_store(
    run: Path, proxy: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many depends on the phases of a run, not on its documents or shards."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # where copies of packed shards go
    root, s3 = f"s3://bucket/{run.parent.name}", client()
    for file in run.rglob("*"):
        if file.is_file():
            s3.put_object(Bucket="bucket", Key=f"{run.parent.name}/{file.relative_to(run)}", Body=file.read_bytes())
    asked = {}
    for name in ("2-59", "https://host.example/3/5"):
        before = sum(proxy.requests.values())
        (story,) = explain(*read_run(root), name)
        asked[name] = sum(proxy.requests.values()) - before
        (here,) = explain(*read_run(str(run)), name)
        assert story == here
    # 59 and 54 now: of 8 phases over shards each a manifest and two reads of a file
    assert max(asked.values()) <= 75
