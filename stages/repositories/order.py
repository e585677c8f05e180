"""The order of a repository's files: DeepSeek-Coder's Algorithm 1 (Guo et al. 2024, section 2.2)."""

import heapq
from collections.abc import Iterable


def in_order_of_imports(files: int, imports: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The files 0..files-1, each behind what it imports, as lists of those that hang together.

    `imports` are pairs (file, imported file); pairs of one file with itself, and pairs that come again, count for
    nothing. Of the files that are left in a part, the one comes next that imports the fewest of them (of several, the
    first): where there is no cycle it imports none. Parts come in the order of their first files.
    Takes time in proportion to files and imports, times a logarithm.
    """
    importers: list[list[int]] = [[] for _ in range(files)]
    open_imports = [0] * files
    parts = _Parts(files)
    for file, imported in set(imports):
        if file != imported:
            importers[imported].append(file)
            open_imports[file] += 1
            parts.join(file, imported)
    return [_order(part, importers, open_imports) for part in parts.lists()]


def _order(part: list[int], importers: list[list[int]], open_imports: list[int]) -> list[int]:
    if len(part) == 1:
        return part
    waiting = [(open_imports[file], file) for file in part]
    heapq.heapify(waiting)
    ordered: list[int] = []
    done: set[int] = set()
    while waiting:
        _, file = heapq.heappop(waiting)
        if file in done:  # it has come with fewer
            continue
        done.add(file)
        ordered.append(file)
        for importer in importers[file]:
            if importer not in done:
                open_imports[importer] -= 1
                heapq.heappush(waiting, (open_imports[importer], importer))
    return ordered


class _Parts:
    """Files that hang together (union-find; the first file of a part stands for it)."""

    def __init__(self, files: int) -> None:
        self._above = list(range(files))

    def join(self, one: int, other: int) -> None:
        """The parts of two files become one."""
        first, second = sorted((self._top(one), self._top(other)))
        self._above[second] = first

    def lists(self) -> list[list[int]]:
        """Each part's files, ascending, in the order of their first ones."""
        found: dict[int, list[int]] = {}
        for file in range(len(self._above)):
            found.setdefault(self._top(file), []).append(file)
        return list(found.values())

    def _top(self, file: int) -> int:
        above = self._above
        while above[file] != file:
            above[file] = above[above[file]]
            file = above[file]
        return file
