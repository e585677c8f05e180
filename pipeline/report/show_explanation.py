"""`dspipe explain RUN ID|URL`: one document's way through a run, in the terminal."""

import textwrap
from functools import partial
from typing import TYPE_CHECKING, Any

from dspipe.pipeline.inspection.explain import Story
from dspipe.pipeline.stage import Limit
from dspipe.pipeline.visible_text import visible, visible_line

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN_CHARACTERS = 300
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
        console.print()


def _fits(text: str) -> bool:
    return len(text) <= _SHORT_CHARACTERS and "\n" not in text


def _indented(text: str, width: int) -> str:
    """Lines that break between words."""
    wrap = partial(textwrap.wrap, width=max(20, width - 4), break_long_words=False, break_on_hyphens=False)
    lines = [part for line in text.split("\n") for part in wrap(line) or [""]]
    return textwrap.indent("\n".join(lines), "    ")


def _limit(limit: Limit, reason: str | None) -> str:
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
        text = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return f"{text[:_SHOWN_CHARACTERS]}... ({len(text):,} characters)"
