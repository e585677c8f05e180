"""Block lists for URLs: domains with their subdomains, URLs with what lies below them, and words.

    - urls: {block: [lists/ut1, extra-domains.txt], words: [casino]}

A folder is read for files named `domains`, `urls` and `words` in it and its subfolders, the form of the UT1 lists of
the University of Toulouse that RefinedWeb (Penedo et al., 2023, section 3.1) and FineWeb block with; the categories of
interest are named by giving their folders (`lists/ut1/adult`). A file is read line by line, one entry each. Hosts match
however they are written: in Unicode, percent-encoded, or in Punycode (kernels.urls.hosts).

Beside words that are enough for a block there are words of which two are needed, and strings that may stand anywhere in
what is left of a URL without its punctuation (RefinedWeb, appendix G.1: soft, and strict).
"""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import PositiveInt, field_validator

from dspipe.pipeline.environment import FilePath, no_such
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import MapConfig, MapStage, Settings
from dspipe.stages.shared.loaded import load_once, sha256_once

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from dspipe.kernels.urls.lists import Table

_NAMES = {
    "domains": "domain",
    "urls": "url",
    "words": "word",
    "soft_words": "soft_words",
    "substrings": "substring",
}
"""names of list files, and what blocks by them"""
_BY_TABLE = ("domain", "url", "word", None)
"""the kinds of lists that are looked up in one table"""


