"""What killed runs and earlier configs have left: removed, so that folders hold one run. What another run writes at the
same time stays: only results that are older than this run are looked at."""

import re

from dspipe.pipeline.storage.store import TEMPORARY, Store

_RESULT = re.compile(r"(\d{5,}|inputs|done)-[0-9a-f]{12}\.")


def remove_stale(store: Store, referenced: set[str], before: float) -> int:
    """Remove task files that no manifest of the present plan names and that were written before this run began
    (`before`, in seconds since 1970 by the storage's clock), and those that were never finished. Returns how many."""
    removed = 0
    for folder in ("", *store.folders()):
        for name, state in store.states(folder).items():
            full = f"{folder}/{name}" if folder else name
            stale = _RESULT.match(name) and state.modified is not None and state.modified < before
            # what a worker hadn't finished when it died; only local outputs have such files, and one run at a time
            if (stale and full not in referenced) or name.startswith(TEMPORARY):
                store.remove(full)
                removed += 1
        if folder:
            store.remove_folder_if_empty(folder)
    return removed


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
