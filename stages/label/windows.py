"""Windows of texts as token ids: the beginning, the middle and the end of a long text, all of a short one."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Place = Literal["start", "middle", "end"]
Bytes = npt.NDArray[np.uint8]

_BYTES_PER_TOKEN = 4
"""about, to find the middle window's beginning"""
_MOST_BYTES_PER_TOKEN = 16
"""of a window that many bytes are cut into tokens: a text of ordinary words fills the window with a quarter of them,
and a text of megabytes isn't cut to its end for 512 tokens"""
_TO_A_BLANK = 64
"""bytes after which a window in the middle of a text begins in the middle of a word after all"""


class WindowCutter:
    """Cuts texts into windows with the tokenizer of a model's folder."""

    def __init__(self, tokenizer: Path, places: Sequence[Place], tokens: int) -> None:
        from tokenizers import Tokenizer

        self._places, self._tokens = places, tokens
        self._from: dict[str, Any] = {}
        for direction in ("right", "left"):
            made = Tokenizer.from_file(str(tokenizer))
            made.no_padding()
            made.enable_truncation(tokens, direction=direction)
            self._from[direction] = made

    def windows(self, text: Bytes) -> Iterator[list[int]]:
        """The token ids of the windows of a text in UTF-8, special tokens among them; none for a text without tokens. A
        text that fits into one has that one alone."""
        reach = self._tokens * _MOST_BYTES_PER_TOKEN
        start = self._encoded(text[: _character(text, reach)], "right")
        if len(text) <= reach and not start.overflowing:
            if not all(start.special_tokens_mask):
                yield start.ids
            return
        for place in self._places:
            found = start if place == "start" else self._window(text, place, reach)
            if not all(found.special_tokens_mask):
                yield found.ids

    def _window(self, text: Bytes, place: Place, reach: int) -> Any:
        if place == "end":
            return self._encoded(text[_word(text, max(0, len(text) - reach)) :], "left")
        first = _word(text, max(0, len(text) // 2 - self._tokens * _BYTES_PER_TOKEN // 2))
        return self._encoded(text[first : _character(text, first + reach)], "right")

    def _encoded(self, text: Bytes, cut: str) -> Any:
        return self._from[cut].encode(text.tobytes().decode("utf-8", "ignore"))


def _character(text: Bytes, at: int) -> int:
    """The beginning of the character that the byte at `at` is of."""
    if at >= len(text):
        return len(text)
    while at > 0 and text[at] & 0xC0 == 0x80:
        at -= 1
    return at


def _word(text: Bytes, at: int) -> int:
    """The first byte behind a blank from `at` on, where one is near, else a character's."""
    if at > 0:
        blanks = np.flatnonzero(text[at - 1 : at + _TO_A_BLANK] <= ord(" "))
        if len(blanks):
            return at + int(blanks[0])
    return _character(text, at)
