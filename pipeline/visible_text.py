"""Text from the world, made safe to show: what steers a terminal or turns the order of a line is written out.

Domains, URLs, ids and texts are whatever a page says. On a terminal an escape sequence sets the title, moves the cursor
or clears the screen, and on a page, too, a bidirectional control lets `gnp.exe` read as `exe.png` (CVE-2021-42574).
"""

import re

_UNSEEN = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 controls, but for tab and line feed
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls (UAX 9)
    r"\u2028\u2029\ufeff\ufff9-\ufffb"  # line separators, byte order mark, interlinear annotations
    r"\ud800-\udfff"  # lone surrogates can't be encoded: of file names that are no UTF-8
    r"\U000e0000-\U000e007f"  # tags, which are never seen
)
_CONTROLS, _CONTROLS_AND_BREAKS = re.compile(f"[{_UNSEEN}]"), re.compile(f"[{_UNSEEN}\t\n]")


def visible(text: str) -> str:
    """The text with controls written out as in Python's literals: `\\x1b`, `\\u202e`. Tabs and line feeds stay."""
    return _CONTROLS.sub(_written_out, text)


def visible_line(text: str) -> str:
    """As `visible`, on one line: tabs and line feeds are written out, too."""
    return _CONTROLS_AND_BREAKS.sub(_written_out, text)


def visible_json(text: str) -> str:
    """A JSON text of the same value, without controls: within strings they become JSON's escapes."""
    return _CONTROLS.sub(_json_escape, text)


def _written_out(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
