"""The host of each URL of a column."""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.jit import inline, jit
from dspipe.kernels.urls.keys import DOMAIN, READ_BYTES, lower, url_parts


def host_column(data: Bytes, offsets: Offsets) -> tuple[Bytes, Offsets, npt.NDArray[np.bool_]]:
    """The hosts of URLs, ASCII letters in lower case, without user, port and trailing dots.

    Returns (uint8, int64[rows + 1], bool[rows]): host i is data[offsets[i]:offsets[i + 1]], and whether it has other
    letters or percent-encoded ones. It is empty for what has no scheme with `//` behind it, no host, or one that is
    longer than READ_BYTES.
    """
    rows = len(offsets) - 1
    bounds, other_form = np.zeros((rows, 2), np.int64), np.zeros(rows, np.bool_)
    _find_hosts(data, offsets, bounds, other_form)
    ends = np.zeros(rows + 1, np.int64)
    np.cumsum(bounds[:, 1] - bounds[:, 0], out=ends[1:])
    hosts = np.empty(ends[-1], np.uint8)
    _copy_lower(data, bounds, ends, hosts)
    return hosts, ends, other_form


@inline
def _has_authority(data, start, end):  # type: ignore[no-untyped-def]
    """Whether data[start:end] begins with a scheme, `://` and something that is no slash (RFC 3986, 3.1)."""
    while start < end and data[start] <= 32:
        start += 1
    at = start
    while at < end:
        byte = lower(data[at])
        if not (97 <= byte <= 122 or (at > start and (48 <= byte <= 57 or byte == 43 or byte == 45 or byte == 46))):
            break
        at += 1
    return start < at and at + 3 < end and data[at] == 58 and data[at + 1] == data[at + 2] == 47 and data[at + 3] != 47


@jit
def _find_hosts(data, offsets, bounds, other_form):  # type: ignore[no-untyped-def]
    for row in range(offsets.shape[0] - 1):
        start, end = offsets[row], offsets[row + 1]
        if _has_authority(data, start, end):
            first, after, rest, _, other = url_parts(data, start, end, 1 << DOMAIN)
            if after > first and rest - start < READ_BYTES:
                bounds[row, 0], bounds[row, 1], other_form[row] = first, after, other


@jit
def _copy_lower(data, bounds, ends, hosts):  # type: ignore[no-untyped-def]
    for row in range(bounds.shape[0]):
        first, target = bounds[row, 0], ends[row]
        for i in range(bounds[row, 1] - first):
            hosts[target + i] = lower(data[first + i])
