"""What a person has decided of hosts and of paths on them, asked of whole columns of URLs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.urls.hosts_of import hosts_of

Int8 = npt.NDArray[np.int8]
TAKEN, REFUSED, OPEN = 1, -1, 0
"""its pages are seeds; they are negatives and never recalled; the score decides"""


@dataclass(frozen=True)
class Rule:
    """A decision on the pages of a host whose paths begin with a prefix; "" is the whole host."""

    host: str
    prefix: str
    decision: int


class Decisions:
    """Rules: the longest prefix decides, and of equal ones that of the latest round."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        by_host: dict[str, dict[str, int]] = {}
        for rule in rules:
            by_host.setdefault(rule.host, {})[rule.prefix] = rule.decision
        self.rules: Mapping[str, Mapping[str, int]] = by_host
        self._hosts = pa.array(sorted(by_host), pa.string())

    def of(self, urls: pa.Array) -> Int8:
        """TAKEN, REFUSED or OPEN for each URL."""
        found = np.full(len(urls), OPEN, np.int8)
        if not self.rules:
            return found
        places = pc.fill_null(pc.index_in(hosts_of(urls), value_set=self._hosts), -1).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(places >= 0)
        paths, hosts = paths_of(urls.take(pa.array(rows))), places[rows]
        for place in np.unique(hosts).tolist():
            of_host = np.flatnonzero(hosts == place)
            on_host = paths.take(pa.array(of_host))
            # the longest prefix last, so that it stands
            for prefix, decision in sorted(
                self.rules[self._hosts[place].as_py()].items(), key=lambda item: len(item[0])
            ):
                begins = pc.starts_with(on_host, prefix).to_numpy(zero_copy_only=False)
                found[rows[of_host[begins]]] = decision
        return found


def paths_of(urls: pa.Array) -> pa.Array:
    """Path, query and fragment of URLs with a host; they begin with `/`."""
    rest = pc.replace_substring_regex(urls, r"^[^:/?#]+://[^/?#]*", "", max_replacements=1)
    return pc.if_else(pc.starts_with(rest, "/"), rest, pc.binary_join_element_wise("/", rest, ""))


def first_folders(paths: pa.Array) -> pa.Array:
    """The first folder of each path, `/wiki/` of `/wiki/Ring`; "" where there is none, as of `/index.html`."""
    return pc.fill_null(pc.struct_field(pc.extract_regex(paths, r"^(?P<folder>/[^/?#]+/)"), "folder"), "")
