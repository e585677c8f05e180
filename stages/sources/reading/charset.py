"""Bytes in an unknown or wrongly named encoding to text."""

import codecs
import re
from collections.abc import Callable

from dspipe.stages.sources.reading.batches import clean_text, clean_utf8

# UTF-32 first, whose mark begins like that of UTF-16
_MARKS = {
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_LOOKED_AT = 8192
_FEW_ZEROS, _MANY_ZEROS = 0.02, 0.5
# what is named so on the web is more often the larger set (WHATWG Encoding, section 4.2)
_LARGER = {"gbk": "gb18030", "gb2312": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs"}
_ISO_2022 = {"iso-2022-jp": "iso2022_jp_2", "iso-2022-kr": "iso2022_kr"}
_CENTRAL = ("cp1250", "iso8859-2")
_ODD_IN_WORD = re.compile(r"[\x80-\x9f]|(?<=[^\W\d_])[\u00a0-\u00bf\u02c7-\u02dd\u2010-\u2122](?=[^\W\d_])")
_HIGH = bytes(range(128, 256))


def decode(data: bytes, declared: str | None = None, html: bool = False) -> str:
    """The text in `data`, valid and without NUL.

    In this order: a byte order mark; UTF-16 or UTF-32 where zeros stand as they do in those; UTF-8 where all bytes are
    valid, whatever is declared (other encodings are hardly ever valid UTF-8 by chance, while pages are often moved to
    UTF-8 and keep their old declaration); the `declared` encoding; that of the `<meta>` of an HTML page; the likeliest
    by statistics. The first that fits but for one byte in a hundred of those over 127 is taken, else the one that fits
    best; what doesn't fit becomes U+FFFD.
    """
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return clean_text(data[len(mark) :].decode(encoding, "replace"))
    wide = wide_encoding(data[:_LOOKED_AT])
    if wide is not None:
        return clean_text(data.decode(wide, "replace"))
    escaped = _has_escapes(data)
    if not escaped:
        try:
            return clean_text(data.decode())
        except UnicodeDecodeError:
            pass
    return clean_text(_best_fit(data, declared, html, escaped).removeprefix("\ufeff"))


def clean_if_utf8(data: bytes | bytearray) -> bytearray | None:
    """The text that `decode` finds as UTF-8, where it would take all of `data` for that: a string of it may need four
    times its memory."""
    if data.startswith(tuple(mark for mark, name in _MARKS.items() if name != "utf-8")) or _has_escapes(data):
        return None
    if wide_encoding(bytes(data[:_LOOKED_AT])) is not None:
        return None
    try:
        return clean_utf8(data, "strict")
    except UnicodeDecodeError:
        return None


def is_clean_utf8(data: bytes) -> bool:
    """Whether `decode` takes `data` for UTF-8, all of it, and changes nothing."""
    if b"\0" in data or data.startswith(tuple(_MARKS)) or _has_escapes(data):
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, where the zeros of what begins with `head` stand as in text of an alphabet."""
    if b"\0" not in head or len(head) < 8:
        return None
    quarter = len(head) // 4
    zeros = [head[place : 4 * quarter : 4].count(0) / quarter for place in range(4)]
    if zeros[2] == zeros[3] == 1 and zeros[0] < _FEW_ZEROS:
        return "utf-32-le"
    if zeros[0] == zeros[1] == 1 and zeros[3] < _FEW_ZEROS:
        return "utf-32-be"
    if min(zeros[1], zeros[3]) > _MANY_ZEROS and max(zeros[0], zeros[2]) < _FEW_ZEROS:
        return "utf-16-le"
    if min(zeros[0], zeros[2]) > _MANY_ZEROS and max(zeros[1], zeros[3]) < _FEW_ZEROS:
        return "utf-16-be"
    return None


def _has_escapes(data: bytes | bytearray) -> bool:
    """Whether there are escape sequences of ISO-2022, which are valid UTF-8 too."""
    return b"\x1b$" in data or b"\x1b(" in data


def _best_fit(data: bytes, declared: str | None, html: bool, escaped: bool) -> str:
    from resiliparse.parse.encoding import detect_encoding

    guesses: list[Callable[[], str | None]] = [
        lambda: "utf-8",
        lambda: declared,
        lambda: _of_central_europe(data, detect_encoding(data, from_html_meta=True)) if html else None,
        lambda: _of_central_europe(data, detect_encoding(data)),
        lambda: "euc-kr" if _looks_korean(data) else None,
        lambda: "windows-1252",
    ]
    if escaped:
        # ISO-2022 writes everything in ASCII, so anything fits
        guesses = [lambda: "iso-2022-kr" if b"\x1b$)C" in data else "iso-2022-jp", *guesses]
    high = len(data) - len(data.translate(None, _HIGH))
    best, fewest = "", len(data) + 1
    for guess in guesses:
        codec = _codec(guess())
        if codec is None:
            continue
        text = data.decode(codec, "replace")
        misfits = text.count("\ufffd")
        if misfits < fewest:
            best, fewest = text, misfits
        if misfits * 100 <= high:
            break
    return best


def _of_central_europe(data: bytes, guess: str | None) -> str | None:
    """The guess, except that of ISO-8859-2 and windows-1250, which the detector mixes up, it is the one that makes
    fewer control characters, and fewer signs within words: the two differ in letters alone."""
    if guess is None or _codec(guess) not in (*_CENTRAL, "iso8859-16"):
        return guess
    return min((guess, *_CENTRAL), key=lambda name: len(_ODD_IN_WORD.findall(data.decode(name, "replace"))))


def _looks_korean(data: bytes) -> bool:
    """Whether the bytes are Hangul in EUC-KR, which the detector doesn't know.

    Chinese in GBK has the same bytes, but a third of its characters would be no Hangul.
    """
    others = [character for character in data.decode("cp949", "replace") if ord(character) > 127]
    return sum("\uac00" <= character <= "\ud7a3" for character in others) > 0.9 * len(others)


def _codec(name: str | None) -> str | None:
    """Python's codec for an encoding name from the web; null for names that no browser knows."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    name = (name or "").strip(" \t\"'").lower()
    if name in _ISO_2022:
        return _ISO_2022[name]
    mapped = map_encoding_to_html5(name, False) if name else None
    return None if mapped is None else codecs.lookup(_LARGER.get(mapped, mapped)).name
