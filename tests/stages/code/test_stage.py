"""The file rules for source code."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.document import document_batch
from dspipe.stages.code.stage import CodeConfig, CodeStage
from tests.engine import rows_of, run_inline

PAGE = (
    "<html><head><style>p { color: red }</style></head><body><p>"
    + "word " * 10
    + ("\n" + "word " * 10) * 3
    + "</p></body></html>"
)


def reasons(files: dict[str, str], **settings: Any) -> list[str | None]:
    stage = CodeStage("code", CodeConfig(**settings))
    measured = stage.measure(document_batch(list(files.values()), id=[f"s/{path}" for path in files]))
    verdicts: list[str | None] = stage.judge(measured.select(list(stage.judge_columns()))).to_pylist()
    return verdicts


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("a.py", "import x\n", None),
        ("a.py", "", "code.few_letters"),
        ("a.c", "x" * 100 + "\n" + "y" * 100 + "\n", None),
        ("a.c", "x" * 100 + "\n" + "y" * 101 + "\n", "code.long_lines"),
        ("a.c", "x\n" * 20 + "x" * 1000, None),
        ("a.c", "x\n" * 20 + "x" * 1001, "code.long_line"),
        ("a.c", "abc" + "1" * 9, None),
        ("a.c", "abc" + "1" * 10, "code.few_letters"),
        ("a.xml", "\n<?xml version='1.0'?><a>text</a>", "code.xml"),
        ("a.xslt", "\n<?xml version='1.0'?><a>text</a>", None),
        ("a.XSL", "\n<?xml version='1.0'?><a>text</a>", None),
        ("a.txt", "x" * 85 + "\n<?xml version=", "code.xml"),
        ("a.txt", "x" * 86 + "\n<?xml version=", None),
        ("a.html", PAGE, None),
        ("a.html", PAGE.replace("color: red", "color: red;\n" * 100), "code.little_shown"),
        ("a.html", "<b>few</b>", "code.little_shown"),
        ("a.json", '{"a": "' + "b" * 41 + '"}', None),
        ("a.json", '{"a": "' + "b" * 40 + '"}', "code.little_data"),
        ("a.yml", "a: b\n" * 1000, None),
        ("a.YAML", "a: b\n" * 1000 + "c", "code.much_data"),
        ("Makefile", "a: b\n" * 1001, None),
    ],
)
def test_rules(path: str, text: str, reason: str | None) -> None:
    assert reasons({path: text}) == [reason]


def test_rules_that_are_off() -> None:
    files = {"a.html": "<b>few</b>", "b.json": "{}", "c.py": "x" * 2000, "d.xml": "<?xml version='1'?>", "e.c": "1"}
    off = dict.fromkeys(("max_mean_line", "max_line", "min_letters", "min_shown_share", "min_shown", "min_data"))
    assert reasons(files, drop_xml=False, **off) == [None] * 5


def test_endings() -> None:
    files = dict.fromkeys(["a.py", "b.PY", "c.pyi", "d.py.txt", "py", "e/.py", "f.d/x"], "some letters\n")
    other = "code.other_ending"
    assert reasons(files, endings=["py", ".pyi"]) == [None, None, None, other, other, None, other]


def test_syntax_errors() -> None:
    files = {
        "good.py": "def f(x: int) -> int:\n    return x\n",
        "two.py": "print 'old'\n",
        "deep.py": "x = " + "(" * 5000,
        "nul.py": "x = '\0'",
        "escape.py": "x = '\\d'\nif x is 1: pass\n",  # a warning is no error
        "else.rb": "puts 'x'\n",
        "broken.pyi": "def f(",
    }
    bad = "code.syntax_error"
    loose = {"min_letters": None, "max_line": None, "max_mean_line": None}
    assert reasons(files, parse=["python"], **loose) == [None, bad, bad, bad, None, None, bad]
    assert reasons(files, **loose) == [None] * 7


def test_a_run_over_files_and_over_records(tmp_path: Path) -> None:
    (tmp_path / "files" / "r").mkdir(parents=True)
    files = {"a.py": "import os\nprint(os)\n", "b.json": '{"some": "letters"}', "c.py": "1 = 2 = letters\n"}
    for name, text in files.items():
        (tmp_path / "files" / "r" / name).write_text(text)
    records = [{"text": text, "repo": "r", "file": name} for name, text in files.items()]
    (tmp_path / "files.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    of_files = {"name": "files", "format": "files", "root": str(tmp_path / "files"), "path": "."}
    columns = {"file": {"field": "file", "type": "string"}}
    of_records = {"name": "records", "format": "jsonl", "path": str(tmp_path / "files.jsonl"), "columns": columns}
    expected = [None, "code.little_data", "code.syntax_error"]
    for source, path in ((of_files, "id"), (of_records, "file")):
        config = {"output": str(tmp_path / path), "sources": [source]}
        result = run_inline({**config, "stages": [{"code": {"path": path, "parse": ["python"]}}]})
        assert [row["reason"] for row in rows_of(result, ["reason"])] == expected
        loose = run_inline({**config, "stages": [{"code": {"path": path, "parse": ["python"], "min_data": None}}]})
        assert next(phase for phase in loose.phases if phase.name == "documents").reused == 1


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    source = {"name": "x", "format": "jsonl", "path": str(tmp_path / "a.jsonl")}
    with pytest.raises(InvalidConfigError, match="no column is called file"):
        run_inline({"output": str(tmp_path / "o"), "sources": [source], "stages": [{"code": {"path": "file"}}]})


def test_types_of_columns() -> None:
    stage = CodeStage("code", CodeConfig(parse=["python"]))
    batch = stage.measure(document_batch([]))
    assert [batch.schema.field(field.name) for field in stage.measured_columns()] == list(stage.measured_columns())
    assert pa.types.is_boolean(batch.schema.field("code.xml").type)
