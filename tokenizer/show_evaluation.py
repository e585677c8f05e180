"""What `evaluate` found, for people: tables that fit a terminal of 80 columns, and a picture."""

import sys
from collections.abc import Iterator, Sequence
from string import ascii_uppercase
from xml.sax.saxutils import escape

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dspipe.pipeline.visible_text import visible_line
from dspipe.tokenizer.evaluate import Report

COLUMNS = 80
SIDE_BY_SIDE = 7
"""tokenizers in one table"""
LABEL = 18
"""characters of a language's or domain's name"""
MEASURES = {
    "bytes_per_token": "Bytes per token (more is better)",
    "tokens_per_word": "Tokens per word (fewer is better)",
}


def print_report(report: Report) -> None:
    """Print the report as tables, with a letter for each tokenizer."""
    console = Console(width=None if sys.stdout.isatty() else COLUMNS, highlight=False)
    letters = dict(zip(report["vocabulary"], _letters(), strict=False))
    for name, letter in letters.items():
        console.print(Text(visible_line(f"{letter}  {name}")))
    for measure, title in MEASURES.items():
        for names in _blocks(list(letters)):
            console.print(_make_table(report, measure, title, {name: letters[name] for name in names}))
    for names in _blocks(list(letters)):
        console.print(_make_vocabulary_table(report, {name: letters[name] for name in names}))
    for name, use in report["vocabulary"].items():
        if use["engine"] != "dspipe":
            console.print(Text(f"{letters[name]} runs on {use['engine']}"))
        console.print(Text(visible_line(f"{letters[name]} longest used: {' '.join(map(repr, use['longest']))}")))


def _letters() -> Iterator[str]:
    """A to Z, then AA, AB, ..."""
    yield from ascii_uppercase
    for first in ascii_uppercase:
        for second in ascii_uppercase:
            yield first + second


def _blocks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), SIDE_BY_SIDE):
        yield names[start : start + SIDE_BY_SIDE]


def _make_table(report: Report, measure: str, title: str, letters: dict[str, str]) -> Table:
    table = Table("", title=title, title_justify="left", title_style="bold")
    table.add_column("MB", justify="right")
    for letter in letters.values():
        table.add_column(letter, justify="right")
    sections = {"language": report["languages"], "domain": report["domains"], "": {"all": report["all"]}}
    for heading, rows in sections.items():
        table.add_section()
        if heading and rows:
            table.add_row(Text(f"by {heading}", style="italic"))
        for key, row in rows.items():
            if row:
                figures = [f"{row[measure][name]:.2f}" for name in letters]
                table.add_row(Text(_shorten(key)), f"{row['bytes'] / 1e6:,.2f}", *figures)
    return table


def _make_vocabulary_table(report: Report, letters: dict[str, str]) -> Table:
    """What vocabularies are used for: a row a tokenizer."""
    table = Table("", title="Vocabulary", title_justify="left", title_style="bold")
    for heading in ("ids", "never used", "tokens that are a byte of a longer character"):
        table.add_column(heading, justify="right")
    for name, letter in letters.items():
        use = report["vocabulary"][name]
        table.add_row(letter, f"{use['size']:,}", f"{use['unreached']:,}", f"{use['single_byte_share']:.2%}")
    return table


def _shorten(label: str) -> str:
    label = visible_line(label)
    return label if len(label) <= LABEL else f"{label[: LABEL - 1]}…"


COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#9c6b4e", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9498a0")
GOLDEN_ANGLE = 137.508
BAR, GAP, LEFT, WIDTH = 12, 10, 170, 560
HEADING = 24


def colour_of(number: int) -> str:
    """The colour of the tokenizer with this number: no two are the same."""
    if number < len(COLOURS):
        return COLOURS[number]
    later = number - len(COLOURS)
    return f"hsl({later * GOLDEN_ANGLE % 360:.3f} 60% {(35, 50, 65)[later % 3]}%)"


def draw_svg(report: Report) -> str:
    """Bytes per token by language and domain as bars, a colour for each tokenizer."""
    names = list(report["vocabulary"])
    parts, y = ['<text x="8" y="18" font-weight="bold">Bytes per token (more is better)</text>'], 32
    for number, name in enumerate(names):
        colour = colour_of(number)
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{BAR}" height="{BAR - 1}" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + BAR + 6}" y="{y + BAR - 2}">{escape(visible_line(name))}</text>')
        y += BAR + 4
    sections = {"By language": report["languages"], "By domain": report["domains"], "": {"all": report["all"]}}
    rows = [row for section in sections.values() for row in section.values() if row]
    highest = max((value for row in rows for value in row["bytes_per_token"].values()), default=0.0) or 1.0
    for heading, section in sections.items():
        parts.append(f'<text x="8" y="{y + HEADING - 8}" font-weight="bold">{heading}</text>')
        y += HEADING if heading else GAP
        for key, row in section.items():
            if row:
                parts += _draw_bars(key, list(row["bytes_per_token"].values()), highest, y)
                y += BAR * len(names) + GAP
    size = f'width="{LEFT + WIDTH + 60}" height="{y + 10}"'
    style = 'font-family="sans-serif" font-size="11"'
    background = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>', background, *parts, "</svg>\n"])


def _draw_bars(label: str, values: list[float], highest: float, y: int) -> list[str]:
    middle = y + BAR * len(values) / 2 + 3
    parts = [f'<text x="{LEFT - 8}" y="{middle:.0f}" text-anchor="end">{escape(visible_line(label[:24]))}</text>']
    for number, value in enumerate(values):
        length, colour = value / highest * WIDTH, colour_of(number)
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR - 1}" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + length + 5:.1f}" y="{y + BAR - 2}">{value:.2f}</text>')
        y += BAR
    return parts
