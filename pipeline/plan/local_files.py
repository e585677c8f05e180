"""Files of the local file system below a folder, through symbolic links too: a hub's cache holds nothing else."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dspipe.pipeline.plan.left_out import LeftOut

Parts = tuple[str, ...]


@dataclass(frozen=True)
class LocalFile:
    """A file that was found. `real` is where it is when all links are followed, the same for all its names."""

    parts: Parts
    path: str
    real: str
    size: int
    fingerprint: str

    @property
    def linked(self) -> bool:
        """Whether a link leads to it."""
        return self.path != self.real


def local_file(path: str, parts: Parts = ()) -> LocalFile:
    """The file at a path. Raises OSError."""
    found = Path(path).stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(path)
    # the change time too: a file may be replaced by one of equal size and time (cp -p, tar, a repaired download). Not
    # the inode, which file systems over object stores give anew with each mount
    fingerprint = f"{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}"
    return LocalFile(parts, path, os.path.realpath(path), found.st_size, fingerprint)


def walk(base: str, enter: Callable[[Parts], bool], left_out: LeftOut) -> Iterator[LocalFile | Parts]:
    """All files below a folder, in the order of their names, and the parts of the folders that `enter` keeps out.

    Links are followed, but not back into a folder that leads to them. Raises OSError for folders that can't be listed.
    """
    root = Path(base).stat()
    yield from _walk(base, os.path.realpath(base), (), frozenset([(root.st_dev, root.st_ino)]), enter, left_out)


def _walk(
    folder: str,
    real: str,
    parts: Parts,
    above: frozenset[tuple[int, int]],
    enter: Callable[[Parts], bool],
    left_out: LeftOut,
) -> Iterator[LocalFile | Parts]:
    with os.scandir(folder) as listing:
        entries = sorted(listing, key=lambda entry: entry.name)
    for entry in entries:
        path, below = f"{folder.rstrip('/')}/{entry.name}", (*parts, entry.name)
        try:
            found = entry.stat()
        except FileNotFoundError:
            left_out.add("broken link", path)
            continue
        except OSError as error:
            if entry.is_symlink() and error.errno == errno.ELOOP:
                left_out.add("broken link", path)
                continue
            raise
        there = os.path.realpath(path) if entry.is_symlink() else f"{real.rstrip('/')}/{entry.name}"
        if stat.S_ISDIR(found.st_mode):
            if not enter(below):
                yield below
            elif (found.st_dev, found.st_ino) not in above:
                yield from _walk(path, there, below, above | {(found.st_dev, found.st_ino)}, enter, left_out)
        elif stat.S_ISREG(found.st_mode):
            yield LocalFile(below, path, there, found.st_size, f"{found.st_size}-{found.st_mtime_ns}")
        else:
            left_out.add("neither file nor folder", path)
