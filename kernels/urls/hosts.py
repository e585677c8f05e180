"""Hosts with other than ASCII letters, which have several forms: `münchen.de`, `m%C3%BCnchen.de`, `xn--mnchen-3ya.de`.

Block lists are compared in the last one.
"""

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

import pyarrow as pa

from dspipe.kernels.arrow import Bytes, Offsets, text_buffers
from dspipe.kernels.urls.keys import READ_BYTES

_LABEL = 63
"""bytes of a label of a host at most (RFC 1034, 3.1)"""
_NOT_IN_HOSTS = re.compile(rb"[\x00-\x20/?#@:\\%]")


def ascii_host(host: bytes) -> bytes:
    """A host as it is looked up in the domain name system: without percent-encoding (RFC 3986, 3.2.2), composed and in
    lower case, each label that isn't ASCII in Punycode (RFC 3492). Unlike UTS 46, which browsers follow, it refuses
    nothing: what can't be a host stays as it is."""
    try:
        text = unicodedata.normalize("NFKC", unquote_to_bytes(host).decode())
    except UnicodeDecodeError:
        return host
    # letter by letter: lower() of a text has an own form for a sigma at the end of a word
    text = unicodedata.normalize("NFKC", "".join(map(str.lower, text))).replace("\u3002", ".")
    labels = text.split(".")
    if max(map(len, labels)) > _LABEL:
        return host
    made = ".".join(x if x.isascii() else f"xn--{x.encode('punycode').decode()}" for x in labels).encode()
    return host if _NOT_IN_HOSTS.search(made) else made


def with_ascii_hosts(data: Bytes, hosts: Offsets, ends: Iterable[int]) -> tuple[Bytes, Offsets]:
    """URLs from their hosts data[hosts[i, 0]:hosts[i, 1]] on, these as `ascii_host` has them."""
    urls = [
        b"//" + ascii_host(data[start:after].tobytes()) + data[after : min(end, start + READ_BYTES)].tobytes()
        for (start, after), end in zip(hosts.tolist(), ends, strict=True)
    ]
    return text_buffers(pa.array(urls, pa.large_binary()))
