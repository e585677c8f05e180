"""Which files of a repository a reference means.

Where several could be meant, the language's own order of looking decides as far as it is known without build files:
beside the importing file, at the root, in `src`, `lib`, `include` and the like; then the file whose path ends as the
reference does, of several the one that shares most folders with the importing file (of the first 64). A reference that
means more than `MOST_MEANT` files (a C# namespace, a Go package) says nothing of an order and is left out.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from posixpath import normpath

from dspipe.stages.repositories.imports import LANGUAGE_OF, LANGUAGES

MOST_MEANT = 32
_LOOKED_AT = 64
"""files that end as a reference does, at most, where none is straight below a folder of the importing file: of more,
the first in the order of reversed paths"""
_ROOTS = ("", "src/", "lib/", "python/", "include/")
_PYTHON_FILES = (".py", "/__init__.py", ".pyi", "/__init__.pyi", ".pyx", ".pxd")
_JAVASCRIPT_FILES = tuple(f".{ending}" for ending in ("ts", "tsx", "d.ts", "js", "jsx", "mjs", "cjs", "mts", "cts"))
_JAVASCRIPT_FILES += (".json", ".vue", ".svelte", *(f"/index{ending}" for ending in _JAVASCRIPT_FILES))


class RepositoryFiles:
    """The files of a repository by their paths, and what imports what."""

    def __init__(self, name: str, paths: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """`name` is the repository's, `references` those of each file (`stages.repositories.imports`). Of two files
        with one path the first is meant."""
        self._package = name.rpartition("/")[2]
        self._paths = [clean_path(path) for path in paths]
        self._references = references
        self._number: dict[str, int] = {}
        for number, path in enumerate(self._paths):
            self._number.setdefault(path, number)

    def imports(self) -> Iterator[tuple[int, int]]:
        """Pairs (file, imported file)."""
        finders = {
            "python": self._python,
            "java": self._java,
            "c": self._c,
            "csharp": self._csharp,
            "javascript": self._javascript,
            "go": self._go,
            "rust": self._rust,
            "ruby": self._ruby,
        }
        for number, (path, references) in enumerate(zip(self._paths, self._references, strict=True)):
            find = finders.get(LANGUAGE_OF.get(ending_of(path), ""))
            for reference in references if find is not None else ():
                meant = list(find(path, reference))  # type: ignore[misc]
                if len(meant) <= MOST_MEANT:
                    yield from ((number, other) for other in meant)

    # a language each

    def _python(self, path: str, reference: str) -> list[int]:
        module = reference.lstrip(".")
        dots = len(reference) - len(module)
        parts = module.split(".") if module else []
        folders = path.split("/")[:-1]
        if dots:
            if dots - 1 > len(folders):
                return []
            bases: Iterable[str] = (_folder(folders[: len(folders) - dots + 1]),)
        else:
            bases = (*_ROOTS, *(_folder(folders[:depth]) for depth in range(len(folders), 0, -1)))
        # a name in a module isn't told from a module in a package
        tries = [parts, parts[:-1]] if parts else [parts]
        for some in tries:
            if not some and not dots:
                continue
            for base in bases:
                # what is within a package is imported by the package's name: its json.py isn't the library's
                if not dots and f"{base}__init__.py" in self._number:
                    continue
                found = self._python_module(base, some)
                if found is not None:
                    return [found]
            if not dots and some[0] == self._package:
                found = self._python_module("", some[1:])
                if found is not None:
                    return [found]
        return []

    def _python_module(self, base: str, parts: Sequence[str]) -> int | None:
        if not parts:
            return self._first((f"{base}__init__.py", f"{base}__init__.pyi"))
        stem = base + "/".join(parts)
        return self._first(stem + ending for ending in _PYTHON_FILES)

    def _java(self, path: str, reference: str) -> list[int]:
        parts = reference.split(".")
        if parts[-1] == "*":
            return self._in_folder("/".join(parts[:-1]), LANGUAGES["java"], path)
        # a static import names a member
        for stem in ("/".join(parts), "/".join(parts[:-1])):
            for ending in LANGUAGES["java"] if stem else ():
                found = self._ending_as(f"{stem}.{ending}", path)
                if found is not None:
                    return [found]
        return []

    def _c(self, path: str, reference: str) -> list[int]:
        name = clean_path(reference.removeprefix("<"))
        beside = () if reference.startswith("<") else (_beside(path, reference),)
        found = self._first((*beside, *(root + name for root in _ROOTS)))
        if found is None and ("/" in name or beside):
            found = self._ending_as(name, path)
        return [] if found is None else [found]

    def _csharp(self, path: str, reference: str) -> list[int]:
        return [] if reference.startswith("=") else self._namespaces.get(reference, [])

    def _javascript(self, path: str, reference: str) -> list[int]:
        stem = _beside(path, reference)
        bare = stem.rpartition(".")[0] if ending_of(stem) in LANGUAGES["javascript"] else stem
        found = self._first((stem, *(bare + ending for ending in _JAVASCRIPT_FILES)))
        return [] if found is None else [found]

    def _go(self, path: str, reference: str) -> list[int]:
        parts = reference.split("/")
        # a module's path begins with a domain; the standard library's packages don't
        starts = range(len(parts)) if "." in parts[0] else range(1)
        folder = next((f for start in starts if (f := "/".join(parts[start:])) in self._folders), None)
        if folder is None:
            folder = "" if "." in parts[0] and parts[-1] == self._package else None
        files = [] if folder is None else self._folders.get(folder, [])
        return [n for n in files if self._paths[n].endswith(".go") and not self._paths[n].endswith("_test.go")]

    def _rust(self, path: str, reference: str) -> list[int]:
        parts = reference.split("::")
        folders, stem = path.split("/")[:-1], path.rpartition("/")[2].removesuffix(".rs")
        own = folders if stem in ("mod", "lib", "main") else [*folders, stem]
        if parts[0] == "crate":
            last_src = len(folders) - 1 - folders[::-1].index("src") if "src" in folders else -1
            base = folders[: last_src + 1]
        else:
            above = 0
            while parts[0] == "super":
                parts, above = parts[1:] or [""], above + 1
            base, parts = own[: max(0, len(own) - above)], ["", *parts] if above else parts
        for end in range(len(parts), 1, -1):
            name = _folder(base) + "/".join(parts[1:end])
            found = self._first((f"{name}.rs", f"{name}/mod.rs"))
            if found is not None:
                return [found]
        return []

    def _ruby(self, path: str, reference: str) -> list[int]:
        name = reference.removesuffix(".rb") + ".rb"
        if reference.startswith("./"):
            found = self._first((_beside(path, name),))
        else:
            found = self._first(root + clean_path(name) for root in ("lib/", ""))
            found = self._ending_as(clean_path(name), path) if found is None and "/" in name else found
        return [] if found is None else [found]

    # what they look up

    def _first(self, paths: Iterable[str]) -> int | None:
        return next((number for path in paths if (number := self._number.get(path)) is not None), None)

    def _ending_as(self, end: str, path: str) -> int | None:
        """The file whose path ends with the folders and the name of `end`; of several the nearest to `path`."""
        folders = path.split("/")[:-1]
        straight = self._first(_folder(folders[:depth]) + end for depth in range(len(folders), -1, -1))
        if straight is not None:
            return straight
        reversed_end, (keys, numbers) = f"/{end}"[::-1], self._reversed
        start = bisect_left(keys, reversed_end)
        found: list[int] = []
        for place in range(start, min(start + _LOOKED_AT, len(keys))):
            if not keys[place].startswith(reversed_end):
                break
            found.append(numbers[place])
        return min(found, key=lambda number: (-_shared_folders(self._paths[number], path), number), default=None)

    def _in_folder(self, end: str, endings: Sequence[str], path: str) -> list[int]:
        """The files with these endings in the folder whose path ends as `end`, of several the nearest to `path`."""
        folders = [folder for folder in self._folders_by_name.get(end.rpartition("/")[2], ()) if _ends(folder, end)]
        folder = min(folders, key=lambda folder: (-_shared_folders(folder, path), folder), default=None)
        files = [] if folder is None else self._folders[folder]
        return [number for number in files if ending_of(self._paths[number]) in endings]

    @cached_property
    def _reversed(self) -> tuple[list[str], list[int]]:
        """The paths from their ends, sorted, with their files."""
        pairs = sorted((f"/{path}"[::-1], number) for path, number in self._number.items())
        return [path for path, _ in pairs], [number for _, number in pairs]

    @cached_property
    def _folders(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for path, number in self._number.items():
            found.setdefault(path.rpartition("/")[0], []).append(number)
        return found

    @cached_property
    def _folders_by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for folder in self._folders:
            found.setdefault(folder.rpartition("/")[2], []).append(folder)
        return {name: folders[:_LOOKED_AT] for name, folders in found.items()}

    @cached_property
    def _namespaces(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, references in enumerate(self._references):
            for reference in references:
                if reference.startswith("=") and ending_of(self._paths[number]) in LANGUAGES["csharp"]:
                    found.setdefault(reference[1:], []).append(number)
        return found


def clean_path(path: str) -> str:
    """A path below the repository's root, with `/` between folders, without `.` and `..` where that can be told."""
    return normpath(path.replace("\\", "/").lstrip("/")) if path else ""


def ending_of(path: str) -> str:
    """The ending of a path in lower case, as `stages.shared.file_paths.endings_of`."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""


def _beside(path: str, reference: str) -> str:
    return clean_path(_folder(path.split("/")[:-1]) + reference.replace("\\", "/"))


def _folder(parts: Sequence[str]) -> str:
    return "".join(f"{part}/" for part in parts)


def _ends(folder: str, end: str) -> bool:
    return folder == end or folder.endswith(f"/{end}")


def _shared_folders(one: str, other: str) -> int:
    shared = 0
    for a, b in zip(one.split("/"), other.split("/"), strict=False):
        if a != b:
            break
        shared += 1
    return shared