class UrlsConfig(MapConfig):
    """Settings of `urls`."""

    block: tuple[FilePath, ...] = ()
    """List files and folders of lists. A file named `domains`, `urls`, `words`, `soft_words` or `substrings` (with any
    suffix) holds these; of another, lines with a path are URLs and the others domains."""

    words: tuple[str, ...] = ()
    """Block URLs that hold one of these as a whole word: a run of letters and digits, in any case."""

    soft_words: tuple[str, ...] = ()
    """Block URLs that hold several of these as whole words."""

    soft_least: PositiveInt = 2
    """How many different ones."""

    substrings: tuple[str, ...] = ()
    """Block URLs that hold one of these anywhere, once all but ASCII letters and digits is taken out of both."""

    @field_validator("block", "words", "soft_words", "substrings", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class UrlsStage(MapStage[UrlsConfig]):
    """Adds `urls.blocked` (string: domain, url, word, soft_words, substring, or null). Drops with `urls.blocked_domain`
    and so on; a document without a URL is kept.

    Reads no text, so with `early: true` and before `extract` blocked pages are not even parsed."""

    Config = UrlsConfig

    def check(self) -> None:
        config = self.config
        if not (config.block or config.words or config.soft_words or config.substrings):
            raise ConfigError("nothing to block: give `block`, `words`, `soft_words` or `substrings`")
        for key, words in ("words", config.words), ("soft_words", config.soft_words):
            for number, word in enumerate(words):
                if not word.isalnum():
                    raise ConfigError(f"not a word of letters and digits: {word!r}", (key, number))
        for number, text in enumerate(config.substrings):
            if not letters_and_digits(text):
                raise ConfigError(f"no ASCII letter or digit in {text!r}", ("substrings", number))
        _ = self._lists

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        import pyarrow as pa

        return (pa.field("urls.blocked", pa.string()),)

    def measure_settings(self) -> Settings:
        return {"lists": self._digest}

    def set_up(self) -> None:
        _ = self._table

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        import pyarrow as pa
        import pyarrow.compute as pc

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.urls.keys import KINDS
        from dspipe.kernels.urls.lists import blocked_by

        found = blocked_by(*text_buffers(batch.column("url")), self._table)
        blocked = pa.array([None, *KINDS], pa.string()).take(pa.array(found))
        for kind, holds in ("soft_words", self._holds_soft_words), ("substring", self._holds_substring):
            if self._entries(kind):
                blocked = pc.coalesce(
                    blocked, pc.if_else(holds(batch.column("url")), kind, pa.scalar(None, pa.string()))
                )
        return batch.append_column(self.measured_columns()[0], blocked)

    def _holds_soft_words(self, urls: "pa.Array") -> "pa.Array":
        """bool: which URLs hold enough different soft words."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        split = pc.split_pattern_regex(pc.ascii_lower(pc.fill_null(urls, "")), "[^a-z0-9]+")
        entries = pa.array(self._entries("soft_words"), pa.string())
        which = pc.index_in(split.flatten(), entries).fill_null(-1).to_numpy().astype(np.int64)
        rows = pc.list_parent_indices(split).to_numpy()[which >= 0]
        # a word that stands there twice counts once
        pairs = np.unique(rows * len(entries) + which[which >= 0])
        return pa.array(np.bincount(pairs // len(entries), minlength=len(urls)) >= self.config.soft_least)

    def _holds_substring(self, urls: "pa.Array") -> "pa.Array":
        """bool: which URLs hold one of the strings."""
        import pyarrow.compute as pc

        plain = pc.replace_substring_regex(pc.ascii_lower(pc.fill_null(urls, "")), "[^a-z0-9]+", "")
        return pc.match_substring_regex(plain, "|".join(self._entries("substring")))

    def judge_columns(self) -> tuple[str, ...]:
        return ("urls.blocked",)

    def judge(self, columns: "pa.RecordBatch") -> "pa.Array":
        import pyarrow.compute as pc

        return pc.binary_join_element_wise("urls.blocked", columns.column("urls.blocked"), "_")

    @cached_property
    def _lists(self) -> list[tuple[Path, str | None]]:
        """The list files, each with the kind of its entries."""
        lists: list[tuple[Path, str | None]] = []
        for number, name in enumerate(self.config.block):
            path = Path(name).expanduser()
            if path.is_dir():
                inside = sorted(file for file in path.rglob("*") if file.is_file() and file.stem in _NAMES)
                if not inside:
                    names = "domains, urls, words, soft_words or substrings"
                    raise ConfigError(f"{path}: no file named {names} in this folder", ("block", number))
                lists += [(file, _NAMES[file.stem]) for file in inside]
            elif path.is_file():
                lists.append((path, _NAMES.get(path.stem)))
            else:
                raise ConfigError(no_such("such file or folder:", str(path)), ("block", number))
        return lists

    @cached_property
    def _digest(self) -> str:
        """SHA-256 over the lists' contents and kinds, wherever they lie."""
        digest = hashlib.sha256()
        for path, kind in self._lists:
            digest.update(f"{kind} {sha256_once(path)}\n".encode())
        digest.update("\n".join(self.config.words).encode())
        for kind in "soft_words", "substring":
            if entries := self._entries(kind):
                digest.update(f"\n{kind} {self.config.soft_least} {' '.join(entries)}".encode())
        return digest.hexdigest()

    def _entries(self, kind: str) -> tuple[str, ...]:
        """The soft words or substrings, of the config and of the list files, each once: ASCII letters and digits in
        lower case."""
        given = self.config.soft_words if kind == "soft_words" else self.config.substrings
        files = [path for path, held in self._lists if held == kind]

        def read() -> tuple[str, ...]:
            lines = [line for path in files for line in path.read_text("utf-8", "replace").splitlines()]
            entries = (letters_and_digits(line) for line in (*given, *lines) if not line.lstrip().startswith("#"))
            return tuple(sorted(set(filter(None, entries))))

        return load_once("urls-entries", files, read, kind, given)

    @cached_property
    def _table(self) -> "Table":
        """The lists' table, built by the first worker of a machine."""
        import numpy as np

        from dspipe.kernels.shared_tables import shared_arrays
        from dspipe.kernels.urls.lists import Table, build_table, entry_keys

        def build() -> "dict[str, npt.NDArray[Any]]":
            parts = [entry_keys(path.read_bytes(), kind) for path, kind in self._lists if kind in _BY_TABLE]
            parts.append(entry_keys("\n".join(self.config.words).encode(), "word"))
            table = build_table(parts)
            return {"slots": table.slots, "kinds": np.array([table.kinds])}

        def load() -> Table:
            arrays = shared_arrays("urls", self._digest, "dspipe.kernels.urls.lists", build)
            return Table(arrays["slots"], int(arrays["kinds"][0]))

        kinds = tuple(kind for _, kind in self._lists)
        return load_once("urls", [path for path, _ in self._lists], load, kinds, self.config.words)


def letters_and_digits(text: str) -> str:
    """The ASCII letters, in lower case, and digits of a text."""
    return "".join(character for character in text.lower() if character.isascii() and character.isalnum())
