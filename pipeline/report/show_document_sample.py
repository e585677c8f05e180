"""`dspipe sample` in the terminal: each document's verdict, values beside limits, its text, marked where it counts."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dspipe.pipeline.inspection.beside_limits import Measured
from dspipe.pipeline.inspection.sample import WITHIN, DocumentSample, Part, SampledDocument
from dspipe.pipeline.quantities import count_of, human_number
from dspipe.pipeline.stage import Span
from dspipe.pipeline.visible_text import visible, visible_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_AROUND = 120
"""characters of text that are shown before the first part that is marked"""
_MOST_LIMITS = 3
_STYLES = {"kept": "green", "undecided": "yellow"}
"""of verdicts; others are red"""
_MARKED, _CUT = "black on yellow", "bold magenta"


def print_document_sample(sample: DocumentSample, console: "Console", length: int, wide: bool) -> None:
    """The documents part by part. `length`: characters of each text; `wide`: whether marks are written out, where there
    are no colours to show them."""
    for remark in sample.remarks:
        console.print(f"note: {visible(remark)}", style="yellow", highlight=False, markup=False)
    if not any(part.documents for part in sample.parts):
        console.print("No document is like that.")
        return
    for part in sample.parts:
        console.print(_heading(part, sample.threshold), style="bold", highlight=False, markup=False)
        console.print()
        for document in part.documents:
            _print_document(document, console, length, wide)


def _heading(part: Part, threshold: str | None) -> str:
    names = ", ".join(f"{name} {value if value is not None else 'none'}" for name, value in part.stratum.items())
    what = f"{len(part.documents):,} of {part.of:,} document{'' if part.of == 1 else 's'}"
    if part.side is not None:
        where = "just within" if part.side == WITHIN else "just outside"
        what = f"{where} {threshold}, nearest first: {what}"
    return visible_line(f"{names}: {what}" if names else what[0].upper() + what[1:])


def _print_document(document: SampledDocument, console: "Console", length: int, wide: bool) -> None:
    from rich.text import Text

    facts = [document.domain, document.language]
    title = " ".join(visible_line(fact) for fact in (document.id, *facts) if fact)
    console.print(Text(title or "without an id", style="cyan"), soft_wrap=True)
    if document.url:
        console.print(Text(f"  {visible_line(document.url)}", style="dim"), soft_wrap=True)
    verdict = document.verdict
    if document.reason is not None:
        by = f" by {document.stage}" if document.stage else ""
        verdict = f"{verdict}{by}: {document.reason}"
    for line in textwrap.wrap(visible_line(verdict), max(20, console.width - 4), subsequent_indent="  "):
        console.print(Text(f"  {line}", style=_STYLES.get(document.verdict, "red")), soft_wrap=True)
    for line in _limits(document.measured, document.reason):
        console.print(Text(f"    {line}"), soft_wrap=True)
    if document.text_is != "stored":
        for line in textwrap.wrap(visible_line(document.text_is), max(20, console.width - 6)):
            console.print(Text(f"    {line}", style="dim"), soft_wrap=True)
    if document.text:
        console.print(_shown(document.text, document.spans, length, console.width, wide), soft_wrap=True)
    console.print()


def _limits(measured: Sequence[Measured], reason: str | None) -> Iterator[str]:
    """Values beside limits: first the one that the document was dropped for."""
    ordered = sorted(measured, key=lambda one: one.reason != reason)
    for one in ordered[:_MOST_LIMITS]:
        yield visible_line(f"{one.column} {_value(one.value)}: asked is {one.asks}{'' if one.broken else ', met'}")
    if len(ordered) > _MOST_LIMITS:
        yield f"and {count_of(len(ordered) - _MOST_LIMITS, 'more limit')} that it breaks"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return human_number(value)
    return "none" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _shown(text: str, spans: Sequence[Span], length: int, width: int, wide: bool) -> "Text":
    """The text's beginning, or from a little before the first part that is marked, broken to lines."""
    from rich.text import Text

    start = 0
    if spans and spans[0].end > length:
        start = max(0, spans[0].start - _AROUND)
    end = min(len(text), start + length)
    shown = Text("... " if start else "")
    place, what = start, list[str]()
    for span in spans:
        if span.start > end or span.end < start or span.start == end < span.end:
            continue
        low, high = max(span.start, start), min(span.end, end)
        shown.append(visible(text[place:low]))
        if span.start == span.end:
            shown.append(f"[{visible_line(span.what)}]", style=_CUT)
        else:
            marked = visible(text[low:high])
            shown.append(f">>{marked}<<" if wide else marked, style=_MARKED)
        what += [span.what] if span.what not in what and span.end > span.start else []
        place = high
    shown.append(visible(text[place:end]))
    if end < len(text):
        shown.append(f" ... ({len(text):,} characters)", style="dim")
    lines = Text("\n").join(shown.wrap(_console(width), max(20, width - 4)))
    if what:
        lines = Text.assemble((f"marked: {visible_line('; '.join(what[:4]))}\n", "dim"), lines)
    return Text("\n").join(Text("    ") + line for line in lines.split("\n", allow_blank=True))


def _console(width: int) -> "Console":
    from rich.console import Console

    return Console(width=width)
