"""Telephone numbers: international ones with a plausible length for their country, North American and Chinese ones.

A sign and many digits are no telephone number yet: coordinates, sums and large numbers look alike. So a number must
have a calling code that is in use, as many digits as that country's numbers have (ITU-T E.164 and the national plans
listed with it), and groups as they are written: no group of zeros, the calling code in one piece, no decimal point.
"""

import re

_CHINA = r"(?<![\w+./=@#$\-])(?:(?:\(86\)|0086|86)[ -]?)?"
_CHINESE_AREA = r"0(?:10|2[0-57-9]|[3-9]\d\d)"
_CHINESE_MOBILE = r"1[3-9]\d(?:\d{8}|(?P<gap>[ -])\d{4}(?P=gap)\d{4})"
_PHONE = re.compile(
    r"(?P<international>(?<![\w+.\-])\+[1-9](?:(?:[ .\-/\u00a0]|[ \u00a0]?\(|\)[ -]?)?\d){6,14})(?![\w-]|[.,/]\d)"
    r"|(?<![\w+.-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[.-]\d{4}(?![\w-]|[.,/]\d)"
    rf"|{_CHINA}{_CHINESE_MOBILE}(?![\w-]|[.,]\d)"
    rf"|{_CHINA}(?:{_CHINESE_AREA}-|[(（]{_CHINESE_AREA}[)）] ?)"
    r"[2-8]\d{6,7}(?:(?:-|转)\d{1,5})?(?![\w-]|[.,/]\d)",
    re.ASCII,
)
_GAPS = (" ", "\u00a0", "/")
_DECIMAL = re.compile(r"\+\d+\.\d+")
_CALLED = re.compile(r"(?:phone|tel|fax|mobile|call|电话|传真|手机)[^+\n]{0,20}$", re.I)
"""What stands before a number with one point, as registries of domains write them (RFC 5733)."""

# digits of the national number by calling code
_LENGTHS = """
1:10 7:10 20:8-10 27:9 30:10 31:9 32:8-9 33:9 34:9 36:8-9 39:6-11 40:9 41:9-10 43:6-13 44:9-10 45:8 46:7-10 47:8 48:9
49:7-12 51:8-9 52:10-11 53:6-8 54:10-11 55:10-11 56:9 57:8-10 58:10 60:8-10 61:9 62:8-12 63:8-10 64:8-10 65:8 66:8-9
81:9-10 82:8-10 84:9-10 86:9-11 90:10 91:10 92:9-10 93:9 94:9 95:7-10 98:10
"""
_THREE_DIGITS = """
211-213 216 218 220-258 260-269 290-291 297-299 350-359 370-378 380-383 385-387 389 420-421 423 500-509 590-599 670
672-683 685-692 850 852-853 855-856 870 880 883 886 888 960-968 970-977 992-996 998
"""
_OTHER_LENGTHS = range(6, 11)


def _lengths() -> dict[str, range]:
    table = {}
    for entry in _LENGTHS.split():
        code, _, lengths = entry.partition(":")
        shortest, _, longest = lengths.partition("-")
        table[code] = range(int(shortest), int(longest or shortest) + 1)
    for entry in _THREE_DIGITS.split():
        first, _, last = entry.partition("-")
        table |= {str(code): _OTHER_LENGTHS for code in range(int(first), int(last or first) + 1)}
    return table


_LENGTHS_OF_CODE = _lengths()

# RE2, over whole columns: what every match of the patterns above has. Longer patterns take a third more time
SUSPECT_PHONE = r"\+[1-9]|[0-9]{3}[.-][0-9]{4}|[0-9]{11}|[0-9]{4}[ -][0-9]{4}|[0-9][-)）] ?[0-9]{7}"


def mask_phones(text: str, mask: str) -> tuple[str, int]:
    """The text with `mask` in place of telephone numbers, and how many."""
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        number: str = match["international"] or ""
        before = text[max(0, match.start() - 40) : match.start()] if number else ""
        # behind a telephone number, another number may follow
        while number and not _is_plausible(number, before):
            number = number[: max(map(number.rfind, _GAPS))] if any(map(number.count, _GAPS)) else ""
        if not number and match["international"]:
            return match[0]
        count += 1
        return mask + match[0][len(number) :] if number else mask

    return _PHONE.sub(replace, text), count


def _is_plausible(number: str, before: str) -> bool:
    """Whether a number with a plus sign has the shape of a telephone number."""
    trunk = number.replace("(0)", "")
    digits = re.sub(r"\D", "", trunk)
    code = next((digits[:size] for size in (1, 2, 3) if digits[:size] in _LENGTHS_OF_CODE), "")
    national = digits[len(code) :]
    if not code or len(national) not in _LENGTHS_OF_CODE[code]:
        return False
    if national[0] == "0" and code != "39":  # Italy alone keeps its trunk's zero
        return False
    if code == "1" and not re.fullmatch(r"[2-9]\d\d[2-9]\d{6}", national):
        return False
    groups = re.findall(r"\d+", trunk)
    if len(groups) > 1 and (len(groups[0]) > len(code) + 4 or any(set(group) == {"0"} for group in groups[1:3])):
        return False
    if len(groups) > 1 and len(groups[0]) < len(code):
        return False
    return not _DECIMAL.fullmatch(number) or (groups[0] == code and _CALLED.search(before) is not None)
