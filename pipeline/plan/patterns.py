"""Which names below a folder a path stands for: patterns, hidden names, and names of another format.

A path is a base, which is there under its very name, and below it a pattern (or nothing: the whole folder).
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

_MAGIC = re.compile(r"[*?\[]")
_PACKED = re.compile(r"\.(?:gz|zst|zstd|lz4|bz2|xz)$")
_NUMBER = re.compile(r"\.\d+$")
_SUFFIX = re.compile(r"\.[a-z][a-z0-9_]{0,11}$")
_ABOUT = re.compile(
    r"(?:readme|license|licence|copying|notice|authors|changelog|makefile|manifest|(?:sha\d+|md5)sums?)$"
)

Likeness = Literal["format", "other", "unknown"]


def has_magic(path: str) -> bool:
    """Whether a path may be a pattern. It may be a name too: `a[1].jsonl` is a good one."""
    return bool(_MAGIC.search(path))


def matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path, in its parts, is one that the pattern stands for. `**` stands for any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(matches(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and _part_matches(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])


def may_lead(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether what the pattern stands for may lie below this folder."""
    if not pattern or pattern[0] == "**":
        return bool(pattern)
    if not parts:
        return True
    return len(pattern) > 1 and _part_matches(parts[0], pattern[0]) and may_lead(parts[1:], pattern[1:])


def _part_matches(part: str, pattern: str) -> bool:
    return part == pattern or fnmatchcase(part, pattern)


def first_hidden(parts: Sequence[str], pattern: Sequence[str], underscore: bool) -> int | None:
    """The place of the first part that is hidden, unless the pattern asks for it by its first character.

    Names that begin with `.` are hidden, as in a shell; with `underscore` those with `_` too, as in Hadoop and Spark
    (`_SUCCESS`, `_temporary`), but not folders of a partition (`_year=2024`).
    """
    for place, part in enumerate(parts):
        marked = part[:1] == "." or (underscore and part[:1] == "_" and "=" not in part)
        if marked and not any(asked[:1] == part[0] and fnmatchcase(part, asked) for asked in pattern):
            return place
    return None


def likeness(name: str, suffixes: Sequence[str]) -> Likeness:
    """Whether a file is named like one of a format, like one of another, or says nothing (`part-00001`).

    Endings of compressions and numbers behind a format's ending are looked through: `.jsonl.gz`, `.jsonl.0001`.
    """
    name = name.rpartition("/")[2].lower()
    if not suffixes or name.endswith(tuple(suffixes)):
        return "format"
    bare = _PACKED.sub("", _NUMBER.sub("", _PACKED.sub("", name)))
    if bare.endswith(tuple(suffixes)):
        return "format"
    return "other" if _SUFFIX.search(bare) or _ABOUT.fullmatch(bare) else "unknown"
