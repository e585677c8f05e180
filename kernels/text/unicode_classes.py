"""What kinds of character there are, as one table of bit flags that kernels look up by code point.

The table is generated from `unicodedata` on first use (about 0.3 s) in two levels: `pages[code >> 8]` is where the 256
flags of that page start in `flags`; equal pages are stored once, so that it stays within the cache (about 0.3 MB).
Unlike the tables of kernels.dedup.units and kernels.bpe.character_classes it is of Python's own, newest Unicode, and a
character has several flags.
"""

import sys
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.text.sentence_terminals import SENTENCE_TERMINALS

SPACE = 1 << 0
LETTER = 1 << 1
UPPER = 1 << 2  # capital letters, and letters of scripts without case
LOWER = 1 << 3  # small letters, and letters of scripts without case
DIGIT = 1 << 4  # 0 to 9
SYMBOL = 1 << 5  # makes no word by itself
TERMINAL = 1 << 6  # ends a sentence
AFFIX = 1 << 7  # a token of its own at either end of a word
PREFIX = 1 << 8  # a token of its own at the start of a word only
QUOTE = 1 << 9
PICTOGRAPH = 1 << 10  # category So: a token of its own anywhere
PUNCTUATION = 1 << 11  # categories P*
MARK = 1 << 12  # combining, or unseen as joiners are: belongs to the character before it
LINE_BREAK = 1 << 13  # what str.splitlines splits at
CURRENCY = 1 << 14
HYPHEN = 1 << 15
CLOSER = 1 << 16  # closing quotes and brackets, which may follow the end of a sentence
UNSPACED = 1 << 17  # a letter of a script that puts no spaces between words
WORD_BREAK = 1 << 18  # between words, but no white space
POINTING = 1 << 19  # a mark of Arabic or Hebrew that prose is usually written without
SCRIPT_SHIFT = 20
"""The script of a letter is flags >> SCRIPT_SHIFT, an index into SCRIPTS; 0 for all that is no letter."""

_SPACED = (
    "latin", "cyrillic", "greek", "arabic", "hebrew", "devanagari", "hangul", "adlam", "armenian", "bamum", "bengali",
    "canadian_aboriginal", "chakma", "cherokee", "ethiopic", "georgian", "gujarati", "gurmukhi", "hanifi_rohingya",
    "kannada", "kayah_li", "lepcha", "limbu", "lisu", "malayalam", "mandaic", "meetei_mayek", "miao", "mongolian",
    "newa", "nko", "nyiakeng_puachue_hmong", "ol_chiki", "oriya", "osage", "saurashtra", "sinhala", "sundanese",
    "syloti_nagri", "syriac", "tamil", "telugu", "thaana", "tifinagh", "vai", "wancho",
)  # fmt: skip
_UNSPACED = (
    "han", "kana", "bopomofo", "yi", "thai", "lao", "khmer", "myanmar", "tibetan", "tai_le", "new_tai_lue", "tai_tham",
    "tai_viet", "javanese", "balinese", "batak", "cham", "buginese", "rejang",
)  # fmt: skip
SCRIPTS = ("none", *_SPACED, "other", *_UNSPACED)
"""The scripts that have living users: those that Unicode recommends for identifiers or lists as of limited use (Unicode
Standard Annex 31, tables 5 and 7), Mongolian, Buginese and Rejang; `other` are all others. Those without spaces stand
last: East Asian ones, Tibetan, those with the property Line_Break=SA, and those whose lines break between syllables
(AK and AS)."""
NAMES = {name: index for index, name in enumerate(SCRIPTS)}
FIRST_UNSPACED = NAMES["han"]

# unicodedata has no script property, but the names of letters begin with the script's
_SCRIPT_OF_NAME = {
    **{name.upper().replace("_", " "): name for name in SCRIPTS},
    "CJK": "han", "IDEOGRAPHIC": "han", "HIRAGANA": "kana", "KATAKANA": "kana", "HENTAIGANA": "kana",
    "HALFWIDTH KATAKANA": "kana", "FULLWIDTH": "latin", "HALFWIDTH HANGUL": "hangul", "CANADIAN": "canadian_aboriginal",
    "NYIAKENG": "nyiakeng_puachue_hmong",
}  # fmt: skip

