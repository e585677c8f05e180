"""Rewriting in parts and pieces: the same as all at once, wherever the cuts fall."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dspipe.stages import lines, unicode
from dspipe.stages.pii import stage as pii
from dspipe.stages.shared import rewriting
from dspipe.stages.shared.rewriting import RewritingStage

STAGES: list[RewritingStage[Any]] = [
    unicode.Unicode("unicode", unicode.Config()),
    lines.Lines("lines", lines.Config()),
    lines.Lines("lines", lines.Config(single_word=True, numeric=True)),
    pii.Pii("pii", pii.Config()),
]
LINE = st.sampled_from(
    [
        "", "Plain words in a line.", "use of cookies", "javascript", "Read more", "schÃ¶n", "e\u0301 \u200b",
        "数据\u200b管道", "mail a@b.com or c@d.org now", "call +49 30 1234567 now", "Home", "12 34", "\u200b", " ",
    ]
)  # fmt: skip
TEXT = st.builds("{}{}".format, st.lists(LINE, max_size=8).map("\n".join), st.sampled_from(["", "\n", "\n\n"]))


def measured(stage: RewritingStage[Any], texts: list[str]) -> list[dict[str, Any]]:
    batch = pa.record_batch({"text": pa.array(["before", *texts], pa.large_string())}).slice(1)
    rows: list[dict[str, Any]] = stage.measure(batch).to_pylist()
    return rows


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXT, max_size=5), part=st.sampled_from([1, 20, 70, 200]))
def test_parts_change_nothing(
    monkeypatch: pytest.MonkeyPatch, stage: RewritingStage[Any], texts: list[str], part: int
) -> None:
    monkeypatch.setattr(rewriting, "PART", 1 << 20)
    expected = measured(stage, texts)
    # lines of more than a part are cut as well, unless they are judged whole
    monkeypatch.setattr(rewriting, "PART", part if stage.whole_lines else max(part, 70))
    assert measured(stage, texts) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Plain words in a line.\n\nuse of cookies",  # the last part is an empty line, which stays, and one that goes
        "Plain words in a line.\nuse of cookies\nuse of cookies",
        "Plain words in a line.\nuse of cookies\n",
        "use of cookies and more\nuse of cookies",
        "\nuse of cookies and more\n\n",
    ],
)
def test_line_feeds_around_lines_that_go(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    stage = lines.Lines("lines", lines.Config())
    expected = measured(stage, [text])
    assert expected[0]["text"] == "\n".join(line for line in text.split("\n") if "cookies" not in line)
    monkeypatch.setattr(rewriting, "PART", 20)
    assert measured(stage, [text]) == expected


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_one_long_line(monkeypatch: pytest.MonkeyPatch, stage: RewritingStage[Any]) -> None:
    text = "some words, and a@b.com 数据 or schÃ¶n, call +49 30 1234567 now, " * 30
    expected = measured(stage, [text])
    monkeypatch.setattr(rewriting, "PART", 100)
    monkeypatch.setattr(rewriting, "_WINDOW", 50)
    (row,), (whole,) = measured(stage, [text]), expected
    assert row["text"] == whole["text"]
    if stage.name == "pii":
        assert row == whole
    assert measured(stage, ["数" * 1000])[0]["text"] == "数" * 1000


def test_domains_are_left_alone_in_parts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewriting, "PART", 30)
    monkeypatch.setattr(rewriting, "_WINDOW", 10)
    stage = pii.Pii("pii", pii.Config(domains=("web",)))
    texts, domains = ["to a@b.com", "to c@d.com", "x" * 50 + " a@b.com"] * 2, ["web", "books", "web"] * 2
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string()), "domain": pa.array(domains)})
    found = stage.measure(batch).to_pydict()
    assert found["text"] == ["to [EMAIL]", "to c@d.com", "x" * 50 + " [EMAIL]"] * 2
    assert found["pii.emails"] == [1, 0, 1] * 2
