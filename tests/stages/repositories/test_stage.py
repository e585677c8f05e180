"""Repositories as one document each, through whole runs."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.report.verify import verify_files
from dspipe.pipeline.run.run import RunResult
from dspipe.pipeline.run.run_file import RunFile
from dspipe.stages.repositories.stage import RepositoriesConfig, RepositoriesStage
from tests.engine import rows_of, run_inline

FILES = {
    "app/main.py": "from app import text, shapes\n",
    "app/shapes.py": "from .text import show",
    "app/text.py": "import os\n",
    "app/notes.md": "Notes.\n",
    "java/src/a/B.java": "package a;\nimport a.c.D;\n",
    "java/src/a/c/D.java": "package a.c;\n",
    "c/x.c": '#include "x.h"\n#include <stdio.h>\n',
    "c/x.h": "int x;\n",
    "loop/a.js": "import './b'\n",
    "loop/b.js": "import './a'\n",
    "alone.py": "import app\n",
}
JOINED: dict[str | None, str] = {
    "app": "# text.py\nimport os\n# shapes.py\nfrom .text import show\n# main.py\nfrom app import text, shapes\n"
    "<!-- notes.md -->\nNotes.\n",
    "java": "// src/a/c/D.java\npackage a.c;\n// src/a/B.java\npackage a;\nimport a.c.D;\n",
    "c": '// x.h\nint x;\n// x.c\n#include "x.h"\n#include <stdio.h>\n',
    "loop": "// a.js\nimport './b'\n// b.js\nimport './a'\n",
}
KEPT = {**JOINED, None: FILES["alone.py"]}
COLUMNS = ["id", "text", "text_bytes", "reason", "repositories.name", "repositories.files", "repositories.into"]


def write_files(root: Path, files: dict[str, str | bytes]) -> dict[str, Any]:
    """A source of these files."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {"name": "files", "format": "files", "root": str(root), "path": "**", "shard_files": 3}


