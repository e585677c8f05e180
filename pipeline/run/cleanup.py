"""Results of earlier configs and of killed runs: removed when a run has ended well, so that folders hold one run."""

import re

from dspipe.pipeline.storage.store import TEMPORARY, Store

_RESULT = re.compile(r"(\d{5,}|inputs|done)-[0-9a-f]{12}\.")


def remove_stale(store: Store, referenced: set[str]) -> int:
    """Remove task files that no manifest of the present plan names. Returns how many."""
    removed = 0
    for folder in ("", *store.folders()):
        for name in store.names(folder):
            full = f"{folder}/{name}" if folder else name
            if full not in referenced and (_RESULT.match(name) or name.startswith(TEMPORARY)):
                store.remove(full)
                removed += 1
        if folder:
            store.remove_folder_if_empty(folder)
    return removed
