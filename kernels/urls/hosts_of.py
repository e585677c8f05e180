"""The host of a URL, as everything means it that groups documents by host.

Of `https://user:word@WWW.Example.com.:8080/path` it is `www.example.com`: in lower case, without user, port and
trailing dot. An IPv6 address keeps its brackets. Letters that aren't ASCII, and percent-encoded ones, are written as
they are looked up in the domain name system (`kernels.urls.hosts`), so that `münchen.de` and `xn--mnchen-3ya.de` are
one host.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers, text_column
from dspipe.kernels.urls.host_column import host_column
from dspipe.kernels.urls.hosts import ascii_host


def hosts_of(urls: pa.Array) -> pa.Array:
    """The hosts of URLs (string or large_string) as string; null where there is none, as without `scheme://`."""
    data, offsets, other_form = host_column(*text_buffers(urls))
    hosts = text_column(data, offsets).cast(pa.string())
    if other_form.any():
        hosts = pc.replace_with_mask(hosts, pa.array(other_form), _in_ascii(hosts.filter(pa.array(other_form))))
    return pc.if_else(pa.array(np.diff(offsets) > 0), hosts, pa.scalar(None, pa.string()))


def _in_ascii(hosts: pa.Array) -> pa.Array:
    """The hosts as `ascii_host` has them; each one becomes a Python object once, however often it is there."""
    encoded = hosts.dictionary_encode()
    names = [ascii_host(host.encode()).decode() for host in encoded.dictionary.to_pylist()]
    return pa.array(names, pa.string()).take(encoded.indices)
