"""What stages make of files, like models and lists, kept by a worker process from one task to the next.

A stage lives for one task, and reading lid.176.ftz takes 45 ms of CPU time: of shards with a few documents it was nine
tenths of the work, and a list of millions costs it for each of 90,000 shards. What is kept is what the stages of a run
use, and a task holds all of it at once anyway, so workers take no more memory for it than before.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

T = TypeVar("T")
FileState = tuple[int, int, int, int, int]
"""device, inode, size, and when content and file were changed last, in nanoseconds"""

MAX_KEPT = 64
"""things kept; the one that was used least recently is let go for another"""
SETTLED_NS = 2_000_000_000
"""a file that was changed less than this before it was read may be changed once more at what is the same time for its
file system, some of which count seconds: it is read again"""


class _Kept(NamedTuple):
    value: Any
    states: list[FileState]
    settled: bool


_kept: OrderedDict[Hashable, _Kept] = OrderedDict()


def load_once(kind: str, files: Sequence[Path], load: Callable[[], T], *about: Hashable) -> T:
    """What `load` makes of `files`, made anew only where one of them has changed since.

    `kind` and `about` tell apart what is made of the same files: a name, and the settings that it is made by. Later
    tasks share what is kept, so nobody may change it in a way that changes results. Raises what `load` raises.
    """
    key = (kind, tuple(map(str, files)), about)
    try:
        states = [_state(path) for path in files]
    except OSError:
        return load()  # which says it better
    found = _kept.get(key)
    if found is not None and found.settled and found.states == states:
        _kept.move_to_end(key)
        return cast("T", found.value)
    settled = all(time.time_ns() - changed > SETTLED_NS for *_, changed in states)
    value = load()
    # a file that is changed while it is read has another state when this is asked for again
    _kept[key] = _Kept(value, states, settled)
    _kept.move_to_end(key)
    while len(_kept) > MAX_KEPT:
        _kept.popitem(last=False)
    return value


def sha256_once(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal: what a stage's settings say of its model, wherever the file lies."""

    def digest() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return load_once("sha256", [path], digest)


def _state(path: Path) -> FileState:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
