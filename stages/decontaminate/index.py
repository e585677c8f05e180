"""The index of n-grams of benchmark files, with the names of what they are from."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dspipe.pipeline.environment import no_such
from dspipe.pipeline.errors import ConfigError
from dspipe.stages.decontaminate.questions import questions
from dspipe.stages.shared.loaded import load_once, sha256_once
from dspipe.stages.shared.path_patterns import files_matching

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from dspipe.kernels.dedup.ngram_overlap import Index


class Named(NamedTuple):
    """benchmarks: string, the files' names; of_item: int32, the benchmark of each question; items: string, its id."""

    benchmarks: "pa.Array"
    of_item: "pa.Array"
    items: "pa.Array"


class BenchmarkSettings(NamedTuple):
    """The settings of `decontaminate` that the index is made by; `DecontaminateConfig` describes them."""

    against: tuple[str, ...]
    fields: tuple[str, ...] | None
    ngram: int
    shortest: int
    common: int

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**self._asdict(), "against": list(self.against), "fields": list(self.fields) if self.fields else None}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "BenchmarkSettings":
        """From settings that have what `as_json` gives among others."""
        fields = settings["fields"]
        given = {name: settings[name] for name in ("ngram", "shortest", "common")}
        return cls(tuple(settings["against"]), tuple(fields) if fields else None, **given)


class BenchmarkIndex:
    """What documents are compared with, made when it is first asked for."""

    def __init__(self, settings: BenchmarkSettings) -> None:
        self.settings = settings

    @cached_property
    def files(self) -> list[Path]:
        """The benchmark files. Raises ConfigError where a pattern has none."""
        files: list[Path] = []
        for number, pattern in enumerate(self.settings.against):
            path = Path(pattern).expanduser()
            if path.is_dir():
                message = f"{pattern} is a folder; name its benchmarks: {pattern.rstrip('/')}/*.jsonl"
                raise ConfigError(message, ("against", number))
            found = [path] if path.is_file() else files_matching(path, ("against", number))
            if not found:
                raise ConfigError(no_such("such file:", pattern), ("against", number))
            files += found
        return files

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the benchmarks, by name and content, and what makes the index of them."""
        making = {name: value for name, value in self.settings.as_json().items() if name != "against"}
        digest = hashlib.sha256(json.dumps(making, sort_keys=True).encode())
        for path in self.files:
            digest.update(f"\n{path.name} {sha256_once(path)}".encode())
        return digest.hexdigest()

    @property
    def ngrams(self) -> int:
        """How many n-grams there are."""
        return len(self.table.rows) - 1

    @property
    def table(self) -> "Index":
        """The n-grams."""
        return self._loaded[0]

    @property
    def named(self) -> Named:
        """The names of benchmarks and questions."""
        return self._loaded[1]

    @cached_property
    def _loaded(self) -> "tuple[Index, Named]":
        return load_once("decontaminate", self.files, self._load, self.settings)

    def _load(self) -> "tuple[Index, Named]":
        """Built by the first worker of a machine."""
        import numpy as np
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers, text_column
        from dspipe.kernels.dedup.ngram_overlap import Index, build_index
        from dspipe.kernels.shared_tables import shared_arrays

        def build() -> "dict[str, npt.NDArray[Any]]":
            given = self.settings
            asked = [(number, item, text) for number, path in enumerate(self.files)
                     for item, text in questions(path, given.fields)]  # fmt: skip
            column = pa.array([text for _, _, text in asked], pa.large_string())
            index = build_index(*text_buffers(column), given.ngram, given.shortest, given.common)
            names, ends = text_buffers(pa.array([item for _, item, _ in asked], pa.large_string()))
            of_item = np.array([number for number, _, _ in asked], np.int32)
            return {**index._asdict(), "item_names": names, "item_ends": ends, "of_item": of_item}

        arrays = shared_arrays("decontaminate", self.digest, "dspipe.kernels.dedup.ngram_overlap", build)
        items = text_column(arrays["item_names"], arrays["item_ends"]).cast(pa.string())
        benchmarks = pa.array([path.name.partition(".")[0] for path in self.files], pa.string())
        index = Index(**{name: arrays[name] for name in Index._fields})
        return index, Named(benchmarks, pa.array(arrays["of_item"]), items)
