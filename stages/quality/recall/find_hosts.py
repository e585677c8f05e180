"""What a round recalls, by host: counts of all hosts, and of those worth a person's look the paths and sampled URLs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.urls.hosts_of import hosts_of
from dspipe.pipeline.draws import seeded_hashes
from dspipe.stages.quality.recall.annotations import HostList, ListedHost, ListedPrefix
from dspipe.stages.quality.recall.config import RecallConfig
from dspipe.stages.quality.recall.corpus import Corpus, Kept, Progress, recalled
from dspipe.stages.quality.recall.decisions import Decisions, first_folders, paths_of
from dspipe.stages.quality.recall.scoring import Scores

HOST, PAGES, RECALLED = "host", "pages", "recalled"
_MOST_WAITING = 1 << 20
"""rows of shards' hosts before they are added up"""
_NO_HOSTS = pa.schema([pa.field(HOST, pa.string()), pa.field(PAGES, pa.int64()), pa.field(RECALLED, pa.int64())])


@dataclass(frozen=True)
class Judged:
    """Neighbouring kept documents of a shard, and what the round says of them."""

    kept: Kept
    scores: npt.NDArray[np.float32]
    bytes: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.float64]
    decided: npt.NDArray[np.int8]
    recalled: npt.NDArray[np.bool_]


class Recalled:
    """The documents of the corpus under a round's scores, threshold and decisions."""

    def __init__(self, scores: Scores, decisions: Decisions, threshold: float, bytes_per_token: float) -> None:
        self.corpus: Corpus = scores.corpus
        self._scores, self._decisions = scores, decisions
        self._threshold, self._bytes_per_token = threshold, bytes_per_token

    def read(self, names: list[str], shard: int) -> Iterator[Judged]:
        """The named columns of a shard, `url` among them, each batch with what is said of it."""
        scores = self._scores.read(shard)
        tokens, first = scores.weights(self._bytes_per_token), 0
        for kept in self.corpus.read(list(dict.fromkeys(["url", *names])), shard):
            part = slice(first, first + kept.batch.num_rows)
            first = part.stop
            decided = self._decisions.of(kept.batch.column("url"))
            mask = recalled(scores.scores[part], decided, self._threshold)
            yield Judged(kept, scores.scores[part], scores.bytes[part], tokens[part], decided, mask)


class HostCounts:
    """Counts by host that grow shard by shard; in memory, those of all hosts, and as many more."""

    def __init__(self) -> None:
        self._counted, self._rows = count_hosts([]), 0
        self._more: list[pa.Table] = []

    def add(self, hosts: pa.Table) -> None:
        """Add a shard's."""
        self._more.append(hosts)
        self._rows += len(hosts)
        if self._rows > max(len(self._counted), _MOST_WAITING):
            self._counted, self._more, self._rows = self.table(), [], 0

    def table(self) -> pa.Table:
        """All of them, sorted by host."""
        return count_hosts([self._counted, *self._more])


def count_hosts(parts: list[pa.Table]) -> pa.Table:
    """Counts by host, those of several shards added up, sorted by host."""
    table = pa.concat_tables([_NO_HOSTS.empty_table(), *parts])
    found = table.group_by(HOST).aggregate([(PAGES, "sum"), (RECALLED, "sum")])
    return found.select([HOST, f"{PAGES}_sum", f"{RECALLED}_sum"]).rename_columns(_NO_HOSTS.names).sort_by(HOST)


def hosts_of_batch(judged: Judged) -> pa.Table:
    """The hosts of a batch, pages without one left out."""
    hosts, there = hosts_of(judged.kept.batch.column("url")), pa.array(judged.recalled).cast(pa.int64())
    table = pa.table([hosts, pa.array(np.ones(len(hosts), np.int64)), there], schema=_NO_HOSTS)
    return count_hosts([table.filter(pc.is_valid(table.column(HOST)))])


def list_hosts(
    number: int, hosts: pa.Table, found: Recalled, decided: set[str], config: RecallConfig, progress: Progress
) -> HostList:
    """The hosts to be annotated after a round: large enough, recalled to a large enough share, not decided before."""
    pages, there = hosts.column(PAGES).to_numpy(), hosts.column(RECALLED).to_numpy()
    chosen = (pages >= config.host_pages) & (there > config.host_share * pages)
    chosen &= ~pc.is_in(hosts.column(HOST), value_set=pa.array(sorted(decided), pa.string())).to_numpy()
    table = hosts.filter(pa.array(chosen)).sort_by([(RECALLED, "descending"), (HOST, "ascending")])
    table = table.slice(0, config.hosts_listed)
    names = table.column(HOST).to_pylist()
    if not names:
        return HostList(round=number, hosts=[])
    groups = _folders(names, found, config, progress)
    rows = zip(names, table.column(PAGES).to_pylist(), table.column(RECALLED).to_pylist(), strict=True)
    listed = [_listed(host, pages, there, groups.get(host, []), config) for host, pages, there in rows]
    return HostList(round=number, hosts=listed)