def write_records(root: Path, files: dict[str, str], shards: int) -> dict[str, Any]:
    """A source of records of these files, in any order."""
    root.mkdir(parents=True, exist_ok=True)
    names = sorted(files)
    random.Random(shards).shuffle(names)
    for shard in range(shards):
        records = []
        for name in names[shard::shards]:
            repository, _, path = name.partition("/")
            where = {"repo": repository, "path": path} if path else {}
            records.append({"text": files[name], "id": name, **where})
        (root / f"{shard}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    columns = {name: {"field": name, "type": "string"} for name in ("repo", "path")}
    return {"name": "records", "format": "jsonl", "path": str(root / "*.jsonl"), "columns": columns}


def run(out: Path, source: dict[str, Any], *behind: Any, **settings: Any) -> RunResult:
    """A run with the stage, and others behind it."""
    return run_inline({"output": str(out), "sources": [source], "stages": [{"repositories": settings}, *behind]})


def documents(result: RunResult) -> dict[str | None, str]:
    """The documents that are kept, by repository."""
    rows = [row for row in rows_of(result, COLUMNS) if row["reason"] is None]
    found = {row["repositories.name"]: row["text"] for row in rows}
    assert len(found) == len(rows)
    assert all(row["text_bytes"] == len(row["text"].encode()) for row in rows)
    return found


def test_files_of_folders(tmp_path: Path) -> None:
    result = run(tmp_path / "out", write_files(tmp_path / "in", {**FILES}))
    assert documents(result) == KEPT
    rows = rows_of(result, COLUMNS)
    first = {row["repositories.name"]: row["id"] for row in rows if row["reason"] is None}
    assert first["app"] == "files/app/text.py"
    joined = [row for row in rows if row["reason"] == "repositories.joined"]
    assert len(joined) == len(FILES) - len(JOINED) - 1
    assert all(row["text"] is None and row["text_bytes"] == 0 for row in joined)
    into = {row["repositories.into"] for row in joined}
    assert into == {row["repositories.into"] for row in rows if (row["repositories.files"] or 0) > 1}
    assert not verify_files(str(tmp_path / "out")).problems
    stage = RepositoriesStage("repositories", RepositoriesConfig())
    named = [stage.explain(result.store, RunFile.read(result.store), 0, row).get("in document") for row in rows]
    assert {row["id"] for row, place in zip(rows, named, strict=True) if place is None} == {"files/alone.py"}
    pairs = {(row["repositories.name"], place) for row, place in zip(rows, named, strict=True) if place is not None}
    assert len(pairs) == len({place for _, place in pairs}) == len(JOINED)


@pytest.mark.parametrize("shards", [1, 4])
def test_records_with_columns_however_they_are_spread(tmp_path: Path, shards: int) -> None:
    source = write_records(tmp_path / "in", FILES, shards)
    result = run(tmp_path / "out", source, repository="repo", path="path")
    assert documents(result) == KEPT


def test_the_stage_behind_another_that_rewrites_sees_the_columns_too(tmp_path: Path) -> None:
    source = write_records(tmp_path / "in", FILES, 2)
    stages = ["repeated_lines", {"repositories": {"repository": "repo", "path": "path"}}]
    result = run_inline({"output": str(tmp_path / "out"), "sources": [source], "stages": stages})
    assert documents(result)["java"] == JOINED["java"]


def test_workers_and_memory_change_nothing(tmp_path: Path) -> None:
    files = {f"r{n % 7}/{n % 3}/f{n}.py": f"import f{n // 2}\n# {n}\n" for n in range(90)}
    source = write_files(tmp_path / "in", {**files}) | {"shard_files": 60}
    config = {"sources": [source], "stages": ["repositories"]}
    found = []
    for name, engine in (("a", "inline"), ("b", {"kind": "inline", "memory": "64MB", "batch_rows": 5})):
        result = run_inline({**config, "output": str(tmp_path / name), "engine": engine})
        found.append(rows_of(result, [*COLUMNS[:-1]]))
    assert found[0] == found[1]


def test_the_same_repository_elsewhere_is_a_duplicate(tmp_path: Path) -> None:
    files = {
        f"{name}/{path}": text
        for name in ("one", "two")
        for path, text in {"a.py": "import b\n", "b.py": "x = 1\n"}.items()
    }
    result = run(tmp_path / "out", write_files(tmp_path / "in", {**files}), {"minhash": {"keep": ["longest"]}})
    assert [row["repositories.name"] for row in rows_of(result, COLUMNS) if row["reason"] is None] == ["one"]


def test_a_repository_larger_than_a_document(tmp_path: Path) -> None:
    files = {"r/a.py": "import b\n" + "#" * 50, "r/b.py": "import c\n" + "#" * 50, "r/c.py": "#" * 200, "r/d.py": "x\n"}
    result = run(tmp_path / "out", write_files(tmp_path / "in", {**files}), max_bytes=160)
    texts = [row["text"] for row in rows_of(result, COLUMNS) if row["reason"] is None]
    assert sorted(len(text) for text in texts) == sorted([7 + 201, 2 * (7 + 60), 7 + 2])
    assert [row["repositories.files"] for row in rows_of(result, COLUMNS)].count(0) == 1


def test_files_that_are_dropped_before_are_in_no_document(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {"r/a.py": "import b\n", "r/b.py": "x = 1\n", "r/c.json": "{}"})
    config = {"sources": [source], "stages": ["code", "repositories"], "output": str(tmp_path / "out")}
    (text,) = [row["text"] for row in rows_of(run_inline(config), COLUMNS) if row["reason"] is None]
    assert text == "# a.py\nimport b\n"  # b.py has too few letters


def test_only_some_domains(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", {**FILES}) | {"domains": {"*.md": "notes", "*": "code"}, "path": "."}
    rows = rows_of(run(tmp_path / "out", source, domains=["code"]), COLUMNS)
    kept = {row["repositories.name"]: row["text"] for row in rows if row["reason"] is None}
    assert kept["app"] == JOINED["app"].partition("<!--")[0]
    assert {row["text"] for row in rows if row["repositories.name"] is None} == {"import app\n", "Notes.\n"}


def test_bad_files(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "r/self.py": "import self\nimport r.self\nfrom . import self\n",
        "r/Case.py": "import case\n",
        "r/case.py": "import Case\n",
        "r/latin.py": "import case  # caf\xe9\n".encode("latin-1"),
        "r/empty.py": b"",
        "r/binary.py": b"\0\1\2",
        "r/new\nline.py": "import case\n",
        "r/none/deep.py": "from ........ import x\nfrom . import *\nimport\nfrom  import\n",
        "r/\udcff.py".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"): "x = 1\n",
    }
    result = run(tmp_path / "out", write_files(tmp_path / "in", files))
    text = documents(result)["r"]
    assert text.count("# self.py\n") == 1
    assert "# new line.py\nimport case\n" in text
    assert text.index("# Case.py") < text.index("# case.py") < text.index("# latin.py")


def test_settings_that_do_not_go_together(tmp_path: Path) -> None:
    source = write_records(tmp_path / "in", FILES, 1)
    for settings, message in (
        ({"repository": "repo"}, "set repository and path together"),
        ({"repository": "repo", "path": "path", "folders": 2}, "set folders, or repository and path"),
        ({"repository": "repos", "path": "path"}, "no column is called repos; did you mean repo"),
        ({"repository": "repo", "path": "origin"}, "the column origin is uint64, not text"),
    ):
        with pytest.raises(InvalidConfigError, match=message):
            run(tmp_path / "out", source, **settings)
