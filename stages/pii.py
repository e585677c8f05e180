"""Personal data masked: e-mail addresses, IP addresses, telephone numbers.

    - pii: {}

Adds `pii.emails`, `pii.ips`, `pii.phones` (uint32): how many were masked. The kinds are those of Dolma (Soldaini et al.
2024, section 5.3) and FineWeb (Penedo et al. 2024, section 3.6); the rules are on the cautious side:

    e-mail      an address as browsers accept it (HTML standard, `input type=email`), with a dot in its domain
    IP          IPv4 with two numbers of 10 or more (others are numbers of sections far more often: in German laws all
                of 112), IPv6 with three colons or more; not in reserved networks (IANA), which name nobody: 127.0.0.1,
                192.168.0.0/16, documentation
    telephone   international with a plus sign, 8 to 15 digits (E.164), or North American: (555) 123-4567, 555-123-4567
"""

import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field

from dspipe.pipeline.stage import MapConfig
from dspipe.stages.shared.rewriting import RewritingStage, rewrite_lines

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

_ATOM = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# the lengths are those of RFC 5321 section 4.5.3.1, and keep the search linear
_EMAIL = re.compile(rf"(?<![A-Za-z0-9]){_ATOM}{{1,64}}@{_LABEL}(?:\.{_LABEL}){{0,8}}\.[A-Za-z]{{2,24}}(?![A-Za-z0-9-])")
_NUMBER = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"(?<![\w.]){_NUMBER}(?:\.{_NUMBER}){{3}}(?!\.?\w)", re.ASCII)
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{1,4}(?![\w:])", re.ASCII)
_PHONE = re.compile(
    r"(?<![\w+.-])(?:"
    r"\+[1-9](?:[ .\-/]?\(?\d\)?){7,14}"
    r"|(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[.-])[2-9]\d\d[.-]\d{4}"
    r")(?![\w-]|[.,/]\d)",
    re.ASCII,
)
# RE2, over whole columns: what every match of the patterns above has
_NOTHING = r"[^\s\S]"
_SUSPECT_EMAIL = "@[A-Za-z0-9]"
_SUSPECT_IP = r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:"
_SUSPECT_PHONE = r"\+[1-9]|[2-9][0-9]{2}\)? ?[.-]?[2-9][0-9]{2}[.-][0-9]{4}"


class Config(MapConfig):
    """Settings of `pii`: what stands where something was masked; null leaves that kind alone."""

    emails: str | None = Field(default="[EMAIL]", description="in place of e-mail addresses")
    ips: str | None = Field(default="[IP]", description="in place of public IP addresses")
    phones: str | None = Field(default="[PHONE]", description="in place of telephone numbers")


class Pii(RewritingStage[Config]):
    """Masks personal data."""

    Config = Config

    def counted(self) -> tuple[str, ...]:
        """`pii.emails`, `pii.ips`, `pii.phones`."""
        return ("emails", "ips", "phones")

    def suspects(self, texts: "pa.Array") -> "pa.Array":
        """Documents with an at sign, three dots between numbers, two colons, a plus before a digit, and the like."""
        import pyarrow.compute as pc

        return pc.match_substring_regex(texts, self._pattern())

    def rewrite(self, texts: "pa.Array") -> "tuple[pa.Array, list[npt.NDArray[np.uint32]]]":
        """Masks what is found, line by line."""
        return rewrite_lines(texts, self._pattern(), self.mask, len(self.counted()))

    def _pattern(self) -> str:
        kinds = (
            (self.config.emails, _SUSPECT_EMAIL),
            (self.config.ips, _SUSPECT_IP),
            (self.config.phones, _SUSPECT_PHONE),
        )
        return "|".join(pattern for mask, pattern in kinds if mask is not None) or _NOTHING

    def mask(self, text: str) -> tuple[str, tuple[int, int, int]]:
        """The text with its masks, and how many e-mail addresses, IP addresses and telephone numbers they stand for."""
        emails = ips = phones = 0
        if self.config.emails is not None and "@" in text:
            text, emails = _EMAIL.subn(_constant(self.config.emails), text)
        if self.config.ips is not None:
            text, ips = _replace_public(_IPV4, text, self.config.ips)
            if text.count(":") > 2:
                text, more = _replace_public(_IPV6, text, self.config.ips)
                ips += more
        if self.config.phones is not None:
            text, phones = _PHONE.subn(_constant(self.config.phones), text)
        return text, (emails, ips, phones)


def _constant(mask: str) -> Callable[[re.Match[str]], str]:
    return lambda _: mask


def _replace_public(pattern: re.Pattern[str], text: str, mask: str) -> tuple[str, int]:
    count = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal count
        address = match[0]
        if ":" not in address and sum(len(number) > 1 for number in address.split(".")) < 2:
            return address
        try:
            public = ipaddress.ip_address(address).is_global
        except ValueError:
            public = False
        count += public
        return mask if public else address

    return pattern.sub(replace, text), count
