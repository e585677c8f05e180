"""Personal data masked: e-mail addresses, IP addresses, telephone, identity and card numbers.

    - pii: {}

Adds `pii.emails`, `pii.ips`, `pii.identity_numbers`, `pii.cards`, `pii.phones` (uint32): how many were masked. Beyond
the kinds of Dolma (Soldaini et al. 2024, section 5.3) and FineWeb (Penedo et al. 2024, section 3.6) these are numbers
that have check digits; the rules are on the cautious side:

    e-mail      an address as browsers accept it (HTML standard, `input type=email`), with a dot in its domain, letters,
                digits and . _ % + & ' - before the at sign; no path of a URL, file name or remote path
    IP          IPv4 with two numbers of 10 or more (others are numbers of sections far more often: in German laws all
                of 112), IPv6 with three colons or more; not in reserved networks (IANA), which name nobody: 127.0.0.1,
                192.168.0.0/16, documentation
    identity    Chinese, of 18 characters with the check character, of 15 behind the word 身份证 (numbers.py)
    card        of an issuer, with the check digit
    telephone   international with a plus sign, of its country's length; North American: (555) 123-4567, 555-123-4567;
                Chinese: 138 1234 5678, 010-12345678 (phones.py)
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pydantic import Field

from dspipe.pipeline.stage import MapConfig
from dspipe.stages.pii.addresses import SUSPECT_EMAIL, SUSPECT_IP, mask_emails, mask_ips
from dspipe.stages.pii.numbers import SUSPECT_CARD, SUSPECT_IDENTITY, mask_cards, mask_identity_numbers
from dspipe.stages.pii.phones import SUSPECT_PHONE, mask_phones
from dspipe.stages.shared.rewriting import RewritingStage, rewrite_lines

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

# RE2, over whole columns
_NOTHING = r"[^\s\S]"


class Kind(NamedTuple):
    """What is masked: RE2 that every match of it has something of, and how a line is masked."""

    suspect: str
    mask: Callable[[str, str], tuple[str, int]]


# in the order in which they are masked: telephone numbers look most like others
KINDS = {
    "emails": Kind(SUSPECT_EMAIL, mask_emails),
    "ips": Kind(SUSPECT_IP, mask_ips),
    "identity_numbers": Kind(SUSPECT_IDENTITY, mask_identity_numbers),
    "cards": Kind(SUSPECT_CARD, mask_cards),
    "phones": Kind(SUSPECT_PHONE, mask_phones),
}


# most lines with a suspect have an at sign and few digits: this spares them the patterns of numbers
_OF_DIGITS = frozenset(("identity_numbers", "cards", "phones"))
_MANY_DIGITS = re.compile(r"\d(?:[ .()（）\-/\u00a0]{0,2}\d){7}")


class Config(MapConfig):
    """Settings of `pii`: what stands where something was masked; null leaves that kind alone."""

    emails: str | None = Field(default="[EMAIL]", description="in place of e-mail addresses")
    ips: str | None = Field(default="[IP]", description="in place of public IP addresses")
    phones: str | None = Field(default="[PHONE]", description="in place of telephone numbers")
    identity_numbers: str | None = Field(default="[ID]", description="in place of Chinese identity numbers")
    cards: str | None = Field(default="[CARD]", description="in place of numbers of bank cards")


class Pii(RewritingStage[Config]):
    """Masks personal data."""

    Config = Config

    def counted(self) -> tuple[str, ...]:
        """A column for each kind, `pii.emails` and so on."""
        return tuple(KINDS)

    def suspects(self, texts: "pa.Array") -> "pa.Array":
        """Documents with an at sign, three dots between numbers, two colons, a plus before a digit, and the like."""
        import pyarrow.compute as pc

        return pc.match_substring_regex(texts, self._pattern())

    def rewrite(self, texts: "pa.Array") -> "tuple[pa.Array, list[npt.NDArray[np.uint32]]]":
        """Masks what is found, line by line."""
        return rewrite_lines(texts, self._pattern(), self.mask, len(KINDS))

    def _pattern(self) -> str:
        return "|".join(KINDS[name].suspect for name, _ in self._masks) or _NOTHING

    @cached_property
    def _masks(self) -> list[tuple[str, str]]:
        masks = ((name, getattr(self.config, name)) for name in KINDS)
        return [(name, mask) for name, mask in masks if mask is not None]

    def mask(self, text: str) -> tuple[str, tuple[int, ...]]:
        """The text with its masks, and how many of each kind they stand for."""
        found = dict.fromkeys(KINDS, 0)
        numbers = _MANY_DIGITS.search(text) is not None
        for name, mask in self._masks:
            if numbers or name not in _OF_DIGITS:
                text, found[name] = KINDS[name].mask(text, mask)
        return text, tuple(found.values())
