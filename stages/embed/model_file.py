"""Static vectors of words from the two files that Model2Vec and its like write.

    model.safetensors   `embeddings` (or `embedding.weight`): float32, float16 or bfloat16 [vectors, dimensions]; maybe
                        `weights`, a factor of each token, and `mapping`, the vector of each token
    tokenizer.json      the vocabulary: WordPiece (## marks what goes on), or Unigram and BPE (▁ or Ġ marks a word's
                        beginning)

A word has the vector of the token that is all of it, case folded; where two tokens are, a lower-case one goes first.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from dspipe.kernels.shared_tables import shared_arrays
from dspipe.pipeline.errors import ConfigError
from dspipe.stages.shared.loaded import load_once, sha256_once

if TYPE_CHECKING:
    from dspipe.kernels.vectors.embed import WordRows

_TABLES = ("embeddings", "embedding.weight")
_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I8": "i1"}
_MAX_HEADER_BYTES = 1 << 26


class StaticModel:
    """A folder with a table of vectors and a vocabulary. What is wrong with them is a ConfigError."""

    def __init__(self, folder: Path) -> None:
        self.vectors_file, self.tokenizer_file = folder / "model.safetensors", folder / "tokenizer.json"

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return int(self._header[self._table]["shape"][1])

    def check(self, dimensions: int | None) -> None:
        """Look at both files, and at whether vectors have so many dimensions."""
        if dimensions is not None and dimensions > self.dimensions:
            raise ConfigError(f"the model has {self.dimensions} dimensions", ("dimensions",))
        if not 16 <= self.dimensions <= 1024:
            _refuse(f"{self.vectors_file} has vectors of {self.dimensions} dimensions; from 16 to 1024 can be taken")
        tokens = self._tokens()
        expected = self._header["mapping" if "mapping" in self._header else self._table]["shape"][0]
        if max(tokens.values(), default=-1) >= expected:
            _refuse(
                f"{self.tokenizer_file} has token {max(tokens.values())}, and {self.vectors_file} is for {expected}: "
                "they don't belong together"
            )

    def load(self, dimensions: int) -> "WordRows":
        """The vectors of words, mapped into memory: the workers of a machine share them."""
        from dspipe.kernels.vectors.embed import WordRows

        def build() -> WordRows:
            content = sha256_once(self.vectors_file)[:16] + sha256_once(self.tokenizer_file)[:16]
            tables = shared_arrays(f"words-{dimensions}", content, __name__, lambda: self._build(dimensions))
            return WordRows(tables["keys"], tables["rows"], tables["vectors"])

        return load_once("static vectors", [self.vectors_file, self.tokenizer_file], build, dimensions)

    def _build(self, dimensions: int) -> dict[str, npt.NDArray[Any]]:
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers
        from dspipe.kernels.vectors.embed import unit_hashes, word_table

        tokens = self._tokens()
        words = list(whole_words(tokens))
        numbers: list[int] = []
        hashes, units = unit_hashes(*text_buffers(pa.array([word for word, _ in words], pa.large_string())))
        row_of: dict[int, int] = {}
        for (_, token), unit, count in zip(words, hashes.tolist(), units.tolist(), strict=True):
            if count == 1 and unit not in row_of:
                row_of[unit] = len(numbers)
                numbers.append(token)
        if not numbers:
            _refuse(f"{self.tokenizer_file} has no token that is a whole word")
        chosen = np.array(numbers, np.int64)
        places = self._tensor("mapping").astype(np.int64)[chosen] if "mapping" in self._header else chosen
        vectors = self._tensor(self._table)[places, :dimensions].astype(np.float32)
        if "weights" in self._header:
            vectors *= self._tensor("weights").astype(np.float32)[chosen, None]
        if not np.isfinite(vectors).all():
            _refuse(f"{self.vectors_file} has numbers that aren't finite")
        keys, rows = word_table(np.array(list(row_of), np.uint64))
        return {"keys": keys, "rows": rows, "vectors": np.ascontiguousarray(vectors)}

    @cached_property
    def _table(self) -> str:
        for name in _TABLES:
            if name in self._header and len(self._header[name]["shape"]) == 2:
                return name
        has = ", ".join(list(self._header)[:4])
        _refuse(f"{self.vectors_file} holds no table of static vectors (a tensor {' or '.join(_TABLES)}); it has {has}")

    @cached_property
    def _header(self) -> dict[str, Any]:
        """The file's tensors: dtype, shape and place."""
        try:
            with self.vectors_file.open("rb") as file:
                (size,) = struct.unpack("<Q", file.read(8))
                header: dict[str, Any] = json.loads(file.read(size)) if size <= _MAX_HEADER_BYTES else {}
            header.pop("__metadata__", None)
            end = max(entry["data_offsets"][1] for entry in header.values())
            shapes = [entry["shape"] for entry in header.values()]
            if end + 8 + size != self.vectors_file.stat().st_size or not all(isinstance(s, list) for s in shapes):
                _refuse(f"{self.vectors_file} is cut short")
        except (OSError, ValueError, struct.error, AttributeError, LookupError, TypeError) as error:
            if isinstance(error, OSError):
                _refuse(f"can't read {self.vectors_file}: {error.strerror}")
            _refuse(f"{self.vectors_file} is no safetensors file")
        self._data_at = 8 + size
        return header

    def _tensor(self, name: str) -> npt.NDArray[Any]:
        entry = self._header[name]
        if entry["dtype"] not in _DTYPES:
            _refuse(f"{self.vectors_file}: {name} is {entry['dtype']}; known are {', '.join(_DTYPES)}")
        start, end = entry["data_offsets"]
        data = np.memmap(self.vectors_file, np.uint8, "r").view(np.ndarray)[self._data_at :][start:end]
        values = data.view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
        if entry["dtype"] == "BF16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        return values

    def _tokens(self) -> dict[str, int]:
        """The vocabulary."""
        try:
            model = json.loads(self.tokenizer_file.read_text("utf-8"))["model"]
            vocab = model["vocab"]
            pairs = vocab.items() if isinstance(vocab, dict) else ((pair[0], n) for n, pair in enumerate(vocab))
            return {str(token): int(number) for token, number in pairs}
        except OSError as error:
            _refuse(f"can't read {self.tokenizer_file}: {error.strerror}")
        except (ValueError, LookupError, TypeError):
            _refuse(f"{self.tokenizer_file} is no tokenizer with a vocabulary")


def find_static_model(model: str) -> StaticModel:
    """The model in a folder. Raises ConfigError."""
    folder = Path(model).expanduser()
    if not folder.is_dir():
        _refuse(f"no folder {model}: expected one with model.safetensors and tokenizer.json")
    found = StaticModel(folder)
    for file in (found.vectors_file, found.tokenizer_file):
        if not file.is_file():
            _refuse(f"there is no {file.name} in {model}")
    return found


def whole_words(tokens: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """(word, token) of the tokens that may be a whole word, the one that goes first before others that fold to it."""
    marks = [mark for mark in ("▁", "Ġ") if sum(token.startswith(mark) for token in tokens) * 20 > len(tokens)]
    found = []
    for token, number in tokens.items():
        word, begins = token, not marks and not token.startswith("##")
        if marks and token.startswith(marks[0]):
            word, begins = token[1:], True
        # characters of unspaced scripts are words wherever they stand
        if begins or (len(token) == 1 and not token.isascii()):
            found.append((word != word.lower(), not begins, number, word))
    for _, _, number, word in sorted(found):
        yield word, number


def _refuse(message: str) -> NoReturn:
    raise ConfigError(message, ("model",))