# Beyond ASCII, a bullet, an opening single quote, a middle dot or a dagger that stands alone counts as a word in the
# implementations that the published thresholds were tuned on (datatrove's among them), so it does here.
_WORDLIKE_MARKS = frozenset("¡§¶·¿‘‚‛‟†‡•‣․‥‧‰‱′″‴‵‹›※‾‐‑‒―‖‗")
_SYMBOLS = frozenset("´～∶━►")
_AFFIXES = frozenset("…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪—–")
_QUOTES = frozenset("'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉⟦⟧")
_PREFIXES = frozenset("§%=")
_LINE_BREAKS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
_HYPHENS = frozenset("-–—~")
# Ethiopic writes a sign between words, Khmer, Thai, Lao and Burmese a space without width
_WORD_BREAKS = frozenset("፡\u200b")
# Tibetan's tsheg ends a syllable and belongs to it; figures follow the Arabic signs
_TSHEG, _NO_MARKS = frozenset("་༌"), frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2\u200b")
# Arabic vowel signs and the stretching of lines, Hebrew points and accents
_POINTED = (range(0x591, 0x5C8), range(0x610, 0x61B), range(0x640, 0x653), range(0x656, 0x660), range(0x670, 0x671),
            range(0x6D6, 0x6EE), range(0x8CA, 0x900))  # fmt: skip


class CharacterClasses(NamedTuple):
    """The table: flags[pages[code >> 8] + (code & 255)]. pages: uint32[0x1100], flags: uint32[n * 256]; page 0 is
    Latin-1, so that flags[byte] is an ASCII byte's class."""

    pages: npt.NDArray[np.uint32]
    flags: npt.NDArray[np.uint32]

    def of(self, character: str) -> int:
        """The flags of one character."""
        code = ord(character)
        return int(self.flags[self.pages[code >> 8] + (code & 255)])


@lru_cache(1)
def character_classes() -> CharacterClasses:
    """The table for all code points, surrogates included."""
    flags = np.fromiter(map(_flags, map(chr, range(sys.maxunicode + 1))), np.uint32, sys.maxunicode + 1)
    distinct, first, page = np.unique(flags.reshape(-1, 256), axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    index = np.empty(len(order), np.uint32)
    index[order] = np.arange(len(order), dtype=np.uint32)
    return CharacterClasses(index[page.ravel()] * np.uint32(256), np.ascontiguousarray(distinct[order]).ravel())


def _flags(character: str) -> int:
    category = unicodedata.category(character)
    kind = category[0]
    if category in ("Cn", "Cs", "Co"):
        return 0
    flags = SPACE if character.isspace() else 0
    if kind == "L":
        flags |= LETTER | _letter(character, category)
        flags |= POINTING if character == "\u0640" else 0
    elif kind == "M":
        flags |= MARK | (POINTING if any(ord(character) in codes for codes in _POINTED) else 0)
    elif category == "Cf" and character not in _NO_MARKS:
        flags |= MARK
    elif category == "Nd" and character.isascii():
        flags |= DIGIT
    elif category == "So":
        flags |= PICTOGRAPH | AFFIX
    elif category == "Sc":
        flags |= CURRENCY | PREFIX
    elif kind == "P":
        flags |= _punctuation(character, category)
    if (character.isascii() and kind in "PS") or category == "Cc" or character in _SYMBOLS:
        flags |= SYMBOL
    for members, flag in (
        (_AFFIXES, AFFIX), (_QUOTES, AFFIX | QUOTE), (_PREFIXES, PREFIX), (_LINE_BREAKS, LINE_BREAK),
        (_HYPHENS, HYPHEN), (_WORD_BREAKS, WORD_BREAK), (_TSHEG, MARK),
    ):  # fmt: skip
        if character in members:
            flags |= flag
    return flags


def _letter(character: str, category: str) -> int:
    words = unicodedata.name(character, "").replace("-", " ").split(" ", 3)
    names = (" ".join(words[:count]) for count in (1, 2, 3))
    script = next((_SCRIPT_OF_NAME[name] for name in names if name in _SCRIPT_OF_NAME), "other")
    cased = {"Lu": UPPER, "Lt": UPPER, "Ll": LOWER}.get(category, UPPER | LOWER)
    index = NAMES[script]
    return cased | index << SCRIPT_SHIFT | (UNSPACED if index >= FIRST_UNSPACED else 0)


def _punctuation(character: str, category: str) -> int:
    flags = PUNCTUATION | (0 if character in _WORDLIKE_MARKS else SYMBOL)
    if category in ("Pe", "Pf") or character in "\"'":
        flags |= CLOSER
    if character in SENTENCE_TERMINALS:
        flags |= TERMINAL | (0 if character.isascii() else AFFIX)
    return flags
