import json

import pytest

from dspipe.tokenizer.encoder import loads
from dspipe.tokenizer.evaluate import Report, evaluate_all
from dspipe.tokenizer.show_evaluation import COLUMNS, colour_of, draw_svg, print_report
from tests.tokenizer.trained import TEXTS, config

NAMES = [f"a-folder-of-some-length/tokenizer-number-{number}" for number in range(9)]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    path = tmp_path_factory.mktemp("report") / "a.jsonl"
    records = [
        {"text": text, "lang": f"a-language-with-a-long-name-{i % 3}", "domain": f"domain {i % 2}"}
        for i, text in enumerate(TEXTS)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    encoder = loads(json.dumps(config()))
    return evaluate_all(dict.fromkeys(NAMES, encoder), [path])


def test_tables_of_many_tokenizers_fit_80_columns(report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(report)
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert max(map(len, lines)) <= COLUMNS
    assert f"A  {NAMES[0]}" in lines and f"I  {NAMES[8]}" in lines
    heads = [line.replace("┃", " ").split() for line in lines if line.startswith("┃")]
    assert ["MB", *"ABCDEFG"] in heads and ["MB", *"HI"] in heads
    figure = f"{report['all']['bytes_per_token'][NAMES[0]]:.2f}"
    assert any("all" in line and line.count(figure) == 7 for line in lines)
    # a label is cut short, and no figure is broken
    assert "a-language-with-a…" in shown and not any(
        "…" in line.replace("a-language-with-a…", "") for line in lines if "│" in line
    )


def test_colours_do_not_repeat(report: Report) -> None:
    assert len({colour_of(number) for number in range(300)}) == 300
    picture = draw_svg(report)
    assert all(picture.count(f'fill="{colour_of(number)}"') > 1 for number in range(len(NAMES)))