@dataclass
class _Folder:
    """The pages of a host below one folder: their numbers, and the URLs drawn so far with their places in the draw."""

    folder: str
    pages: int
    recalled: int
    urls: list[tuple[int, str]]
    others: list[tuple[int, str]]


def _listed(host: str, pages: int, there: int, folders: list[_Folder], config: RecallConfig) -> ListedHost:
    most = sorted((one for one in folders if one.folder), key=lambda one: (-one.recalled, -one.pages, one.folder))
    most = most[: config.host_prefixes]
    rest = [one for one in folders if one not in most]
    prefixes = [
        ListedPrefix(
            prefix=one.folder,
            pages=one.pages,
            recalled=one.recalled,
            share=round(one.recalled / one.pages, 3),
            urls=_first([one.urls], config.host_urls),
            others=_first([one.others], config.host_urls),
        )
        for one in most
    ]
    return ListedHost(
        host=host,
        pages=pages,
        recalled=there,
        share=round(there / pages, 3),
        prefixes=prefixes,
        urls=_first([one.urls for one in rest], config.host_urls),
        others=_first([one.others for one in rest], config.host_urls),
    )


def _first(drawn: list[list[tuple[int, str]]], wanted: int) -> list[str]:
    return [url for _, url in sorted(pair for pairs in drawn for pair in pairs)[:wanted]]


def _folders(names: list[str], found: Recalled, config: RecallConfig, progress: Progress) -> dict[str, list[_Folder]]:
    """The folders of each of these hosts."""
    wanted = pa.array(names, pa.string())

    def of_shard(shard: int) -> list[tuple[str, _Folder]]:
        folders: dict[tuple[str, str], _Folder] = {}
        for judged in found.read(["url", "origin"], shard):
            _add_folders(folders, judged, wanted, config)
        return [(host, folder) for (host, _), folder in folders.items()]

    merged: dict[tuple[str, str], _Folder] = {}
    for part in found.corpus.each_shard(of_shard, progress):
        for host, folder in part:
            _merge(merged, host, folder, config.host_urls)
    by_host: dict[str, list[_Folder]] = {}
    for (host, _), folder in merged.items():
        by_host.setdefault(host, []).append(folder)
    return by_host


def _add_folders(
    folders: dict[tuple[str, str], _Folder], judged: Judged, wanted: pa.Array, config: RecallConfig
) -> None:
    """Add a batch's pages of the wanted hosts; a Python object a folder of a host, and a drawn URL, not a page."""
    urls = judged.kept.batch.column("url")
    hosts = pc.fill_null(pc.index_in(hosts_of(urls), value_set=wanted), -1).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(hosts >= 0)
    if not len(rows):
        return
    urls, hosts, there = urls.take(pa.array(rows)), hosts[rows].astype(np.int64), judged.recalled[rows]
    places = seeded_hashes(judged.kept.batch.column("origin"), config.random_seed, "recall urls")[rows]
    encoded = pc.dictionary_encode(first_folders(paths_of(urls)))
    keys = hosts * len(encoded.dictionary) + encoded.indices.to_numpy().astype(np.int64)
    # of each folder first the pages that are recalled, each part in the order of the draw
    order = np.lexsort((places, ~there, keys))
    begins = np.flatnonzero(np.append(True, np.diff(keys[order]) != 0))
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(order)], strict=True):
        of_folder = order[begin:end]
        split, n = int(there[of_folder].sum()), config.host_urls
        host, folder = divmod(int(keys[of_folder[0]]), len(encoded.dictionary))
        drawn = [
            list(zip(places[part].tolist(), urls.take(pa.array(part)).to_pylist(), strict=True))
            for part in (of_folder[: min(split, n)], of_folder[split : split + n])
        ]
        one = _Folder(encoded.dictionary[folder].as_py(), end - begin, split, *drawn)
        _merge(folders, wanted[host].as_py(), one, n)


def _merge(folders: dict[tuple[str, str], _Folder], host: str, more: _Folder, wanted: int) -> None:
    before = folders.get((host, more.folder))
    if before is None:
        folders[host, more.folder] = more
        return
    before.pages += more.pages
    before.recalled += more.recalled
    before.urls = sorted([*before.urls, *more.urls])[:wanted]
    before.others = sorted([*before.others, *more.others])[:wanted]
