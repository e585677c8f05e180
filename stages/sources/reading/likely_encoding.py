"""Which encoding makes the likeliest letters of bytes.

How often each language writes each character beyond ASCII stands in letters.json, counted by `python -m
benchmarks.encodings --write-letters` in half of the sentences of news of lingua-py (Apache-2.0), of the parallel
treebanks PUD (CC BY-SA 3.0) and of the Universal Declaration of Human Rights. An encoding is as
likely as its likeliest language: the probability of its characters one by one, small and great letters apart, signs
within words hardly ever, and letters beyond ASCII beside each other seldom where the alphabet is the Latin one.
"""

import json
import math
import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

_LETTERS = Path(__file__).with_name("letters.json")
_WESTERN = "fr de es pt it sv da nb fi nl is ca"
_CENTRAL = "pl cs sk hu sl hr ro"
_ONE_BYTE = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859-2": _CENTRAL,
    "cp1251": "ru uk bg sr mk be",
    "iso8859-5": "ru bg sr mk be",
    "koi8-r": "ru",
    "koi8-u": "uk",
    "cp1253": "el",
    "iso8859-7": "el",
    "cp1254": "tr",
    "cp1255": "he",
    "cp1256": "ar fa ur",
    "cp1257": "lt lv et",
    "cp1258": "vi",
    "cp874": "th",
}
_TWO_BYTES = {"gb18030": "zh", "big5hkscs": "zh-Hant", "cp932": "ja", "euc_jp": "ja", "cp949": "ko"}
CODECS = frozenset({*_ONE_BYTE, *_TWO_BYTES})
"""Python's names of the encodings that are compared."""
_BEFOREHAND = {"cp1252": 3.0, "cp1250": 1.5, "iso8859-2": 1.0, "cp1251": 1.0, "cp1257": -4.0}
"""Logarithms of how much more pages have an encoding than others; decides where there are only a few letters."""
_LATIN = {*_WESTERN.split(), *_CENTRAL.split(), "tr", "lt", "lv", "et"}
_BESIDE = {True: 0.04, False: 0.85}
"""The share of letters beyond ASCII that follow another, in languages of the Latin alphabet and of others."""
_VIETNAMESE_BESIDE = 0.3
_LOOKED_AT, _COMPARED = 1 << 18, 6144
_LONG_ASCII = re.compile(rb"([\0-\x7f]{2})[\0-\x7f]{12,}([\0-\x7f])")
"""Tags and scripts between letters; what stands beside a letter may be the second byte of one."""
_RARE, _UNDEFINED = 1e-5, 1e-6
_GREAT, _GREAT_WITHIN, _SIGN_WITHIN = 0.2, 0.05, 0.02
_RARE_OF_MANY = 3e-5
_FOREIGN = 0.03
"""The weight of what the other languages of an encoding write: names and foreign words."""
_WORD = np.array([c >= 128 or chr(c).isalpha() for c in range(256)])


def rate_encodings(data: bytes) -> dict[str, float]:
    """The mean logarithm of the probability of a byte over 127, by Python's name of the codec; of the first
    6 KiB without long runs of ASCII. Empty where all are ASCII."""
    head = _LONG_ASCII.sub(rb"\1 \2", data[:_LOOKED_AT])[:_COMPARED]
    array = np.frombuffer(head, np.uint8)
    places = np.flatnonzero(array >= 128)
    if not len(places):
        return {}
    padded = np.concatenate(([False], _WORD[array], [False]))
    within = padded[places] & padded[places + 2]
    counts = np.concatenate([np.bincount(array[places[chosen]] - 128, minlength=128) for chosen in (~within, within)])
    beside = int((np.diff(places) == 1).sum())
    names, table, alone_and_beside = _one_byte_table()
    sums = table @ counts + alone_and_beside @ np.array([len(places) - beside, beside])
    found: dict[str, float] = {}
    for name, total in zip(names, sums.tolist(), strict=True):
        found[name] = max(found.get(name, -math.inf), (total + _BEFOREHAND.get(name, 0.0)) / len(places))
    for name, language in _TWO_BYTES.items():
        found[name] = _rate_pairs(head, name, language) / len(places)
    return found


def _rate_pairs(head: bytes, codec: str, language: str) -> float:
    counts = _letters()[language]
    total = sum(counts.values())
    found = 0.0
    for character, count in Counter(head.decode(codec, "replace")).items():
        if ord(character) > 127:
            rare = _RARE_OF_MANY if character.isalpha() else _UNDEFINED
            share = counts.get(character, 0) / total if character != "\ufffd" else 0.0
            found += count * math.log(max(share * 0.9, rare if character != "\ufffd" else _UNDEFINED**2))
    return found


@lru_cache(1)
def _one_byte_table() -> tuple[list[str], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Codec of each row; log probability of each byte over 127 at the edge of words and within; of it following one
    below 128 and another over 127."""
    names, rows, beside = [], [], []
    for codec, languages in _ONE_BYTE.items():
        characters = bytes(range(128, 256)).decode(codec, "replace")
        shares = [_shares(_letters()[language]) for language in languages.split()]
        neighbours = Counter[str]()
        for share in shares:
            neighbours.update(share)
        for language, own in zip(languages.split(), shares, strict=True):
            counts = {c: own.get(c, 0.0) + _FOREIGN * neighbours[c] / len(shares) for c in neighbours}
            edge = [_share(character, counts, False) for character in characters]
            rows.append([math.log(share) for share in edge + [_share(c, counts, True) for c in characters]])
            follow = _VIETNAMESE_BESIDE if language == "vi" else _BESIDE[language in _LATIN]
            beside.append([math.log(1 - follow), math.log(follow)])
            names.append(codec)
    return names, np.array(rows), np.array(beside)


def _shares(counts: dict[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {character: count / total for character, count in counts.items()}


def _share(character: str, shares: dict[str, float], within: bool) -> float:
    if character == "\ufffd" or "\x80" <= character <= "\x9f":
        return _UNDEFINED**2
    small = character.lower()
    share = shares.get(small, 0.0) + _RARE
    if small != character:
        return share * (_GREAT_WITHIN if within else _GREAT)
    is_letter = character.isalpha() or "\u0300" <= character <= "\u036f" or "\u0e31" <= character <= "\u0e4e"
    return share * _SIGN_WITHIN if within and not is_letter else share


@lru_cache(1)
def _letters() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads(_LETTERS.read_text(encoding="utf-8"))
    return found
