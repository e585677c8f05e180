"""JSON objects of many megabytes, without a Python string of all of it.

Strings of 64 KiB and more are cut out of the line, what is left is read as usual, and the strings are decoded a piece
at a time: `json.loads` of a line of 100 MB of text takes 200 to 800 MB, this takes the line and the text.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from dspipe.stages.sources.reading.batches import PIECE, clean_text

LONG = 64 << 10
"""bytes of a string that is cut out"""

_HIGH_SURROGATE = re.compile("[\ud800-\udbff]\\Z")
_COLON = re.compile(rb"[ \t\r\n]*:")


class LongString:
    """A string of a line that is too long to be decoded at once."""

    def __init__(self, line: bytes | bytearray, start: int, end: int) -> None:
        """`line[start:end]` is what stands between the quotation marks."""
        self._line, self._start, self._end = line, start, end

    def utf8(self) -> bytearray:
        """The string as clean UTF-8. Raises ValueError where it isn't valid."""
        result = bytearray()
        for piece in self._pieces():
            result += piece.encode()
        return result

    def check(self) -> None:
        """Raises ValueError where the string isn't valid."""
        for _ in self._pieces():
            pass

    def _pieces(self) -> Iterator[str]:
        at, held = self._start, ""
        while at < self._end:
            cut = self._end if self._end - at <= PIECE else self._cut(at, at + PIECE)
            try:
                text = held + json.loads('"' + self._line[at:cut].decode() + '"')
            except UnicodeDecodeError as error:
                raise ValueError(f"not UTF-8: {error.reason} at byte {at + error.start} of the line") from None
            except json.JSONDecodeError as error:
                raise ValueError(f"not JSON: {error.msg} from byte {at} of the line on") from None
            # the other half of the pair may follow
            held = text[-1] if cut < self._end and _HIGH_SURROGATE.search(text) else ""
            yield clean_text(text.removesuffix(held))
            at = cut

    def _cut(self, start: int, at: int) -> int:
        """A place at `at` or a little before it that is neither within a character nor within an escape."""
        line = self._line
        escape = line.rfind(b"\\", at - 6, at)  # \u and four digits
        if escape >= 0:
            while escape > start and line[escape - 1] == 92:
                escape -= 1
            # all backslashes, back to the start: an even number of them are whole escapes
            return escape if escape > start else at - (at - start) % 2
        while line[at] & 0xC0 == 0x80 and at > start + 1:
            at -= 1
        return at


def parse_long(line: bytes | bytearray, **hooks: Any) -> tuple[Any, list[LongString]]:
    """`json.loads(line, **hooks)` with a `LongString` for each value that is a long string, and these.

    Raises ValueError where the rest of the line isn't JSON; what the strings hold isn't looked at.
    """
    spans = _long_strings(line)
    ends = [0, *(end + 1 for _, end in spans)]
    starts = [*(start - 1 for start, _ in spans), len(line)]
    parts = [bytes(line[end:start]) for end, start in zip(ends, starts, strict=True)]
    number = _unused_number(parts)
    strings = [LongString(line, start, end) for start, end in spans]
    # with blanks: in a damaged line a digit may stand before or behind a string
    skeleton = parts[0] + b"".join(b" %b%d %b" % (number, at, part) for at, part in enumerate(parts[1:]))

    def number_or_string(literal: str) -> Any:
        if literal.encode().startswith(number):
            return strings[int(literal[len(number) :])]
        return float(literal)

    try:
        return json.loads(skeleton.decode("utf-8-sig"), parse_float=number_or_string, **hooks), strings
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: {error.reason} outside of long strings") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} outside of long strings") from None


def _long_strings(line: bytes | bytearray) -> list[tuple[int, int]]:
    """Where the values begin and end, without their quotation marks, that are long strings."""
    spans, at = [], 0
    while (start := line.find(b'"', at)) >= 0:
        at = _closing_mark(line, start) + 1
        if LONG < at - start <= len(line) - start and not _COLON.match(line, at):
            spans.append((start + 1, at - 1))
    return spans


def _closing_mark(line: bytes | bytearray, start: int) -> int:
    """The quotation mark that ends the string which the one at `start` begins; the end of the line if there is none."""
    end = start
    while (end := line.find(b'"', end + 1)) >= 0:
        before = end
        while line[before - 1] == 92:
            before -= 1
        if (end - before) % 2 == 0:
            return end
    return len(line)


def _unused_number(parts: list[bytes]) -> bytes:
    """The beginning of a number that isn't in any of the parts."""
    digits = 1
    while any(b"0e" + digits * b"1" in part for part in parts):
        digits *= 2
    return b"0e" + digits * b"1"
