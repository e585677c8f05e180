"""Bytes in an unknown or wrongly named encoding to text."""

import codecs
import re
from collections.abc import Callable
from unicodedata import category

from dspipe.stages.sources.reading.batches import clean_text, clean_utf8
from dspipe.stages.sources.reading.likely_encoding import CODECS, rate_encodings

# UTF-32 first, whose mark begins like that of UTF-16
_MARKS = {
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_LOOKED_AT = 8192
_FEW_ZEROS, _SOME_ZEROS, _MANY_ZEROS = 0.02, 0.04, 0.5
_NO_TEXT = {"Cc", "Cn", "Co", "Cs"}
# what is named so on the web is more often the larger set (WHATWG Encoding, section 4.2)
_LARGER = {"gbk": "gb18030", "gb2312": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs"}
_LARGER |= dict.fromkeys(("tis-620", "iso-8859-11", "iso8859-11", "windows-874"), "cp874")
_ISO_2022 = {"iso-2022-jp": "iso2022_jp_2", "iso-2022-kr": "iso2022_kr"}
_META = re.compile(rb"<meta[^>]*?charset\s*=\s*[\"']?\s*([a-z0-9_:.-]+)", re.IGNORECASE)
# misfits among bytes over 127: text in another encoding is never valid UTF-8 but for a tenth
_BROKEN_UTF8 = 10
# logarithms of probabilities: of each byte over 127, and of them all
_LIKELY, _FAR_LIKELIER, _SURE = -5.5, 1.0, 15.0
_HIGH = bytes(range(128, 256))


def decode(data: bytes, declared: str | None = None, html: bool = False) -> str:
    """The text in `data`, valid and without NUL.

    In this order: a byte order mark; UTF-16 or UTF-32 where zeros stand as they do in those; UTF-8 where all bytes are
    valid, or all but one in ten of those over 127, whatever is declared (other encodings are hardly ever valid UTF-8 by
    chance, while pages are often moved to UTF-8 and keep their old declaration); the `declared` encoding; that of the
    `<meta>` of an HTML page, neither where another makes far likelier letters (likely_encoding.py); the one that makes
    the likeliest. The first that fits but for one byte in a hundred of those over 127 is taken, else the one that fits
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
    """UTF-16 or UTF-32 without a mark, where the zeros of what begins with `head` stand as in text of an alphabet, or
    as in text with some ASCII where all is valid and made of known characters."""
    if b"\0" not in head or len(head) < 8:
        return None
    quarter = len(head) // 4
    zeros = [head[place : 4 * quarter : 4].count(0) / quarter for place in range(4)]
    if zeros[2] == zeros[3] == 1 and zeros[0] < _FEW_ZEROS:
        return "utf-32-le"
    if zeros[0] == zeros[1] == 1 and zeros[3] < _FEW_ZEROS:
        return "utf-32-be"
    for name, with_zeros, without in (("utf-16-le", zeros[1::2], zeros[::2]), ("utf-16-be", zeros[::2], zeros[1::2])):
        least, most = min(with_zeros), max(without)
        if least > _MANY_ZEROS and most < _FEW_ZEROS:
            return name
        if least > max(_SOME_ZEROS, 2 * most) and _known_characters(head[: 4 * quarter], name):
            return name
    return None


def _known_characters(head: bytes, encoding: str) -> bool:
    """Whether the bytes are valid, and no character is a control, unassigned or for private use."""
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    return not any(
        (category(character) in _NO_TEXT or character == "\ufffd") and character not in "\t\n\f\r"
        for character in {*text}
    )


def _has_escapes(data: bytes | bytearray) -> bool:
    """Whether there are escape sequences of ISO-2022, which are valid UTF-8 too."""
    return b"\x1b$" in data or b"\x1b(" in data


def _best_fit(data: bytes, declared: str | None, html: bool, escaped: bool) -> str:
    from resiliparse.parse.encoding import detect_encoding

    high = len(data) - len(data.translate(None, _HIGH))
    text = data.decode("utf-8", "replace")
    if not escaped and text.count("\ufffd") * _BROKEN_UTF8 <= high:
        return text
    rates = rate_encodings(data)
    likeliest = max(rates, key=lambda name: rates[name], default=None)
    guesses: list[Callable[[], str | None]] = [
        lambda: _unless_unlikely(declared, rates, high),
        lambda: _unless_unlikely(_of_meta(data), rates, high) if html else None,
        lambda: likeliest if likeliest is not None and rates[likeliest] > _LIKELY else None,
        lambda: detect_encoding(data),
        lambda: "windows-1252",
    ]
    if escaped:
        # ISO-2022 writes everything in ASCII, so anything fits
        guesses = [lambda: "iso-2022-kr" if b"\x1b$)C" in data else "iso-2022-jp", *guesses]
    best, fewest = text, len(data) + 1 if escaped else text.count("\ufffd")
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


def _of_meta(data: bytes) -> str | None:
    """The encoding that a page declares in its first 4 KiB; browsers look at 1 KiB."""
    found = _META.search(data[:4096])
    return None if found is None else found[1].decode("ascii")


def _unless_unlikely(name: str | None, rates: dict[str, float], high: int) -> str | None:
    """A declared encoding, unless what comes out is far less likely than what another makes of the bytes."""
    rate = rates.get(_codec(name) or "")
    if rate is None:
        return name
    best = max(rates.values())
    return None if best > _LIKELY and best - rate > _FAR_LIKELIER and (best - rate) * high > _SURE else name


def _codec(name: str | None) -> str | None:
    """Python's codec for an encoding name from the web; null for names that no browser knows."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    name = (name or "").strip(" \t\"'").lower()
    if name in _ISO_2022:
        return _ISO_2022[name]
    if name in CODECS:
        return name
    mapped = map_encoding_to_html5(name, False) if name else None
    return None if mapped is None else codecs.lookup(_LARGER.get(mapped, mapped)).name
