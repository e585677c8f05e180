"""Look-ups in block lists and their keys (kernels/urls/keys.py), against a plain Python account of what blocks what."""

import re
import string

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.jit import INTERPRETED
from dspipe.kernels.urls.keys import KINDS
from dspipe.kernels.urls.lists import Table, blocked_by, build_table, entry_keys


def table(domains: str = "", urls: str = "", words: str = "") -> Table:
    lists = zip((domains, urls, words), KINDS, strict=True)
    return build_table([entry_keys(lines.encode(), kind) for lines, kind in lists])


def verdicts(urls: list[str], lists: Table) -> list[str | None]:
    found = blocked_by(*text_buffers(pa.array(urls, pa.string())), lists)
    return [None if kind == 0 else KINDS[kind - 1] for kind in found]


LISTS = table(
    "example.com\nxxx.org\r\n# other.net\n\n[2001:db8::7]\n",
    "site.com/bad/\nwww.q.com/a?b=1",
    "casino\npoker\ntwo words",
)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://example.com/", "domain"),
        ("https://WWW.Example.COM:8080/x", "domain"),
        ("http://user:pw@deep.sub.example.com.", "domain"),
        ("//example.com", "domain"),
        ("example.com/path", "domain"),
        ("http://anexample.com/", None),
        ("http://example.com.evil.net/", None),
        ("http://other.net/", None),
        ("http://a.net/?u=http://example.com/", None),
        ("http://site.com/bad", "url"),
        ("http://www.site.com/BAD/more?x#y", "url"),
        ("http://sub.site.com/bad", None),
        ("http://site.com/bader", None),
        ("http://q.com/a?b=1&c=2", "url"),
        ("http://q.com/a?b=12", None),
        ("http://a.net/Best-CASINO_tips.html", "word"),
        ("http://poker.net/", "word"),
        ("http://a.net/casinos", None),
        ("http://a.net/#casino", None),
        ("http://example.com/casino", "domain"),
        ("", None),
        ("http://", None),
        ("http://[::1]:80/poker", "word"),
        ("http://u@[2001:DB8::7]:80/", "domain"),
        ("http://[2001:db8::7]", "domain"),
        ("http://[2001:db8::8]/", None),
        ("http:///////", None),
    ],
)
def test_verdict(url: str, kind: str | None) -> None:
    assert verdicts([url], LISTS) == [kind]


def test_a_list_without_kinds() -> None:
    lists = build_table([entry_keys(b"example.com\nhttp://site.com/bad\nhttps://other.org/", None)])
    urls = ["http://a.example.com", "http://site.com/bad/x", "http://site.com/", "http://other.org/y"]
    assert verdicts(urls, lists) == ["domain", "url", None, "domain"]


FORMS = ["http://münchen.de", "//M%C3%BCnchen.DE.", "u:p@xn--mnchen-3ya.de:8080", "http://mu\u0308nchen。de"]
CYRILLIC = ["http://Пример.рф", "http://xn--e1afmkfd.xn--p1ai", "http://%D0%BF%D1%80%D0%B8%D0%BC%D0%B5%D1%80.рф"]


@pytest.mark.parametrize("forms", [FORMS, CYRILLIC], ids=["münchen.de", "пример.рф"])
def test_a_host_in_any_form_matches_an_entry_in_any_form(forms: list[str]) -> None:
    for entry in forms:
        bare = entry.split("//")[-1].split("@")[-1].split(":")[0]
        domains, urls, both = table(bare), table(urls=f"{bare}/a/"), build_table([entry_keys(bare.encode(), None)])
        assert verdicts(forms + [f"{form}/x" for form in forms], domains) == ["domain"] * 2 * len(forms)
        assert verdicts([form.replace("//", "//www.") for form in forms if "//" in form], both) == ["domain"] * (
            sum("//" in form for form in forms)
        )
        assert verdicts([f"{form}/a/b" for form in forms], urls) == ["url"] * len(forms)
        assert verdicts([f"{form}/b" for form in forms], urls) == [None] * len(forms)
        assert verdicts(["http://munchen.de", "http://a.org/münchen.de", "http://xn--é"], domains) == [None] * 3


