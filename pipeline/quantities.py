"""Numbers as people write them in a config: 24e9, 2e12, 64MB, 2GiB, 30min."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_SCALE = {
    "": 1,
    "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15,
    "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40, "PI": 2**50,
}  # fmt: skip
_NUMBER = re.compile(r"([0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)\s*([kKmMgGtTpP]?[iI]?)[bB]?")


def parse_count(value: Any) -> Any:
    """A whole number from 24e9, "24e9", "64MB" or "2GiB"; other values are left for pydantic to refuse."""
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value.strip())):
        value = float(match[1].replace("_", "")) * _SCALE[match[2].upper()]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


Count = Annotated[int, BeforeValidator(parse_count), Field(ge=0)]
"""A whole number; 2e12 and "2T" are fine."""

ByteSize = Annotated[int, BeforeValidator(parse_count), Field(gt=0)]
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
