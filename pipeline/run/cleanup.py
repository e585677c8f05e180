"""What killed runs and earlier configs have left: removed, so that folders hold one run. What another run writes at the
same time stays: only results that are older than this run are looked at.

What a run is for stays too: packed shards that a trainer may be reading, of an earlier config of the same run, are
removed only when that is asked for.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.quantities import human_bytes
from dspipe.pipeline.run.run_file import published_name
from dspipe.pipeline.storage.store import TEMPORARY, FileState, Store
from dspipe.pipeline.tasks.spec import PRODUCTS

_RESULT = re.compile(r"(\d{5,}|inputs|tail|set|done)-[0-9a-f]{12}\.")
_LISTING = ".index.json"


@dataclass(frozen=True)
class ProductSet:
    """What one config has made: the file that lists it, and all its files with that one."""

    listing: str
    files: frozenset[str]


def product_sets(store: Store) -> list[ProductSet]:
    """The sets of products that are whole, of this config and of earlier ones: a set is listed once it is."""
    found = []
    for name in store.names(PRODUCTS):
        if not name.endswith(_LISTING) or name.startswith(TEMPORARY):
            continue
        listing = f"{PRODUCTS}/{name}"
        try:
            files = _files_in(store.read_json(listing))
        except DamagedFileError:
            continue
        found.append(ProductSet(listing, frozenset([listing, *files])))
    return found


def product_files(store: Store) -> set[str]:
    """The files of all sets of products."""
    return set().union(*(products.files for products in product_sets(store)))


def earlier_products_line(store: Store, replace: bool) -> str | None:
    """What becomes of the products that are there when other ones are made; None: there are none."""
    files = product_files(store)
    if not files:
        return None
    sizes = store.sizes(PRODUCTS)
    size = human_bytes(sum(sizes.get(file.partition("/")[2], 0) for file in files))
    what = f"{PRODUCTS}/ holds {len(files):,} files of an earlier result, {size}"
    if replace:
        return f"{what}: they stay until the new one is whole, and are removed then (--replace)"
    return f"{what}: they stay beside the new one; `dspipe run --replace` removes them when the new one is whole"


def remove_stale(
    store: Store,
    needed: set[str],
    before: float,
    on_kept: Callable[[str, dict[str, FileState]], None] = lambda folder, files: None,
    published: Collection[str] = (),
) -> int:
    """Remove task files but for those `needed` that were written before this run began (`before`, in seconds since 1970
    by the storage's clock), their copies at the top but for those that this run has `published`, and files that were
    never finished. Returns how many task and unfinished files. `on_kept` hears what stays in each folder."""
    removed = 0
    copies = store.states("").keys() - set(published)
    for folder in ("", *store.folders()):
        files = store.states(folder)
        for name, state in list(files.items()):
            full = f"{folder}/{name}" if folder else name
            stale = _RESULT.match(name) and state.modified is not None and state.modified < before
            # what a worker hadn't finished when it died; only local outputs have such files, and one run at a time
            if (stale and full not in needed) or name.startswith(TEMPORARY):
                copy = published_name(name)
                # a file of somebody else may have the name
                if stale and folder and copy in copies and store.read_bytes(copy) == store.read_bytes(full):
                    store.remove(copy)
                    copies.remove(copy)
                store.remove(full)
                del files[name]
                removed += 1
        if folder:
            on_kept(folder, files)
            store.remove_folder_if_empty(folder)
    return removed


def _files_in(value: Any) -> Iterator[str]:
    """The names of products anywhere in a JSON value."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _files_in(part)
    elif isinstance(value, str) and value.startswith(f"{PRODUCTS}/"):
        yield value


def abort_dead_uploads(store: Store, before: float) -> int:
    """Abort uploads in parts that were begun below the output before this run: of workers that have died. Their parts
    are paid for and seen by nobody. Returns how many; none where the storage doesn't permit to list them."""
    if store.objects is None:
        return 0
    try:
        # asked once: a missing right to list uploads is no reason to wait
        uploads = store.objects.raw.uploads(store.remote_path(""))
    except Exception:
        return 0
    dead = [(path, upload) for path, upload, begun in uploads if begun < before]
    for path, upload in dead:
        store.objects.give_up_upload(path, upload)
    return len(dead)
