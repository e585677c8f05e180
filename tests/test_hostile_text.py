"""What pages say of themselves through every command: nothing of it steers the terminal or is code on a page."""

import io
import json
import os
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from dspipe.cli import app
from dspipe.pipeline.inspection.explain import explain
from dspipe.pipeline.report.show_explanation import print_explanation
from dspipe.pipeline.report.stats import print_stats
from dspipe.pipeline.run.run_file import read_run
from tests.engine import write_config

TERMINAL = "\x1b]0;PWNED\x07\x1b[2J\x1b[31m\x9b1m\r\b\0"
BIDI = "\u202egnp.exe\u2066\u200f"
MARKUP = "[red]x[/blue][/] [link=http://evil]"
PAGE = "</td><script>alert(1)</script><img src=x onerror=alert(1)>"
HOSTILE = TERMINAL + BIDI + MARKUP + PAGE + "\ud83d"
STORED = HOSTILE.replace("\0", "\ufffd")
"""as sources store it, but for the surrogate at its end, which an argument may have, too"""
COLOURS = re.compile(r"\x1b\[[\d;]*m|\x1b\]8;[^\x1b]*\x1b\\\\")
"""what rich itself sends"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    rows = [{"id": f"{n}{HOSTILE}", "text": f"some words {n % 3} {HOSTILE}\nand a line", "domain": f"d{n % 2}{HOSTILE}"}
            | {"url": f"http://x/{n}{HOSTILE}", "language": HOSTILE} for n in range(6)]  # fmt: skip
    rows.append({"id": "bad" + HOSTILE, "text": "RAISE " + HOSTILE})
    lines = [json.dumps(row) for row in rows] + [json.dumps({HOSTILE: 1}), "no JSON " + TERMINAL]
    # names of files may hold any byte but "/" and NUL
    (folder / f"a{(TERMINAL + BIDI + MARKUP).translate({0: None, 47: None})}.jsonl").write_text("\n".join(lines) + "\n")
    # deduplication reports sources, dumps and hosts, remix domains
    source = {"name": f"s{HOSTILE[:-1]}", "format": "jsonl", "path": str(folder / "*.jsonl"), "dump": HOSTILE[:-1]}
    stages = [{"tests.toys.lengths": {}}, {"exact_dedup": {}}, {"remix": {"by": "domain"}}]
    stages += [{"tests.toys.tokenizer": {}}, {"pack": {"length": 16}}]
    engine = {"kind": "inline", "max_quarantined": 1}
    return write_config(
        folder / "run.yaml",
        {"name": "hostile", "output": str(folder / "out"), "engine": engine, "sources": [source], "stages": stages},
    )


def looked_at(*arguments: str, code: int = 0) -> str:
    """What a command says on both streams."""
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, done.output
    assert_harmless(done.output)
    return done.output


def assert_harmless(shown: str) -> None:
    assert {c for c in shown if unicodedata.category(c) in ("Cc", "Cs")} <= {"\n", "\t"}
    assert not set(BIDI) & set(shown) - set("gnp.exe")


def test_every_command(file: Path) -> None:
    out = str(file.parent / "out")
    assert "\\x1b]0;PWNED" in looked_at("plan", str(file))
    looked_at("run", str(file))
    shown = looked_at("run", str(file))
    assert any(part in shown for part in ("[red]", "[/blue]", "[link="))  # long names are folded, somewhere
    assert "\\x1b]0;PWNED" in looked_at("stats", out)
    assert "\\u202egnp" in looked_at("explain", out, f"http://x/1{STORED}")
    assert "quarantined" in looked_at("explain", out, "bad" + STORED)
    assert "\\x1b]0;PWNED" in looked_at("sample", out, "--by", "domain,language", "-n", "2")
    assert "\\x1b]0;PWNED" in looked_at("sample", out, "--quarantined")
    lines = looked_at("sample", out, "--json", "--where", "domain like 'd0%'").splitlines()
    assert {json.loads(line)["domain"][:2] for line in lines} == {"d0"}
    looked_at("sample", out, "--dropped-by", HOSTILE, code=2)
    looked_at("sample", out, "--where", f"{HOSTILE} = 1", code=2)
    looked_at("explain", out, "not there" + HOSTILE, code=2)
    assert "\\x1b]0;PWNED" in looked_at("whatif", out, "--set", "stages.exact_dedup.keep=none")
    looked_at("whatif", out, "--set", "stages.exact_dedup.keep=none", "--json")
    looked_at("diff", out, out)
    looked_at("verify", out)
    domains = json.loads(looked_at("stats", out, "--json"))["phases"][1]["funnel"][-1]["domains"]
    assert any("\x1b]0;PWNED" in name for name in domains)
    looked_at("stats", out, "--html", str(file.parent / "page.html"))
    page = (file.parent / "page.html").read_text("utf-8")
    assert_harmless(page)
    assert "<script>alert" not in page and "<img" not in page


def test_on_a_terminal(file: Path) -> None:
    CliRunner().invoke(app, ["run", str(file)])
    store, run = read_run(str(file.parent / "out"))
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    print_stats(run, console)
    print_explanation(explain(store, run, f"http://x/2{STORED}"), console)
    assert "\x1b[1m" in stream.getvalue()
    assert_harmless(COLOURS.sub("", stream.getvalue()))


@pytest.mark.parametrize("what", ["key", "value", "stage", "format", "yaml", "path"])
def test_mistakes_in_a_config_somebody_sent(tmp_path: Path, what: str) -> None:
    bad = TERMINAL.replace("\0", "") + BIDI + MARKUP
    values: dict[str, Any] = {"name": "x", "output": str(tmp_path / "out"), "engine": "inline", "stages": ["pii"]}
    values["sources"] = [{"name": "s", "format": "jsonl", "path": str(tmp_path)}]
    if what == "key":
        values[bad] = 1
    elif what == "value":
        values["seed"] = bad
    elif what == "stage":
        values["stages"] = [bad]
    elif what == "format":
        values["sources"][0]["format"] = f"a.{bad}"
    elif what == "path":
        values["sources"][0]["path"] = str(tmp_path / bad)
    file = write_config(tmp_path / "run.yaml", values)
    if what == "yaml":
        file.write_bytes(os.fsencode(f"name: {bad}"))
    for command in ("plan", "run"):
        shown = looked_at(command, str(file), code=2)
        assert "error: " in shown and "Traceback" not in shown
