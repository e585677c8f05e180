"""Tables before they have a form: the statistics of a run are such tables, shown in the terminal or on a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dspipe.pipeline.visible_text import visible_line

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Line:
    """A line of a cell, and what share of a whole it stands for (0 to 1), where a bar can show it."""

    text: str
    share: float | None = None


Cell = Line | Sequence[Line] | str


def lines(cell: Cell) -> list[Line]:
    """The lines of a cell, at least one."""
    if isinstance(cell, str):
        return [Line(cell)]
    return [cell] if isinstance(cell, Line) else list(cell) or [Line("")]


@dataclass
class Table:
    """A title, columns of text or of numbers, rows of as many cells."""

    title: str
    columns: Sequence[str]
    numbers: frozenset[int] = frozenset()
    """which columns are numbers, by their place"""
    rows: list[Sequence[Cell]] = field(default_factory=list)


def print_table(table: Table, console: "Console") -> None:
    """The table in the terminal. The title stands on a line of its own: rich breaks it to the table's width."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table as Shown

    shown = Shown(header_style="dim", box=box.SIMPLE, pad_edge=False)
    longest = max((len(line.text) for row in table.rows for line in lines(row[0])), default=0)
    for place, name in enumerate(table.columns):
        if place in table.numbers:
            shown.add_column(escape(visible_line(name).replace(" ", "\n")), justify="right", no_wrap=True)
        else:
            # an id cut short is of no use to `dspipe explain`; a name of 5,000 characters on one line leaves no numbers
            whole = place == 0 and longest <= console.width // 2
            shown.add_column(escape(visible_line(name)), no_wrap=whole, overflow="fold")
    for row in table.rows:
        shown.add_row(*(escape("\n".join(visible_line(line.text) for line in lines(cell))) for cell in row))
    console.print(visible_line(table.title), style="bold", highlight=False, markup=False)
    console.print(shown)
