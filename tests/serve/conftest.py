"""A folder of runs, one of them of documents that try to be something else, and a client of an application over it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from dspipe.serve.application import make_application
from dspipe.serve.runs_folder import RunsFolder
from tests.engine import run_inline
from tests.pipeline.conftest import s3, s3_server

__all__ = ["s3", "s3_server"]

SCRIPT = "<script>document.title='PWNED'</script>"
HOSTILE = f"\x1b]0;PWNED\x07\u202egnp.exe{SCRIPT}\"'><img src=x onerror=document.title='PWNED'>{{{{7*7}}}}"
RUN = "<b>run & 'one'"
"""the name of the hostile run's folder"""
SENTENCE = "the river was of some length and it ran to the sea with all that there is to be had in a day"
WORDS = SENTENCE.split()


def write_rows(file: Path, rows: list[dict[str, Any]]) -> Path:
    """A file of JSON lines."""
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def hostile_rows(count: int) -> list[dict[str, Any]]:
    """Documents whose every string tries to be something else, of many lengths; each twentieth is a copy of another."""
    rows: list[dict[str, Any]] = []
    for n in range(count):
        some = (WORDS[(n + k) % len(WORDS)] if k % 2 else f"word{(n * 31 + k * 17) % 997}" for k in range(5 + n % 40))
        words = " ".join(some)
        text = rows[n - 19]["text"] if n % 20 == 19 else f"{n} {HOSTILE} {words}."
        where = {"id": f"d{n}{HOSTILE}", "url": f"javascript:alert({n})//{HOSTILE}", "domain": f"{n % 3}{HOSTILE}"}
        rows.append({**where, "text": text, "language": "en"})
    return rows


def run_of_rows(folder: Path, name: str, rows: list[dict[str, Any]], stages: list[Any]) -> Path:
    """A finished run over these rows, in `folder/name`."""
    file = write_rows(folder.parent / f"{folder.name}.{len(rows)}.jsonl", rows)
    source = {"name": "source", "format": "jsonl", "path": str(file)}
    run_inline({"name": "hostile", "output": str(folder / name), "sources": [source], "stages": stages})
    return folder / name


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs: one that is hostile and finished, one that has begun, one that lost its files, one of another version."""
    folder = tmp_path_factory.mktemp("runs")
    rules = {f"max_top_{n}_gram": None for n in (2, 3, 4)} | {f"max_duplicate_{n}_grams": None for n in range(5, 11)}
    gopher = {"min_words": 12, "min_stop_words": None, "max_mean_word_length": None, **rules}
    stages = [{"heuristics": {"rules": ["gopher"], "gopher": gopher}}, {"exact_dedup": {}}]
    stages += [{"tests.toys.tokenizer": {}}, {"pack": {"length": 64}}]
    run_of_rows(folder, RUN, hostile_rows(120), stages)
    run_of_rows(
        folder,
        "other",
        hostile_rows(120),
        [{"heuristics": {"rules": ["gopher"], "gopher": gopher | {"min_words": 20}}}],
    )
    (folder / "begun").mkdir()
    (folder / "begun" / "config.yaml").write_text("name: begun\n")
    gone = run_of_rows(folder, "gone", hostile_rows(3), [{"tests.toys.lengths": {}}])
    for file in (gone / "documents").iterdir():
        file.unlink()
    (folder / "earlier").mkdir()
    (folder / "earlier" / "run.json").write_text('{"name": "earlier", "phases": [{"of": "another version"}]}')
    (folder / "cut").mkdir()
    (folder / "cut" / "run.json").write_text('{"name": "cu')
    (folder / "no run").mkdir()
    (folder / "a file").write_text("no folder")
    return folder


@pytest.fixture(scope="session")
def client(runs: Path) -> Iterator[TestClient]:
    """Of the application over `runs`."""
    with TestClient(make_application(RunsFolder(str(runs))), base_url="http://localhost") as found:
        yield found
