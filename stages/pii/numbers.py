"""Numbers of identity cards and bank cards, which their check digits tell from other numbers.

identity    of China: 18 characters (GB 11643-1999) with a province (GB/T 2260), a date and the check character of
            ISO 7064 MOD 11-2; the old 15 digits have no check, so they need 身份证 before them in the line
card        13 to 19 digits (ISO/IEC 7812) of an issuer with the length that its cards have, and Luhn's check digit
"""

import datetime
import re

from dspipe.stages.pii.matches import mask_matches

_IDENTITY = re.compile(
    r"(?<![A-Za-z0-9_.])(?:([1-9]\d{5})((?:19|20)\d{2}[01]\d[0-3]\d)\d{3}[\dXx]|([1-9]\d{5})(\d\d[01]\d[0-3]\d)\d{3})"
    r"(?![A-Za-z0-9_]|\.\d)",
    re.ASCII,
)
_PROVINCES = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83"
_WEIGHTS = [pow(2, 17 - place, 11) for place in range(17)]
_NAMED = "身份证", "身份號", "身份号"

_CARD = re.compile(
    r"(?<![A-Za-z0-9_.+\-])(?:\d{14,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5})"
    r"(?![A-Za-z0-9_-]|[.,]\d)",
    re.ASCII,
)
# the first digits of issuers and how long their numbers are: Visa, Mastercard, American Express, Discover, JCB, Diners
# Club, UnionPay
_ISSUERS = re.compile(
    r"4\d{15}|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|(?:6011|64[4-9]\d|65\d\d|35(?:2[89]|[3-8]\d))\d{12}|(?:30[0-5]|36\d|3[89]\d)\d{11}|62\d{14,17}",
    re.ASCII,
)

# RE2, over whole columns: what every match of the patterns above has
SUSPECT_IDENTITY = "[0-9]{11}"
SUSPECT_CARD = "[0-9]{11}|[0-9]{4}[ -][0-9]{4}"


def mask_identity_numbers(text: str, mask: str) -> tuple[str, int]:
    """The text with `mask` in place of identity numbers, and how many."""
    return mask_matches(_IDENTITY, text, mask, _is_identity)


def mask_cards(text: str, mask: str) -> tuple[str, int]:
    """The text with `mask` in place of numbers of bank cards, and how many."""
    return mask_matches(_CARD, text, mask, _is_card)


def has_luhn_digit(digits: str) -> bool:
    """Whether the last digit is Luhn's check digit (ISO/IEC 7812-1, annex B)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def has_identity_digit(number: str) -> bool:
    """Whether the last of 18 characters is the check character of ISO 7064 MOD 11-2."""
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number, strict=False))
    return "10X98765432"[total % 11] == number[17].upper()


def _is_identity(match: re.Match[str]) -> bool:
    area, date, old_area, old_date = match.groups()
    if (area or old_area)[:2] not in _PROVINCES.split() or not _is_date(date or "19" + old_date):
        return False
    if area:
        return has_identity_digit(match[0])
    before = match.string[max(0, match.start() - 30) : match.start()]
    return any(name in before for name in _NAMED)


def _is_card(match: re.Match[str]) -> bool:
    digits = re.sub("[ -]", "", match[0])
    return _ISSUERS.fullmatch(digits) is not None and has_luhn_digit(digits) and len(set(digits)) > 3


def _is_date(digits: str) -> bool:
    try:
        datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True
