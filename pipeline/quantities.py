"""Numbers as people write them in a config: 24e9, 2B, 2e12, 64MB, 2GiB, 30min."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_THOUSANDS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12, "P": 10**15}
_BYTES = {
    "": 1,
    **{letter: 1000**power for power, letter in enumerate("KMGTP", 1)},
    **{f"{letter}I": 1024**power for power, letter in enumerate("KMGTP", 1)},
}
_NUMBER = re.compile(r"([0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)\s*([a-zA-Z]*)")


def parse_count(value: Any) -> Any:
    """A whole number from 24e9, "24e9", "2B" (two billion) or "64K"; other numbers are left for pydantic to refuse.
    Raises ValueError."""
    return _whole(_scaled(value, _THOUSANDS, "a number like 4096, 2e9 or 2B (two billion)"))


def parse_size(value: Any) -> Any:
    """A number of bytes from 24e9, "64MB", "64M" or "2GiB"; other numbers are left for pydantic to refuse. Raises
    ValueError, for "2B" too: two bytes, or two billion?"""
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value.strip())) and match[2].upper() == "B":
        raise ValueError(f"expected a size with its unit, not {value!r}: {match[1]}GB or {match[1]}GiB, perhaps")
    if isinstance(value, str) and re.fullmatch(r".*[kKmMgGtTpP][iI]?[bB]", value.strip()):
        return _whole(_scaled(value.strip()[:-1], _BYTES, "a size like 64MB or 2GiB", value))
    return _whole(_scaled(value, _BYTES, "a size like 64MB or 2GiB"))


def _scaled(value: Any, scale: dict[str, int], wanted: str, written: str | None = None) -> Any:
    if not isinstance(value, str):
        return value
    match = _NUMBER.fullmatch(value.strip())
    if match is None or match[2].upper() not in scale:
        raise ValueError(f"expected {wanted}, not {written or value!r}")
    return float(match[1].replace("_", "")) * scale[match[2].upper()]


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


COUNT_PATTERN = r"^[0-9][0-9_]*(\.[0-9]*)?([eE][+-]?[0-9]+)?\s*[kKmMgGbBtTpP]?$"
SIZE_PATTERN = r"^[0-9][0-9_]*(\.[0-9]*)?([eE][+-]?[0-9]+)?\s*([kKmMgGtTpP][iI]?[bB]?)?$"

CountOf = BeforeValidator(parse_count, json_schema_input_type=float | Annotated[str, Field(pattern=COUNT_PATTERN)])
"""For a number, whole or not, that may be written like 2e9 or 2B."""
SizeOf = BeforeValidator(parse_size, json_schema_input_type=float | Annotated[str, Field(pattern=SIZE_PATTERN)])
"""For a number of bytes that may be written like 64MB or 2GiB."""

Count = Annotated[int, CountOf, Field(ge=0)]
"""A whole number; 2e12, "2T" and "2B" are fine."""

ByteSize = Annotated[int, SizeOf, Field(gt=0)]
"""A number of bytes; 64MB and 2GiB are fine."""


SECONDS_PATTERN = r"^[0-9]+(\.[0-9]*)?\s*(s|min|h)?$"


def parse_seconds(value: Any) -> Any:
    """Seconds from 90, "90s", "30min" or "2h"; other numbers are left for pydantic to refuse. Raises ValueError."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(SECONDS_PATTERN, value.strip()):
        raise ValueError(f"expected a time like 90s, 30min or 2h, not {value!r}")
    number, unit = re.split(r"\s*(?=s|min|h|$)", value.strip(), maxsplit=1)
    return float(number) * {"": 1, "s": 1, "min": 60, "h": 3600}[unit]


SecondsOf = BeforeValidator(
    parse_seconds, json_schema_input_type=float | Annotated[str, Field(pattern=SECONDS_PATTERN)]
)
"""For a time in seconds that may be written like 90s or 30min."""

Seconds = Annotated[float, SecondsOf, Field(gt=0)]
"""A time in seconds; "30min" and "2h" are fine."""


def count_of(number: int, what: str) -> str:
    """1 -> '1 worker', 4096 -> '4,096 workers'."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def human_number(value: float) -> str:
    """12345.6 -> '12,346', 0.00321 -> '0.00321', 1e300 -> '1e+300': four digits that count, or all before the point of
    a number that has up to fifteen."""
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1e15 else f"{value:.4g}"


def human_bytes(count: float) -> str:
    """1536 -> '1.5 kB' (powers of 1000)."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(count) < 1000 or unit == "TB":
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    raise AssertionError


def human_seconds(seconds: float) -> str:
    """3700 -> '1h02m'."""
    if seconds < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{seconds:.0f}s"
    if seconds < 3600:
        return f"{int(seconds // 60)}m{int(seconds % 60):02d}s"
    return f"{int(seconds // 3600)}h{int(seconds % 3600 // 60):02d}m"
