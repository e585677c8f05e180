"""Tables in the terminal: every cell is there, whatever the width."""

import io

import pytest
from rich.console import Console

from dspipe.pipeline.report.tables import Line, Table, lines, print_table


def printed(table: Table, width: int = 80) -> str:
    out = io.StringIO()
    print_table(table, Console(file=out, width=width))
    return out.getvalue()


def test_cells_are_text_lines_or_many_lines() -> None:
    assert lines("a") == [Line("a")]
    assert lines(Line("a", 0.5)) == [Line("a", 0.5)]
    assert lines([Line("a"), Line("b")]) == [Line("a"), Line("b")]
    assert lines([]) == [Line("")]


def test_a_table_has_its_title_columns_and_rows() -> None:
    table = Table("Kept, [by] domain", ("domain", "the documents"), frozenset({1}))
    table.rows += [("web", Line("1,234", 0.9)), ("[b]books[/x]", [Line("5"), Line("67")])]
    out = printed(table).splitlines()
    assert out[0] == "Kept, [by] domain"  # no markup
    words = [line.split() for line in out]
    assert ["web", "1,234"] in words
    assert ["[b]books[/x]", "5"] in words
    assert ["67"] in words
    right = [line.rstrip() for line in out if line.rstrip().endswith(("1,234", " 5", "67", "documents"))]
    assert len({len(line) for line in right}) == 1  # numbers stand at the right


@pytest.mark.parametrize("width", [20, 40])
def test_long_cells_are_folded_and_not_cut(width: int) -> None:
    table = Table("T", ("id", "what"), rows=[("x", "a-very-long-identifier-without-any-blank-in-it")])
    out = printed(table, width)
    assert "…" not in out
    assert "a-very-long-identifier-without-any-blank-in-it" in "".join(out.split())
    assert max(map(len, out.splitlines())) <= width


def test_a_name_of_thousands_of_characters_leaves_the_numbers() -> None:
    table = Table("T", ("domain", "documents"), frozenset({1}), [("x" * 5000, "1,234"), ("web", "56")])
    out = printed(table)
    assert "documents" in out and "1,234" in out and "56" in out and "…" not in out
    assert out.count("x") == 5000
