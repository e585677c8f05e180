"""Words that don't follow the rules of tokenization: English contractions, abbreviations, units, emoticons.

Which words are whole and where contractions fall apart is spaCy's for English, because published thresholds were
tuned with it; the table is made here from the forms of pronouns, verbs and endings.
"""

from functools import lru_cache
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.hashing import KNUTH, hash_token, hash_token_text
from dspipe.kernels.jit import inline, jit, pointer

_MAX_BYTES = 16
_TABLE = 1 << 13


class SpecialWords(NamedTuple):
    """keys: uint64[8192], hashes of words in open addressing (0 empty); cuts: uint16[8192], the two byte offsets, in
    8 bits each, at which the word falls apart (0: none). sieve: uint64[1024], a bit for each key's lowest 16 bits: 8
    kB that stay in the nearest cache and spare 98 % of the words a look at the table."""

    sieve: npt.NDArray[np.uint64]
    keys: npt.NDArray[np.uint64]
    cuts: npt.NDArray[np.uint16]


class RawSpecialWords(NamedTuple):
    """Pointers to the arrays of SpecialWords."""

    sieve: npt.NDArray[np.uint64]
    keys: npt.NDArray[np.uint64]
    cuts: npt.NDArray[np.uint16]


@inline
def raw_special_words(special: SpecialWords) -> RawSpecialWords:
    """Pointers to the arrays; the caller keeps them alive."""
    return RawSpecialWords(pointer(special.sieve), pointer(special.keys), pointer(special.cuts))


@lru_cache(1)
def special_words() -> SpecialWords:
    """The table of words that don't follow the rules: English contractions, abbreviations, units, emoticons."""
    words = _contractions() | dict.fromkeys(_whole_words(), ())
    entries = [(hash_token_text(word), pieces) for word, pieces in words.items()]
    entries += [(hash_token_text(unit) ^ UNIT_SALT, ()) for unit in _UNITS.split()]
    size = _TABLE
    keys, cuts, sieve = np.zeros(size, np.uint64), np.zeros(size, np.uint16), np.zeros(1024, np.uint64)
    for key, pieces in entries:
        sieve[key >> 6 & 1023] |= np.uint64(1 << (key & 63))
        slot = key & size - 1
        while keys[slot]:
            slot = slot + 1 & size - 1
        offset, packed = 0, 0
        for index, piece in enumerate(pieces[:-1]):
            offset += len(piece.encode("utf-8"))
            packed |= offset << 8 * index
        keys[slot], cuts[slot] = key, packed
    return SpecialWords(sieve, keys, cuts)


# units of measure are tokens only after a figure, so they have keys of their own
UNIT_SALT = int(KNUTH)
_UNITS = "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph \
hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % км м см мм кг г мг км/ч т"
_APOSTROPHES = ("'", "’")

_SUBJECTS = {
    "i": "m ll d ve",
    "you we they": "ll d ve re",
    "he she it": "ll d s",
    "who what when where why how there": "ll d ve re s",
    "that this": "ll d s",
    "these those": "ll d ve re",
}
_VERBS = "ca could do does did had may might must need ought sha should wo would ai are is was were have has dare"
_NO_CONTRACTIONS = "ill its hell shell shed were well"
_ABBREVIATIONS = """
Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan. Kans.
Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep.
Sept. Tenn. Va. Wash. Wis. a.m. p.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr.
Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s. and/or w/o C++ ä. ö. ü.
"""
_CLIPPED_BEFORE = "s S d ll re em nuff cause Cause cos bout"
_CLIPPED_AFTER = "doin goin nothin somethin ol lovin havin"
_EMOTICONS = """
:) :-) :( :-( :D :-D :P :-P :] :-] :/ :-/ :| :-| ;) ;-) ;( ;D ;-D =) =( =D (: (; (= ): =] [= [: :} :> :* :p :o :O :x :X
:0 :1 :3 =/ =3 =| 8) 8D <3 xD -_- ^_^ 0.0 o_o O_O
"""


def _contractions() -> dict[str, tuple[str, ...]]:
    """English auxiliaries and "not" on pronouns, question words and verbs, with and without the apostrophe."""
    pairs = [(word, end) for words, ends in _SUBJECTS.items() for word in words.split() for end in ends.split()]
    pairs += [(word, "ve") for word in ("could", "might", "must", "should", "would", "not")]
    parts: dict[str, tuple[str, ...]] = {}
    for mark in (*_APOSTROPHES, ""):
        parts |= {f"{form}{mark}ma": (form, f"{mark}m", "a") for form in ("i", "I")}
        for word, ending in pairs:
            for form in (word, word.title()):
                parts[form + mark + ending] = (form, mark + ending)
                if ending in ("ll", "d"):
                    parts[f"{form}{mark}{ending}{mark}ve"] = (form, mark + ending, f"{mark}ve")
        for verb in _VERBS.split():
            for form in (verb, verb.title()):
                parts[f"{form}n{mark}t"] = (form, f"n{mark}t")
        for form in ("let", "Let"):
            if mark:
                parts[f"{form}{mark}s"] = (form, f"{mark}s")
    # with no apostrophe these are words of their own
    for word in _NO_CONTRACTIONS.split():
        parts.pop(word, None)
        parts.pop(word.title(), None)
    for word, cut in {"cannot": 3, "gonna": 3, "gotta": 3, "yall": 1}.items():
        for form in (word, word.title()) if word != "yall" else (word,):
            parts[form] = (form[:cut], form[cut:])
    for hour in range(1, 13):
        for half in ("am", "pm", "a.m.", "p.m."):
            parts[f"{hour}{half}"] = (str(hour), half)
    return parts


def _whole_words() -> set[str]:
    """Abbreviations, clipped words and emoticons that stay whole."""
    words = {*_ABBREVIATIONS.split(), *_EMOTICONS.split()}
    words.update(f"{letter}." for letter in ascii_lowercase)
    for mark in _APOSTROPHES:
        words.update(f"{mark}{word}" for word in ["", mark, *_CLIPPED_BEFORE.split()])
        words.update(f"{word}{mark}" for word in _CLIPPED_AFTER.split())
        words.update(
            f"{start}{mark}{end}" for start, end in (("ma", "am"), ("Ma", "am"), ("o", "clock"), ("O", "clock"))
        )
    return words


@inline
def find_special(special, value):  # type: ignore[no-untyped-def]
    """The packed cuts of a word with this hash; -1 when it is not in the table."""
    slot = np.int64(value & np.uint64(_TABLE - 1))
    while special.keys[slot] != np.uint64(0):
        if special.keys[slot] == value:
            return np.int64(special.cuts[slot])
        slot = slot + 1 & _TABLE - 1
    return np.int64(-1)


@jit
def special_at(data, start, end, special):  # type: ignore[no-untyped-def]
    """`find_special` of data[start:end]."""
    if end - start > _MAX_BYTES or end <= start:
        return -1
    return find_special(special, hash_token(data, start, end))
