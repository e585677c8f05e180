"""Passwords and signatures of addresses are nowhere in what a run leaves and says."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.report.show_plan import print_plan
from dspipe.pipeline.storage.secrets import values_without_secrets, without_secrets
from tests.engine import planned, rows_of, run_inline
from tests.pipeline.run.test_run import config
from tests.pipeline.storage.web_server import WebServer


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pw@host/x", "https://***@host/x"),
        ("s3://KEY:se+cret@bucket/run, and then", "s3://***@bucket/run, and then"),
        ("ftp://user@host/x", "ftp://user@host/x"),
        ("https://h/x?X-Amz-Credential=A%2Fb&X-Amz-Expires=60&X-Amz-Signature=ab1", None),
        ("https://h/x?sv=2022&sp=r&sig=a%2Bb%3D", "https://h/x?sv=2022&sp=r&sig=***"),
        ("https://h/x?token=abc#part", "https://h/x?token=***#part"),
        ("x.gz?part=1&access_token=abc", "x.gz?part=1&access_token=***"),
        ("https://h/x?X-Goog-Signature=12&GoogleAccessId=me", "https://h/x?X-Goog-Signature=***&GoogleAccessId=***"),
        ("https://h/x?Policy=a&Key-Pair-Id=b&Signature=c~", "https://h/x?Policy=***&Key-Pair-Id=***&Signature=***"),
        ("https://h/search?q=key&page=2&monkey=1", "https://h/search?q=key&page=2&monkey=1"),
        ("https://me:$PASSWORD@h/x?sig=${SIG}&token=$T", "https://me:$PASSWORD@h/x?sig=${SIG}&token=$T"),
        ("12:30 at a@b.c", "12:30 at a@b.c"),
    ],
)
def test_what_is_hidden(text: str, shown: str | None) -> None:
    expected = shown or "https://h/x?X-Amz-Credential=***&X-Amz-Expires=60&X-Amz-Signature=***"
    assert without_secrets(text) == expected
    assert without_secrets(expected) == expected


def test_a_config_keeps_what_is_no_secret() -> None:
    values = {
        "output": "s3://k:s@bucket/run",
        "sources": [{"path": ["a?token=1", "/in/*.jsonl"], "root": "https://u:p@host", "limit": 3}],
        "stages": [{"pii": {"token": "<eos>", "mask": "?key=x"}}],
    }
    assert values_without_secrets(values) == {
        "output": "s3://***@bucket/run",
        "sources": [{"path": ["a?token=***", "/in/*.jsonl"], "root": "https://***@host", "limit": 3}],
        "stages": [{"pii": {"token": "<eos>", "mask": "?key=x"}}],
    }


def test_no_secret_is_in_what_a_run_leaves(web: WebServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.dumps({"text": f"text {row} of the file"}) for row in range(3)]
    web.files |= {f"a.jsonl?part={part}&X-Amz-Signature=hunter2{part}": "\n".join(lines).encode() for part in "12"}
    web.files["a.jsonl?token=hunter2a"] = web.files["a.jsonl?token=hunter2b"] = b'{"text": "one more"}\nno json\n'
    values = config(tmp_path)
    address = web.url.replace("://", "://user:hunter2@")
    values["sources"][0]["path"] = [f"{address}/{name}" for name in web.files]
    engine: dict[str, Any] = {"kind": "inline", "patience": 10, "max_quarantined": 1}
    plan = planned({**values, "engine": engine})
    print_plan(plan, Console(width=400))
    result = run_inline(values, engine=engine)
    rows = rows_of(result, ["id", "place", "text"])
    assert len(rows) == 8
    places = {row["place"] for row in rows}
    assert sum("?part=1&X-Amz-Signature=*** line" in place for place in places) == 3
    assert len({place.partition(" ")[0] for place in places}) == 4  # files that differ in a token are told apart
    assert "***@127.0.0.1" in capsys.readouterr().out
    kept = yaml.safe_load((tmp_path / "out" / "config.yaml").read_text())
    assert all("***@127.0.0.1" in path for path in kept["sources"][0]["path"])
    left = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(left) > 10
    for path in left:
        assert b"hunter2" not in path.read_bytes(), path
    assert "hunter2" not in json.dumps([rows, [str(path) for path in left]])


def test_no_secret_is_in_a_message(web: WebServer, tmp_path: Path) -> None:
    values = config(tmp_path)
    for path in (f"{web.url}/gone?token=hunter2", web.url.replace("://", "://user:hunter2@") + "/gone"):
        values["sources"][0]["path"] = path
        with pytest.raises(InvalidConfigError) as error:
            planned(values)
        assert "***" in str(error.value) and "hunter2" not in str(error.value)