def test_words_are_compared_as_they_are_written() -> None:
    lists = table("münchen.de", words="münchen")
    assert verdicts(["http://münchen.org/", "http://münchen.de", "http://a/münchen"], lists) == [
        "word",
        "domain",
        "word",
    ]


def test_null_and_sliced_columns() -> None:
    column = pa.array(["http://a.org", None, "http://example.com", "http://poker.net"], pa.string())
    assert blocked_by(*text_buffers(column.slice(1, 2)), LISTS).tolist() == [0, 1]
    assert blocked_by(*text_buffers(column.slice(1, 0)), LISTS).tolist() == []


def test_no_lists_block_nothing() -> None:
    assert verdicts(["http://a.org", ""], build_table([])) == [None, None]


def test_long_urls_are_read_to_a_limit() -> None:
    assert verdicts(["http://a.org/" + "-" * 5000 + "poker"], LISTS) == [None]
    assert verdicts(["http://a.org/" + "/&?." * 1000 + "poker"], LISTS) == ["word"]


def plain(url: str, domains: list[str], urls: list[str], words: list[str]) -> str | None:
    url = url.lower()
    url = re.sub(r"^[a-z0-9+.-]*://", "", url).lstrip("/").split("#")[0]
    host = re.split(r"[/?]", url)[0]
    rest = url[len(host) :]
    host = host.rpartition("@")[2].partition(":")[0].rstrip(".")
    if any(host == domain or host.endswith("." + domain) for domain in domains):
        return "domain"
    short = re.sub(r"^www\.", "", host) + rest
    if host and any(short == entry or re.match(re.escape(entry) + r"[/?&]", short) for entry in urls):
        return "url"
    return "word" if set(re.findall(r"[a-z0-9\x80-\U0010ffff]+", host + rest)) & set(words) else None


HOSTS = st.lists(st.sampled_from(["a", "bc", "www", "com", "net"]), min_size=1, max_size=4).map(".".join)
PATHS = st.lists(st.sampled_from(["/", "?", "&", "a", "bc", "é", "-", ".", "com", "=", "@"]), max_size=6).map("".join)


@settings(max_examples=40 if INTERPRETED else 400, deadline=None)
@given(
    urls=st.lists(st.tuples(st.sampled_from(["", "http://", "HTTPS://"]), HOSTS, PATHS), max_size=8),
    domains=st.lists(HOSTS, max_size=3),
    entries=st.lists(st.tuples(HOSTS, st.sampled_from(["/a", "/bc?a", "/a/bc"])), max_size=3),
    words=st.lists(st.sampled_from(["a", "bc", "é", "com"]), max_size=2),
)
def test_against_plain_python(
    urls: list[tuple[str, str, str]], domains: list[str], entries: list[tuple[str, str]], words: list[str]
) -> None:
    paths = ["/" + path if path and path[0] not in "/?" else path for _, _, path in urls]
    texts = [scheme + host + path for (scheme, host, _), path in zip(urls, paths, strict=True)]
    texts = [text for text in texts if "@" not in re.split(r"[/?]", text.split("://")[-1])[0]]
    listed = [re.sub(r"^www\.", "", host) + path for host, path in entries]
    lists = table("\n".join(domains), "\n".join(listed), "\n".join(words))
    assert verdicts(texts, lists) == [plain(text, domains, listed, words) for text in texts]


@settings(max_examples=20 if INTERPRETED else 200, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes(urls: list[bytes]) -> None:
    assert set(blocked_by(*text_buffers(pa.array(urls, pa.binary())), LISTS).tolist()) <= {0, 1, 2, 3}


def test_every_entry_of_a_large_list_is_found() -> None:
    count = 300 if INTERPRETED else 30_000
    draw = np.random.default_rng(3)
    letters = np.array(list(string.ascii_lowercase))
    names = ["".join(row) + ".com" for row in letters[draw.integers(0, 26, (count, 9))]]
    lists = table("\n".join(names[::2]))
    listed = set(names[::2])
    assert verdicts([f"http://x.{name}/y" for name in names], lists) == [
        "domain" if name in listed else None for name in names
    ]
