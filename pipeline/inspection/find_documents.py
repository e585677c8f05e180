"""Finding documents by id or address: by the run's index where it has one, else by reading all ids and addresses."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.doc_id import split
from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.inspection.name_lookup import look_up
from dspipe.pipeline.inspection.one_document import read_so_far
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.storage.columns import Column, read_rows
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.tasks.name_index import bare_address, bare_addresses
from dspipe.pipeline.tasks.quarantine import place_of, quarantined_records

_NAMES = ["id", "url"]
_NEAREST_S = 0.25
"""how long names that are like one that isn't there are looked for: `dspipe explain` answers within a second"""
_LIKE = 0.6
"""least likeness of two names, as difflib measures it"""


@dataclass
class Found:
    """The documents that are meant by a name."""

    places: list[tuple[int, int]] = field(default_factory=list)
    """(shard, row)"""
    bad: list[dict[str, Any]] = field(default_factory=list)
    """records in the quarantine"""
    shards: int = 0
    """shards that are read so far"""


def find_documents(store: Store, run: RunFile, wanted: str) -> Found:
    """All documents with this id or address; where there is an index and no document in it, or no index, bad records
    as well. Raises FileNotFoundError, DamagedFileError."""
    # an argument that is no UTF-8 has surrogates, which sources replace as well
    wanted = wanted.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    manifests = _text_manifests(store, run)
    found = Found(shards=len(manifests))
    try:
        numbers = look_up(store, run, wanted)
    except (FileNotFoundError, DamagedFileError):  # what the index was made from is still there
        numbers = None
    for number in numbers or ():
        shard, row = split(number)
        names = _name_of(store, store.read_json(manifests[shard]), row)
        found.places += [(shard, row)] if names is not None and _is_named(names, wanted) else []
    if found.places:
        return found
    for shard, name in enumerate(manifests):
        manifest = store.read_json(name)
        found.bad += [entry for entry in quarantined_records(store, manifest) if _is_meant(entry, wanted)]
        if numbers is None:
            found.places += [(shard, row) for row in _rows_named(store, manifest, wanted)]
    return found


def name_nearest(store: Store, run: RunFile, wanted: str, most: int = 3) -> list[str]:
    """Ids and addresses like one that isn't there, the most alike first: of an address those of its host with the
    longest common beginning. Looked for in the shards that can be read in a part of a second."""
    end, found = time.monotonic() + _NEAREST_S, dict[str, float]()
    wanted = wanted.encode("utf-8", "replace").decode()  # an argument that is no UTF-8 has surrogates
    address = bare_address(wanted)
    host = _host(address) if "/" in address or "." in address else ""
    for batch in _names(store, run):
        near = _on_host(batch.column("url"), host) if host else []
        near = near or _begins_alike(batch.column("id"), wanted)
        found |= {other: _likeness(other, wanted) for other in near}
        found = dict(sorted(found.items(), key=lambda item: (-item[1], item[0]))[: 4 * most])
        if time.monotonic() > end:
            break
    return [name for name, like in found.items() if like >= _LIKE][:most]


def _names(store: Store, run: RunFile) -> Iterator[pa.RecordBatch]:
    for name in _text_manifests(store, run):
        manifest = store.read_json(name)
        yield from read_rows(store, _columns(manifest), _NAMES, manifest["groups"])


def _host(address: str) -> str:
    try:
        return urlsplit(f"//{address}").hostname or ""
    except ValueError:  # brackets that are no IPv6 address
        return ""


def _text_manifests(store: Store, run: RunFile) -> list[str]:
    text_pass = run.text_pass()
    return list(text_pass.manifests) if text_pass else read_so_far(store)


def _columns(manifest: Mapping[str, Any]) -> dict[str, Column]:
    return {name: Column(*manifest["columns"][name]) for name in _NAMES}


def _name_of(store: Store, manifest: Mapping[str, Any], row: int) -> dict[str, Any] | None:
    """Id and url of a row; None where the shard has no such row."""
    for group, rows in enumerate(manifest["groups"]):
        if row < rows:
            (batch,) = read_rows(store, _columns(manifest), _NAMES, manifest["groups"], [group])
            return {name: batch.column(name)[row].as_py() for name in _NAMES}
        row -= rows
    return None


def _is_named(names: Mapping[str, Any], wanted: str) -> bool:
    return names["id"] == wanted or (names["url"] is not None and bare_address(names["url"]) == bare_address(wanted))


def _is_meant(entry: Mapping[str, Any], wanted: str) -> bool:
    return place_of(entry) == wanted or _is_named(entry, wanted)


def _rows_named(store: Store, manifest: Mapping[str, Any], wanted: str) -> Iterator[int]:
    first = 0
    for batch in read_rows(store, _columns(manifest), _NAMES, manifest["groups"]):
        same = pc.equal(bare_addresses(batch.column("url")), bare_address(wanted))
        hit = pc.or_kleene(pc.equal(batch.column("id"), wanted), same)
        yield from (first + row for row in pc.indices_nonzero(pc.fill_null(hit, pa.scalar(False))).to_pylist())
        first += batch.num_rows


def _on_host(urls: pa.Array, host: str) -> list[str]:
    """The addresses of a host, or of one that is spelt nearly so."""
    return _likely(urls, pc.match_substring(urls, host.removeprefix("www."), ignore_case=True))


def _begins_alike(ids: pa.Array, wanted: str) -> list[str]:
    """The ids with the same beginning, or of the same length with the same end."""
    half = max(1, len(wanted) // 2)
    return _likely(ids, pc.or_(pc.starts_with(ids, wanted[:half]), pc.ends_with(ids, wanted[-half:])))


def _likely(names: pa.Array, chosen: pa.Array) -> list[str]:
    return [str(name) for name in names.filter(pc.fill_null(chosen, pa.scalar(False)))[:1000].to_pylist()]


def _likeness(name: str, wanted: str) -> float:
    """From 0 to 1: how alike two names are; a common beginning counts."""
    first, second = bare_address(name)[:200], bare_address(wanted)[:200]
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    start = matcher.get_matching_blocks()[0]
    shared = start.size if start.a == start.b == 0 else 0
    return max(shared / max(len(first), len(second), 1), matcher.ratio())
