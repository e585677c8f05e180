"""Unicode repaired and normalized.

    - unicode: {}

Adds `unicode.repaired`, `unicode.normalized` (uint32, lines) and `unicode.removed` (uint32, characters). What is done,
in this order, to the lines that need it:

    repair          text that was decoded in the wrong encoding (mojibake: `schÃ¶n`), with ftfy's `fix_encoding` and
                    `fix_c1_controls` (Speer 2019), which change nothing that makes sense as it is
    controls        CR, CR LF, form feeds and Unicode's line and paragraph separators become LF; escape sequences of
                    terminals (colours, titles, links: ECMA-48) go whole, and so do other control characters but tab,
                    soft hyphens, byte order marks, and zero-width spaces but for one between letters of Thai, Lao,
                    Khmer, Burmese and other scripts, where it divides words. Joiners and marks of direction stay:
                    Persian, the Indic scripts and emoji need them
    normalization   NFC or NFKC (Unicode Standard Annex 15). NFKC also changes what looks different: ² to 2, full-width
                    forms to ASCII, so it harms formulas and Chinese punctuation
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dspipe.pipeline.stage import MapConfig
from dspipe.stages.shared.rewriting import RewritingStage, rewrite_lines

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_BREAKS = "\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029"
_ZERO_WIDTH_SPACE = "\u200b"
_REMOVED = "\xad\u2060\ufeff\ufff9\ufffa\ufffb\ufffc"
_CONTROLS = [chr(code) for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n" + _BREAKS]
_TRANSLATION = {ord(c): "\n" for c in _BREAKS} | {ord(c): "" for c in (*_CONTROLS, *_REMOVED)}
# ECMA-48: control sequences, strings for the device up to their terminator (or BEL, as xterm has it), character sets
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[()*+][0-2AB]"
)
# blocks of Thai, Lao and Tibetan, Burmese, Khmer, Tai Le to Buginese and Tai Tham, Balinese, Batak, Rejang, Javanese to
# Cham and Tai Viet: scripts whose words, or syllables, a line may be broken between
_BROKEN_SCRIPTS = (
    (0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x1AAF), (0x1B00, 0x1B7F), (0x1BC0, 0x1BFF),
    (0xA930, 0xA95F), (0xA980, 0xAADF),
)  # fmt: skip
# what ftfy tries (ftfy.chardata.CHARMAP_ENCODINGS)
_ENCODINGS = ("latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso8859-2", "mac-roman", "cp437")

# lead bytes in Mac Roman, of Armenian and rare Cyrillic letters; but French is full of quotes before accents
_QUOTES = {"‘", "’", "“", "”"}


class Config(MapConfig):
    """Settings of `unicode`."""

    repair: bool = Field(default=True, description="undo decoding in the wrong encoding")
    controls: bool = Field(default=True, description="make line ends uniform, remove characters that nobody sees")
    normalization: Literal["NFC", "NFKC"] | None = Field(default="NFC", description="Unicode normalization form")


class Unicode(RewritingStage[Config]):
    """Repairs and normalizes Unicode."""

    Config = Config

    def counted(self) -> tuple[str, ...]:
        """`unicode.repaired`, `unicode.normalized`, `unicode.removed`."""
        return ("repaired", "normalized", "removed")

    def suspects(self, texts: "pa.Array") -> "pa.Array":
        """Documents with characters that may have to be changed."""
        import pyarrow.compute as pc

        return pc.match_substring_regex(texts, self._pattern())

    def rewrite(self, texts: "pa.Array") -> "tuple[pa.Array, list[npt.NDArray[np.uint32]]]":
        """Cleans the lines with such characters."""
        return rewrite_lines(texts, self._pattern(), self.clean, len(self.counted()))

    def _pattern(self) -> str:
        parts = [
            *([mojibake_pattern()] if self.config.repair else []),
            *([_character_class((*_BREAKS, *_CONTROLS, *_REMOVED, _ZERO_WIDTH_SPACE))] if self.config.controls else []),
            *([normalization_pattern(self.config.normalization)] if self.config.normalization else []),
        ]
        return "|".join(parts) or r"[^\s\S]"

    def clean(self, line: str) -> tuple[str, tuple[int, int, int]]:
        """A line (which may become several), and: 1 if repaired, 1 if normalized, how many characters were removed."""
        repaired = normalized = removed = 0
        if self.config.repair and not line.isascii():
            from ftfy import fix_encoding
            from ftfy.fixes import fix_c1_controls

            fixed = fix_c1_controls(fix_encoding(line))
            line, repaired = fixed, int(fixed != line)
        if self.config.controls:
            # the line feed of CR LF was taken as the line's end
            line = line.removesuffix("\r").replace("\r\n", "\n")
            cleaned = _ESCAPES.sub("", line)
            if _ZERO_WIDTH_SPACE in line:
                cleaned = _stray_spaces().sub("", cleaned)
            cleaned = cleaned.translate(_TRANSLATION)
            line, removed = cleaned, len(line) - len(cleaned)
        form = self.config.normalization
        if form is not None and not unicodedata.is_normalized(form, line):
            line, normalized = unicodedata.normalize(form, line), 1
        return line, (repaired, normalized, removed)


@cache
def _stray_spaces() -> re.Pattern[str]:
    """Zero-width spaces but for one between letters, with their marks, of scripts whose words it divides."""
    codes = (code for first, last in _BROKEN_SCRIPTS for code in range(first, last + 1))
    letters = "".join(chr(code) for code in codes if unicodedata.category(chr(code))[0] in "LM")
    return re.compile(f"(?<![{letters}])\u200b+|\u200b+(?![{letters}\u200b])")


@cache
def mojibake_pattern() -> str:
    """RE2: what UTF-8 of a character over 127 looks like when it is decoded in a one-byte encoding.

    That is the lead byte's character and as many of continuation bytes as it needs (RFC 3629, section 3), or U+FFFD for
    one that was lost; `Ã` before a space may have been before U+00A0. And C1 control characters, which are cp1252.
    """
    patterns = ["[\x80-\x9f]", "Ã "]
    for encoding in _ENCODINGS:
        continuations = _character_class([*_decoded(range(0x80, 0xC0), encoding), "\ufffd"])
        for count, lead in ((1, range(0xC2, 0xE0)), (2, range(0xE0, 0xF0)), (3, range(0xF0, 0xF5))):
            leads = set(_decoded(lead, encoding)) - _QUOTES
            patterns.append(f"{_character_class(leads)}{continuations}{{{count}}}")
    return "|".join(patterns)


def _decoded(values: Iterable[int], encoding: str) -> list[str]:
    """The characters of these bytes; those that the encoding leaves out are C1 control characters, as on the web."""
    pairs = [(value, bytes([value]).decode(encoding, "replace")) for value in values]
    return [chr(value) if character == "\ufffd" else character for value, character in pairs]


@cache
def normalization_pattern(form: Literal["NFC", "NFKC"]) -> str:
    """RE2: everything that text in the form can't have, and what it can't have everywhere.

    Characters that the form replaces, characters that may compose with the one before them, and two combining marks,
    whose order may be wrong.
    """
    changed, second, marks = set(), set(), set()
    # no character is assigned between the last ideographs and the tags
    for code in (*range(0x80, 0xD800), *range(0xE000, 0x323B0), *range(0xE0000, 0xE01F0)):
        character = chr(code)
        if not unicodedata.is_normalized(form, character):
            changed.add(character)
        if unicodedata.combining(character):
            marks.add(character)
        decomposition = unicodedata.decomposition(character)
        if decomposition and not decomposition.startswith("<"):
            second |= {chr(int(part, 16)) for part in decomposition.split()[1:]}
    # Hangul vowels and final consonants compose by arithmetic (Unicode Standard, section 3.12)
    second |= {chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    return f"{_character_class(changed | second)}|{_character_class(marks)}{{2}}"


def _character_class(characters: Iterable[str]) -> str:
    """An RE2 class of these characters, as ranges."""
    codes = sorted({ord(character) for character in characters})
    starts = [code for i, code in enumerate(codes) if i == 0 or codes[i - 1] != code - 1]
    ends = [code for i, code in enumerate(codes) if i + 1 == len(codes) or codes[i + 1] != code + 1]
    ranges = (f"\\x{{{start:x}}}-\\x{{{end:x}}}" for start, end in zip(starts, ends, strict=True))
    return f"[{''.join(ranges)}]"
