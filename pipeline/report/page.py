"""`dspipe stats --html`: the statistics of a run as one page that needs nothing else."""

import html

from dspipe.pipeline.quantities import human_bytes, human_seconds
from dspipe.pipeline.report.stats import Section, sections, state
from dspipe.pipeline.report.tables import Line, Table, lines
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.visible_text import visible_line

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #667085; --line: #e4e7ec; --paper: #fff; --bar: #cfe0fc;
        --warn: #b42318; --warn-paper: #fef3f2 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2c3442; --paper: #12161d; --bar: #24406e;
          --warn: #fda29b; --warn-paper: #2d1614 } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 1280px;
       margin: 0 auto; padding: 0 24px 64px }
h1 { margin: 28px 0 0; font-size: 24px }
h2 { margin: 40px 0 4px; font-size: 18px; border-bottom: 1px solid var(--line); scroll-margin-top: 48px }
h3 { margin: 20px 0 4px; font-size: 14px }
.state, .of { color: var(--soft) }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0 }
.tile { border: 1px solid var(--line); border-radius: 8px; padding: 10px 16px; min-width: 130px }
.tile b { display: block; font-size: 20px; font-variant-numeric: tabular-nums }
nav { position: sticky; top: 0; background: var(--paper); padding: 8px 0; border-bottom: 1px solid var(--line) }
nav a { margin-right: 16px; color: inherit; text-decoration: none }
nav a:hover { text-decoration: underline }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th { color: var(--soft); font-weight: normal; text-align: left; white-space: nowrap }
th, td { padding: 3px 14px 3px 0; border-bottom: 1px solid var(--line); vertical-align: top }
th.number, td.number { text-align: right }
td.number { white-space: nowrap }
.line { overflow-wrap: anywhere }
.bar { padding: 0 4px; min-width: 72px; border-radius: 3px;
       background: linear-gradient(to right, var(--bar) var(--share), transparent 0) }
.alarms { background: var(--warn-paper); border-left: 4px solid var(--warn); padding: 1px 16px 16px; margin-top: 24px }
.alarms h2 { color: var(--warn); border: 0; margin-top: 12px }
@media print { nav { display: none } }
"""


def html_page(run: RunFile) -> str:
    """The page: the run in a few figures, then each section of its statistics."""
    parts = sections(run)
    name = escape(run.name)
    links = "".join(f'<a href="#{escape(part.title)}">{escape(part.title)}</a>' for part in parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{name}: dspipe</title>\n<style>{_STYLE}</style></head>\n<body>\n"
        f'<h1>{name}</h1>\n<p class="state">{escape(state(run))}</p>\n'
        f'<div class="tiles">{"".join(_tiles(run))}</div>\n<nav>{links}</nav>\n'
        + "\n".join(map(_section, parts))
        + "\n</body>\n</html>\n"
    )


def escape(text: str) -> str:
    """The text as a page shows it: no markup, no controls."""
    return html.escape(visible_line(text))


def _tiles(run: RunFile) -> list[str]:
    read, bad = run.read_counts()
    tiles = [_tile(f"{read:,}", "documents read")]
    kept = run.kept()
    if kept and read:
        tiles += [
            _tile(f"{kept.documents:,}", f"documents kept, {kept.documents / read:.1%}"),
            _tile(human_bytes(kept.bytes), "of text kept"),
        ]
        if kept.tokens:
            tiles.append(_tile(f"{kept.tokens:,}", "tokens kept"))
    tiles.append(_tile(f"{bad:,}", "records in quarantine"))
    tiles.append(_tile(human_seconds(sum(phase.seconds for phase in run.phases)), "worker time"))
    return tiles


def _tile(figure: str, of: str) -> str:
    return f'<div class="tile"><b>{figure}</b><span class="of">{of}</span></div>'


def _section(section: Section) -> str:
    kind = ' class="alarms"' if section.title == "Alarms" else ""
    items = "\n".join(_table(item) if isinstance(item, Table) else f"<p>{escape(item)}</p>" for item in section.items)
    return f'<section{kind}><h2 id="{escape(section.title)}">{escape(section.title)}</h2>\n{items}</section>'


def _table(table: Table) -> str:
    kinds = [' class="number"' if place in table.numbers else "" for place in range(len(table.columns))]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, table.columns, strict=True))
    rows = [
        "".join(f"<td{kind}>{''.join(map(_line, lines(cell)))}</td>" for kind, cell in zip(kinds, row, strict=True))
        for row in table.rows
    ]
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f'<h3>{escape(table.title)}</h3>\n<div class="wide"><table><tr>{head}</tr>\n{body}</table></div>'


def _line(line: Line) -> str:
    bar = "" if line.share is None else f' bar" style="--share:{line.share:.2%}'
    return f'<div class="line{bar}">{escape(line.text)}</div>'
