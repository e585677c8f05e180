"""Encodings that nobody declared, against the texts that were encoded."""

import pytest

from dspipe.stages.sources.reading.charset import clean_if_utf8, decode, wide_encoding

CZECH = "Vláda schválila návrh zákona o ochraně přírody, že těžba uhlí skončí; šéf strany řekl, že ťuhýk ještě žije."
POLISH = "Zażółć gęślą jaźń. Rząd przyjął projekt ustawy o ochronie środowiska, która wejdzie w życie w październiku."
SLOVENE = "Vlada je sprejela predlog zakona, ki začne veljati že v začetku leta. Čeprav šola še ni končana, so žejni."
HUNGARIAN = "Az Európai Unió országaiban őszi időjárás várható, hűvös éjszakák. Öt szép szűzlány őrült írót nyúz."


@pytest.mark.parametrize("encoding", ["iso8859-2", "cp1250"])
@pytest.mark.parametrize("text", [CZECH, POLISH, SLOVENE, HUNGARIAN])
@pytest.mark.parametrize("html", [False, True])
def test_central_european_text(text: str, encoding: str, html: bool) -> None:
    page = f"<html><body><p>{text}</p></body></html>" if html else text
    assert decode(page.encode(encoding), html=html) == page


def test_french_and_german_stay_what_they_are() -> None:
    for text in ("Où êtes-vous allé pendant les vacances d’été ?", "Größere Städte müssen für Übergänge sorgen."):
        assert decode(text.encode("cp1252")) == text


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [CZECH, "plain ASCII text"])
def test_wide_encodings_with_and_without_a_mark(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    assert decode(data) == text
    assert clean_if_utf8(data) is None


def test_big_endian_marks() -> None:
    for encoding, mark in (("utf-32-be", b"\0\0\xfe\xff"), ("utf-16-be", b"\xfe\xff")):
        assert decode(mark + CZECH.encode(encoding)) == CZECH


@pytest.mark.parametrize(
    "data", [b"text with one \0 zero in it, and more", bytes(64), b"a\0\0\0b", b"\0" * 9 + b"text" * 9]
)
def test_other_zeros_are_no_wide_encoding(data: bytes) -> None:
    assert wide_encoding(data) is None
