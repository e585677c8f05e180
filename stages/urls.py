"""Block lists for URLs: domains with their subdomains, URLs with what lies below them, and words.

    - urls: {block: [lists/ut1, extra-domains.txt], words: [casino]}

A folder is read for files named `domains`, `urls` and `words` in it and its subfolders, the form of the UT1 lists of
the University of Toulouse that RefinedWeb (Penedo et al., 2023, section 3.1) and FineWeb block with; the categories of
interest are named by giving their folders (`lists/ut1/adult`). A file is read line by line, one entry each. Hosts match
however they are written: in Unicode, percent-encoded, or in Punycode (kernels.urls.hosts).
"""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import field_validator

from dspipe.pipeline.environment import FilePath, no_such
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import MapConfig, MapStage, Settings
from dspipe.stages.shared.loaded import load_once, sha256_once

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from dspipe.kernels.urls.lists import Table

_NAMES = {"domains": "domain", "urls": "url", "words": "word"}


class UrlsConfig(MapConfig):
    """Settings of `urls`."""

    block: tuple[FilePath, ...] = ()
    """List files and folders of lists. A file named `domains`, `urls` or `words` (with any suffix) holds these; of
    another, lines with a path are URLs and the others domains."""

    words: tuple[str, ...] = ()
    """Block URLs that hold one of these as a whole word: a run of letters and digits, in any case."""

    @field_validator("block", "words", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class UrlsStage(MapStage[UrlsConfig]):
    """Adds `urls.blocked` (string: domain, url, word, or null). Drops with `urls.blocked_domain`, `urls.blocked_url`
    and `urls.blocked_word`; a document without a URL is kept.

    Reads no text, so with `early: true` and before `extract` blocked pages are not even parsed."""

    Config = UrlsConfig

    def check(self) -> None:
        if not self.config.block and not self.config.words:
            raise ConfigError("nothing to block: give `block` or `words`")
        for number, word in enumerate(self.config.words):
            if not word.isalnum():
                raise ConfigError(f"not a word of letters and digits: {word!r}", ("words", number))
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

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.urls.keys import KINDS
        from dspipe.kernels.urls.lists import blocked_by

        found = blocked_by(*text_buffers(batch.column("url")), self._table)
        kinds = pa.array([None, *KINDS], pa.string())
        return batch.append_column(self.measured_columns()[0], kinds.take(pa.array(found)))

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
                    raise ConfigError(f"{path}: no file named domains, urls or words in this folder", ("block", number))
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
        return digest.hexdigest()

    @cached_property
    def _table(self) -> "Table":
        """The lists' table, built by the first worker of a machine."""
        import numpy as np

        from dspipe.kernels.shared_tables import shared_arrays
        from dspipe.kernels.urls.lists import Table, build_table, entry_keys

        def build() -> "dict[str, npt.NDArray[Any]]":
            parts = [entry_keys(path.read_bytes(), kind) for path, kind in self._lists]
            parts.append(entry_keys("\n".join(self.config.words).encode(), "word"))
            table = build_table(parts)
            return {"slots": table.slots, "kinds": np.array([table.kinds])}

        def load() -> Table:
            arrays = shared_arrays("urls", self._digest, "dspipe.kernels.urls.lists", build)
            return Table(arrays["slots"], int(arrays["kinds"][0]))

        kinds = tuple(kind for _, kind in self._lists)
        return load_once("urls", [path for path, _ in self._lists], load, kinds, self.config.words)
