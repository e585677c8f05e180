"""Exports of small runs: their rows against the documents, what is written again, and who loads them."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

import dspipe
from dspipe.api import Run
from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.export.export import Exported, export_run
from dspipe.pipeline.inspection.export.options import ExportError, ExportOptions
from dspipe.pipeline.storage.store import Store
from tests.engine import run_inline

NASTY = "\x1b[31m<script>alert(1)</script>|`\u202e"
ROWS = [
    [
        {"id": "a", "text": "a text with seven letters or more", "domain": "web", "language": "en"},
        {"id": "b", "text": "short", "domain": "web"},
        {"id": "c", "text": 'quotes " and\nlines \\ \x01', "domain": "books", "language": "zh", "url": "http://x.y/"},
    ],
    [{"id": "d", "text": "文字" * 2000, "domain": NASTY, "language": "zh"}],
    [{"id": "e", "text": "tiny", "domain": "web"}],
]


def config(folder: Path, **values: Any) -> dict[str, Any]:
    (folder / "in").mkdir(exist_ok=True)
    for number, rows in enumerate(ROWS):
        (folder / "in" / f"{number}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    source = {"name": "s", "format": "jsonl", "root": f"{folder / 'in'}/", "path": "*.jsonl"}
    stages = [{"tests.toys.lengths": {"minimum": 6}}]
    return {"name": "small", "output": str(folder / "run"), "sources": [source], "stages": stages, **values}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("run")
    run_inline(config(made))
    return made


@pytest.fixture
def run(folder: Path) -> Run:
    return dspipe.open_run(folder / "run")


def parquet_rows(made: Exported) -> list[dict[str, Any]]:
    return [row for file in made.files for row in pq.read_table(f"{made.root}/{file.name}").to_pylist()]


def unpacked(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().split("\n")[:-1]


def contents(root: str | Path) -> dict[str, bytes]:
    found = (path for path in Path(root).rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def test_kept_documents_with_their_columns(run: Run, tmp_path: Path) -> None:
    made = run.export(tmp_path / "out")
    rows = parquet_rows(made)
    assert [row["id"] for row in rows] == ["a", "c", "d"]
    assert [row["text"] for row in rows] == [ROWS[0][0]["text"], ROWS[0][2]["text"], ROWS[1][0]["text"]]
    assert rows[1]["url"] == "http://x.y/" and rows[0]["url"] is None
    assert rows[0]["lengths.length"] == len(ROWS[0][0]["text"])
    assert "origin" not in rows[0] and "reason" not in rows[0]
    # a shard without a kept document has no file
    assert [file.name for file in made.files] == ["data/00000-000.parquet", "data/00001-000.parquet"]


def test_the_manifest_names_files_with_checksums(run: Run, tmp_path: Path) -> None:
    made = run.export(tmp_path / "out", columns=["text", "id"])
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (
        manifest["finished"]
        and manifest["rows"] == 3
        and manifest["columns"] == {"text": "large_string", "id": "string"}
    )
    assert manifest["config_sha256"] == hashlib.sha256((Path(run.root) / "config.yaml").read_bytes()).hexdigest()
    for file in manifest["files"]:
        data = (tmp_path / "out" / file["name"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
    assert sum(file["rows"] for file in manifest["files"]) == 3
    assert parquet_rows(made)[0].keys() == {"text", "id"}


def test_all_documents_with_reasons_as_json_lines(run: Run, tmp_path: Path) -> None:
    made = run.export(tmp_path / "out", "jsonl", ["id", "text", "reason", "stage", "number"], kept=False)
    lines = [json.loads(line) for file in made.files for line in unpacked(Path(made.root) / file.name)]
    assert [(line["id"], line["reason"], line["stage"]) for line in lines] == [
        ("a", None, None),
        ("b", "lengths.too_short", "lengths"),
        ("c", None, None),
        ("d", None, None),
        ("e", "lengths.too_short", "lengths"),
    ]
    assert [line["text"] for line in lines] == [row["text"] for rows in ROWS for row in rows]


def test_a_condition_chooses(run: Run, tmp_path: Path) -> None:
    made = run.export(tmp_path / "out", where="language = 'zh' and lengths.length > 100")
    assert [row["id"] for row in parquet_rows(made)] == ["d"]
    none = run.export(tmp_path / "none", where="id = 'nobody'")
    assert none.files == [] and none.counts.rows == 0 and (tmp_path / "none" / "README.md").exists()


def test_the_same_bytes_every_time(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for format in ("parquet", "jsonl"):
        run.export(tmp_path / f"{format}-0", format)
        monkeypatch.setattr("os.cpu_count", lambda: 1)
        run.export(tmp_path / f"{format}-1", format)
        monkeypatch.undo()
        assert contents(tmp_path / f"{format}-0") == contents(tmp_path / f"{format}-1")


def test_files_end_at_a_size(run: Run, tmp_path: Path) -> None:
    made = run.export(tmp_path / "out", kept=False, file_bytes=1)
    # a batch is the least: those of a run have thousands of rows
    assert [file.name for file in made.files] == [f"data/0000{shard}-000.parquet" for shard in range(3)]


def test_what_is_there_is_not_written_again(run: Run, tmp_path: Path) -> None:
    run.export(tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "data").iterdir()}
    assert run.export(tmp_path / "out").written == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "data").iterdir()} == before
    for path in before:  # cut, or gone
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        assert run.export(tmp_path / "out").written == 1
        assert path.read_bytes() == whole
        path.unlink()
        assert run.export(tmp_path / "out").written == 1
        assert path.read_bytes() == whole


def test_other_options_are_noticed_and_leave_nothing(run: Run, tmp_path: Path) -> None:
    run.export(tmp_path / "out", kept=False)
    assert run.export(tmp_path / "out", "jsonl").written == 3
    run.export(tmp_path / "new", "jsonl")
    assert contents(tmp_path / "out") == contents(tmp_path / "new")


def test_a_changed_run_is_noticed_by_shard(tmp_path: Path) -> None:
    run_inline(config(tmp_path))
    dspipe.open_run(tmp_path / "run").export(tmp_path / "out")
    stricter = {"stages": [{"tests.toys.lengths": {"minimum": 50}}]}
    run_inline(config(tmp_path, **stricter))
    made = dspipe.open_run(tmp_path / "run").export(tmp_path / "out")
    # of the other two the verdicts are the same
    assert made.written == 1 and [row["id"] for row in parquet_rows(made)] == ["d"]
    assert [path.name for path in sorted((tmp_path / "out" / "data").iterdir())] == ["00001-000.parquet"]


def test_an_interrupted_export_goes_on(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, read = DocumentTable(run.store, run.file), DocumentTable.read_shard
    others_done = Event()

    def interrupted(self: DocumentTable, names: Any, shard: int) -> Iterator[Any]:
        if shard == 2:
            others_done.wait(60)
            raise KeyboardInterrupt
        yield from read(self, names, shard)

    def count(documents: int) -> None:
        done.append(documents)
        if sum(done) == 4:
            others_done.set()

    done: list[int] = []
    monkeypatch.setattr(DocumentTable, "read_shard", interrupted)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    with pytest.raises(KeyboardInterrupt):
        export_run(table, str(tmp_path / "out"), ExportOptions(kept=False), count)
    monkeypatch.undo()
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["finished"] is False
    assert not list((tmp_path / "out").rglob("*partial*"))
    assert run.export(tmp_path / "out", kept=False).written <= 3
    run.export(tmp_path / "new", kept=False)
    assert contents(tmp_path / "out") == contents(tmp_path / "new")


def test_copies_repeat_documents(tmp_path: Path) -> None:
    remix = {"remix": {"by": "domain", "multipliers": {"books": 3}, "max_epochs": 3}}
    run_inline(config(tmp_path, stages=[{"tests.toys.lengths": {"minimum": 6}}, remix]))
    run = dspipe.open_run(tmp_path / "run")
    once = {row["id"]: row["copies"] for row in parquet_rows(run.export(tmp_path / "once"))}
    repeated = [row["id"] for row in parquet_rows(run.export(tmp_path / "out", copies=True))]
    assert repeated == [id for id, copies in once.items() for _ in range(copies)]
    assert len(repeated) > len(once)


def test_documents_without_text_are_counted(tmp_path: Path) -> None:
    run_inline(config(tmp_path, stages=[{"tests.toys.lengths": {"minimum": 6, "early": True}}]))
    run = dspipe.open_run(tmp_path / "run")
    assert run.export(tmp_path / "kept").counts.without_text == 0
    made = run.export(tmp_path / "all", kept=False)
    assert made.counts.without_text == 2
    assert [row["id"] for row in parquet_rows(made) if row["text"] is None] == ["b", "e"]
    assert "2 were dropped while they were read, and have no text" in (tmp_path / "all" / "README.md").read_text(
        "utf-8"
    )


def test_the_card_says_what_it_is(run: Run, tmp_path: Path) -> None:
    run.export(tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    _, front, text = card.split("---\n", 2)
    values = yaml.safe_load(front)
    assert values["language"] == ["en", "zh"] and values["size_categories"] == ["n<1K"]
    assert values["configs"][0]["data_files"] == [{"split": "train", "path": "data/*.parquet"}]
    assert {"name": "lengths.length", "dtype": "int64"} in values["dataset_info"]["features"]
    assert "| books | 1 |" in text and "| lengths | 5 | 2 | 3 |" in text
    assert "<script>" not in card and "\x1b" not in card and "\u202e" not in card
    assert "&lt;script&gt;" in text


def test_folders_of_others_are_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("words")
    with pytest.raises(ExportError, match=r"holds thesis.txt and is no export"):
        run.export(tmp_path / "mine")
    assert list(contents(tmp_path / "mine")) == ["thesis.txt"]
    (tmp_path / "theirs" / "sub").mkdir(parents=True)
    (tmp_path / "theirs" / "manifest.json").write_text('["other"]')
    with pytest.raises(ExportError, match=r"holds manifest.json"):
        run.export(tmp_path / "theirs")
    with pytest.raises(ExportError, match=r"and is no export"):
        run.export(run.root)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ("txt",)}, "there is no column txt; did you mean text"),
        ({"columns": ("id", "id")}, "asked for twice"),
        ({"columns": ()}, "no columns"),
        ({"where": "langage = 'zh'"}, "--where: there is no column langage; did you mean language"),
        ({"where": "reason = 'x'"}, "add --all"),
        ({"copies": True}, "no column copies"),
    ],
)
def test_options_that_cannot_be(run: Run, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ExportError, match=message):
        run.export(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_runs_that_are_not_whole(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run", tmp_path / "run")
    values = json.loads((tmp_path / "run" / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps({**values, "finished": False, "to_come": ["judge"]}))
    with pytest.raises(ExportError, match=r"isn't finished \(to come: judge\)"):
        dspipe.open_run(tmp_path / "run").export(tmp_path / "out")
    (tmp_path / "run" / "run.json").write_text(json.dumps(values))
    next((tmp_path / "run" / "documents").glob("00000-*.parquet")).unlink()
    with pytest.raises(DamagedFileError, match="is gone"):
        dspipe.open_run(tmp_path / "run").export(tmp_path / "out")


def test_an_export_on_an_object_store(run: Run) -> None:
    run.export("memory://export/out", "jsonl")
    assert run.export("memory://export/out", "jsonl").written == 0
    store = Store("memory://export/out")
    assert store.read_json("manifest.json")["finished"]
    lines = gzip.decompress(store.read_bytes("data/00000-000.jsonl.gz")).splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["a", "c"]


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_duckdb_reads_it(run: Run, tmp_path: Path, format: Any) -> None:
    duckdb = pytest.importorskip("duckdb")
    run.export(tmp_path / "out", format)
    function = {"parquet": "read_parquet", "jsonl": "read_json"}[format]
    pattern = f"{tmp_path}/out/data/*.{format}*"
    rows = duckdb.sql(f"select id, \"lengths.length\" from {function}('{pattern}') where language = 'zh' order by id")
    assert rows.fetchall() == [("c", len(str(ROWS[0][2]["text"]))), ("d", 4000)]


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_polars_reads_it(run: Run, tmp_path: Path, format: Any) -> None:
    polars = pytest.importorskip("polars")
    run.export(tmp_path / "out", format)
    scan = {"parquet": polars.scan_parquet, "jsonl": polars.scan_ndjson}[format]
    frame = scan(f"{tmp_path}/out/data/*.{format}*").select("id", "text", "lengths.length").collect()
    assert frame["id"].to_list() == ["a", "c", "d"] and frame["lengths.length"].to_list()[2] == 4000
    assert frame["text"].to_list()[1] == ROWS[0][2]["text"]


def test_a_table_of_no_documents(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text("")
    source = {"name": "s", "format": "jsonl", "root": f"{tmp_path / 'in'}/", "path": "*.jsonl"}
    run_inline({"name": "x", "output": str(tmp_path / "run"), "sources": [source], "stages": ["tests.toys.lengths"]})
    made = dspipe.open_run(tmp_path / "run").export(tmp_path / "out")
    assert made.counts.rows == 0 and made.files == []
