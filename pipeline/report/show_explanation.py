"""`dspipe explain RUN ID|URL`: one document's way through a run, in the terminal."""

import textwrap
from functools import partial
from typing import TYPE_CHECKING, Any

from dspipe.pipeline.inspection.beside_limits import Measured
from dspipe.pipeline.inspection.compare_texts import Compared
from dspipe.pipeline.inspection.explain import Story
from dspipe.pipeline.inspection.kept_copies import KeptCopy
from dspipe.pipeline.quantities import human_number
from dspipe.pipeline.visible_text import visible, visible_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_SHOWN_CHARACTERS = 300
_DIFFERENCE_CHARACTERS = 2_000
_AROUND = 60
"""characters of what both texts have, before and behind what differs"""
_SHORT_CHARACTERS = 24
_LONGEST_NUMBER = 10**15
"""longer ones are marks, not numbers of anything"""


def print_explanation(stories: list[Story], console: "Console") -> None:
    """The documents one after the other, a line a column: its value, and what it is held against."""
    from rich.markup import escape

    for story in stories:
        console.print(escape(visible_line(story.verdict())), style="bold", highlight=False, soft_wrap=True)
        reason = story.drop()[1]
        rows = [(phase, name, value) for phase, values in story.chapters.items() for name, value in values.items()]
        short = [(name, text) for _, name, value in rows if _fits(text := _shown(value))]
        longest_name = max((len(name) for name, _ in short), default=0)
        longest_value = max((len(text) for _, text in short), default=0)
        before, said = None, False
        for phase, name, value in rows:
            if name == "reason" and said:
                continue  # later phases carry it along
            said |= name == "reason"
            if phase != before:
                console.print(f"\n[bold]{escape(visible_line(phase))}[/]", highlight=False)
            before, text = phase, _shown(value)
            if not _fits(text):
                console.print(f"  {escape(visible_line(name))}", highlight=False)
                console.print(escape(visible(_indented(text, console.width))), highlight=False, soft_wrap=True)
                continue
            line = f"  {name:{longest_name}}  {text:{longest_value}}"
            limits = ", ".join(_limit(limit, reason) for limit in story.limits.get(name, ()))
            console.print(f"{escape(visible(line))}  {limits}".rstrip(), highlight=False, soft_wrap=True)
        for copy in story.kept_copies:
            _print_copy(copy, console)
        console.print()


def _print_copy(copy: KeptCopy, console: "Console") -> None:
    """Another document, and where its text differs from this one's."""
    from rich.text import Text

    name = visible_line(" ".join(filter(None, (copy.id, copy.url))))
    console.print(Text(f"\n{visible_line(copy.round)}: kept instead"), style="bold")
    console.print(Text(f"  {name} (document {copy.place})"), soft_wrap=True)
    if copy.reason is not None:
        console.print(Text(f"  which was dropped itself: {visible_line(copy.reason)}"), style="red", soft_wrap=True)
    if copy.compared is None:
        console.print(Text("  one of the two texts isn't stored"), style="dim")
        return
    if all(passage.same for passage in copy.compared.passages):
        console.print(Text("  the texts are the same, but for white space"), style="dim")
        return
    console.print(Text("  [-in this one alone-] {+in the kept one alone+}"), style="dim")
    console.print(_differences(copy.compared), soft_wrap=True)


def _differences(compared: Compared) -> "Text":
    """The passages that differ, each with a little around it, up to a length."""
    from rich.text import Text

    shown = Text("  ")
    for passage in compared.passages:
        if len(shown) > _DIFFERENCE_CHARACTERS:
            shown.append(" ...", "dim")
            break
        if passage.same:
            shown.append(_shortened(passage.left), "dim")
            continue
        for text, (before, after), style in ((passage.left, "[]", "red"), (passage.right, "{}", "green")):
            sign = "-" if before == "[" else "+"
            if text:
                shown.append(f"{before}{sign}{_shortened(text, _SHOWN_CHARACTERS)}{sign}{after}", style)
    if compared.left_out:
        shown.append(f" ({compared.left_out:,} characters at the ends aren't compared)", "dim")
    return shown


def _shortened(text: str, longest: int = 2 * _AROUND) -> str:
    line = visible_line(" ".join(text.split()))
    line = f"{' ' * text[:1].isspace()}{line}{' ' * text[-1:].isspace()}"
    if len(line) <= longest:
        return line
    half = longest // 2
    return f"{line[:half]} ... {line[-half:]}"


def _fits(text: str) -> bool:
    return len(text) <= _SHORT_CHARACTERS and "\n" not in text


def _indented(text: str, width: int) -> str:
    """Lines that break between words."""
    wrap = partial(textwrap.wrap, width=max(20, width - 4), break_long_words=False, break_on_hyphens=False)
    lines = [part for line in text.split("\n") for part in wrap(line) or [""]]
    return textwrap.indent("\n".join(lines), "    ")


def _limit(limit: Measured, reason: str | None) -> str:
    from rich.markup import escape

    asks = escape(limit.asks)
    if not limit.broken:
        return f"[dim]{asks}[/]"
    return f"[bold red]{asks} <- dropped for this[/]" if limit.reason == reason else f"[red]{asks} <- not met[/]"


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{value[:16].hex()}{'...' if len(value) > 16 else ''} ({len(value)} bytes)"
    text = str(value)
    if isinstance(value, int) and abs(value) < _LONGEST_NUMBER:
        text = f"{value:,}"
    elif isinstance(value, float):
        text = human_number(value)
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return f"{text[:_SHOWN_CHARACTERS]}... ({len(text):,} characters)"
