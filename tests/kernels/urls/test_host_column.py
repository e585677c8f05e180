"""The host of each URL, against a few plain lines over strings."""

import re
from itertools import pairwise

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.urls.host_column import host_column
from dspipe.kernels.urls.keys import READ_BYTES

PIECES = st.sampled_from(
    ["http", "https", "git+ssh", "1a", "://", ":", "/", "//", "?", "#", "@", "[", "]", "::1", "a.B", "Example.COM", ".",
     " ", "\t", "80", "user:word", "ü", "%41", "中", "x" * 300, "-"]
)  # fmt: skip


def host_slowly(url: str) -> str:
    """The host by string operations, with letters that aren't ASCII as they are."""
    url = url.strip("".join(map(chr, range(33))))
    found = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://(?!/)", url)
    if found is None:
        return ""
    authority = re.split(r"[/?#]", url[found.end() :], maxsplit=1)[0]
    if len(url[: found.end()].encode()) + len(authority.encode()) >= READ_BYTES:
        return ""
    host = authority.rpartition("@")[2]
    address = re.match(r"\[[^\]]*(\]|$)", host)
    port = host.find(":", address.end() if address else 0)
    host = (host if port < 0 else host[:port]).rstrip(".")
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), host)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=20).map("".join), max_size=5))
def test_the_same_hosts_as_by_strings(urls: list[str]) -> None:
    column = pa.array(["no", *urls], pa.string()).slice(1)
    data, offsets, other_form = host_column(*text_buffers(column))
    hosts = [data[start:end].tobytes().decode() for start, end in pairwise(offsets.tolist())]
    assert hosts == [host_slowly(url) for url in urls]
    assert other_form.tolist() == [bool(re.search(r"[^\x00-\x7f]|%", host)) for host in hosts]


def test_a_host_that_is_longer_than_what_is_read_is_none() -> None:
    for length, expected in ((READ_BYTES - 9, READ_BYTES - 9), (READ_BYTES, 0)):
        _, offsets, _ = host_column(*text_buffers(pa.array(["http://" + "a" * length + "/x"])))
        assert offsets.tolist() == [0, expected]
