"""Hosts in their ASCII form, against Python's own IDNA where names are ordinary."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.urls.hosts import ascii_host


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("straße.de", "xn--strae-oqa.de"),
        ("ΣΟΦΌΣ.gr", "xn--0xahbl4a.gr"),
        ("ｅｘａｍｐｌｅ．com", "example.com"),
        ("ex%61mple.com", "example.com"),
        ("a%2Fb.com", "a%2Fb.com"),
        ("%ff.com", "%ff.com"),
        (f"{'é' * 64}.com", f"{'é' * 64}.com"),
        ("", ""),
    ],
)
def test_ascii_host(host: str, wanted: str) -> None:
    assert ascii_host(host.encode()) == wanted.encode()


@pytest.mark.parametrize(
    "host", ["Bücher.example", "ΣΟΦΌΣ.gr", "中国。中国", "привет.мир", "ｆｕｌｌ．ｗｉｄｔｈ", "日本語.jp"]
)
def test_ascii_host_is_idna_for_ordinary_names(host: str) -> None:
    assert ascii_host(host.encode()) == host.encode("idna").lower()


@settings(deadline=None)
@given(st.binary(max_size=30))
def test_any_host(host: bytes) -> None:
    made = ascii_host(host)
    assert made == host or made.isascii()
