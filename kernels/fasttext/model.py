"""fastText model files (.bin and .ftz) as arrays that a kernel can walk.

The layout is that of fastText 0.9 (format version 12, and 11 before it): arguments, dictionary, input matrix, output
matrix; see `FastText::saveModel`, `Dictionary::save`, `DenseMatrix::save`, `QMatrix::save` and
`ProductQuantizer::save` in its source. Product-quantized matrices (Joulin et al., "FastText.zip", 2016) are expanded
to float32 once: 50,000 rows of 16 are 3 MB, and a row is then one cache line instead of eight table look-ups. Large
dense matrices are mapped from the file, so that the workers of a machine share one copy in the page cache.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dspipe.kernels.fasttext.dictionary import skip_entries

Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]

_MAGIC = 793712314
_SUPERVISED = 3
_NO_PRUNING = -1
_MAX_WORD_NGRAMS = 100
# fastText's own weight for what isn't in the Huffman tree yet
_MAX_LABELLED = 10**15
LOSSES = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
LABEL_PREFIX = "__label__"


class ModelError(ValueError):
    """A file that is not a supervised fastText model that this reader knows, or that is cut short."""


@dataclass(frozen=True)
class FastTextModel:
    """A supervised fastText model.

    words         how many words the dictionary has: row i of `inputs` belongs to the word i
    dictionary    uint8, their entries as they stand in the file (kernels.fasttext.dictionary), mapped
    labels        label names without the `__label__` prefix
    counts        int64, occurrences of each label in the training data: they shape the Huffman tree
    inputs        float32 [words + buckets, dim]; subword and word n-gram rows follow the words' rows
    outputs       float32 [labels, dim] (for `hs`: one row per inner node of the tree)
    pruned        None, or int32 [n, 2]: the buckets that survived pruning, and their row after the words' rows
    buckets       n-gram hashes are taken modulo this
    """

    loss: str
    dim: int
    min_n: int
    max_n: int
    word_ngrams: int
    buckets: int
    words: int
    dictionary: npt.NDArray[np.uint8]
    labels: list[str]
    counts: npt.NDArray[np.int64]
    inputs: Float32
    outputs: Float32
    pruned: Int32 | None


class _Reader:
    """Typed reads from the mapped file; every read past the end is a ModelError."""

    def __init__(self, path: Path) -> None:
        self.data: npt.NDArray[np.uint8] = np.memmap(path, np.uint8, "r").view(np.ndarray)
        self.path, self.at = path, 0

    def take(self, size: int) -> npt.NDArray[np.uint8]:
        if size < 0 or self.at + size > len(self.data):
            raise ModelError(f"{self.path}: cut short or damaged: {size} bytes wanted at offset {self.at}")
        self.at += size
        return self.data[self.at - size : self.at]

    def scalars(self, form: str) -> tuple[int, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)).tobytes())

    def word(self) -> bytes:
        for length in (64, 4096, len(self.data)):
            chunk = self.data[self.at : self.at + length].tobytes()
            end = chunk.find(b"\0")
            if end >= 0:
                self.at += end + 1
                return chunk[:end]
        raise ModelError(f"{self.path}: cut short or damaged: a dictionary entry without an end")

    def entries(self, count: int) -> npt.NDArray[np.uint8]:
        end = skip_entries(self.data, self.at, count)
        if end < 0:
            raise ModelError(f"{self.path}: cut short or damaged: a dictionary entry without an end")
        return self.take(end - self.at)

    def array(self, kind: type, count: int, map_above: int) -> npt.NDArray[np.generic]:
        raw = self.take(count * np.dtype(kind).itemsize)
        array: npt.NDArray[np.generic] = raw.view(kind) if len(raw) > map_above else np.frombuffer(raw.tobytes(), kind)
        return array


def read_model(path: Path, map_above: int = 1 << 25) -> FastTextModel:
    """Read a supervised model. Dense matrices over `map_above` bytes are mapped (possibly unaligned), not copied.

    Raises ModelError for a file that is not such a model or is cut short, OSError when it cannot be read.
    """
    if path.stat().st_size < 64:
        raise ModelError(f"{path}: not a fastText model: {path.stat().st_size} bytes")
    reader = _Reader(path)
    magic, version = reader.scalars("ii")
    if magic != _MAGIC:
        raise ModelError(f"{path}: not a fastText model: it does not begin with fastText's magic number")
    if version not in (11, 12):
        raise ModelError(f"{path}: fastText format version {version}; versions 11 and 12 are known")
    dim, _, _, _, _, word_ngrams, loss, kind, buckets, min_n, max_n, _ = reader.scalars("12i")
    reader.scalars("d")
    if kind != _SUPERVISED:
        raise ModelError(f"{path}: word vectors, not a classifier: a model trained with `supervised` is needed")
    if loss not in LOSSES or dim <= 0 or buckets < 0 or word_ngrams > _MAX_WORD_NGRAMS:
        numbers = f"loss {loss}, dimension {dim}, {buckets} buckets, n-grams of {word_ngrams} words"
        raise ModelError(f"{path}: damaged: {numbers}")
    if version == 11:
        max_n = 0  # supervised models of that version ignored subwords

    size, word_count, label_count = reader.scalars("3i")
    _, pruned_size = reader.scalars("qq")
    if size != word_count + label_count or label_count <= 0 or word_count < 0:
        raise ModelError(f"{path}: damaged: {size} entries, {word_count} words, {label_count} labels")
    dictionary = reader.entries(word_count)
    labels, label_counts = [], []
    for _ in range(label_count):
        labels.append(reader.word())
        label_counts.append(reader.scalars("qb")[0])
    if min(label_counts) < 0 or sum(label_counts) >= _MAX_LABELLED:
        raise ModelError(f"{path}: damaged: labels that were seen {min(label_counts)} to {max(label_counts)} times")
    pruned = None
    if pruned_size != _NO_PRUNING:
        pruned = np.array(reader.array(np.int32, 2 * pruned_size, 0), np.int32).reshape(-1, 2)

    quantized = reader.scalars("?")[0]
    inputs = _quantized(reader, dim) if quantized else _dense(reader, dim, map_above)
    quantized_output = reader.scalars("?")[0]
    outputs = _quantized(reader, dim) if quantized and quantized_output else _dense(reader, dim, map_above)
    if reader.at != len(reader.data):
        raise ModelError(f"{path}: damaged: {len(reader.data) - reader.at} bytes after the model's end")
    rows = word_count + (buckets if pruned is None else len(pruned))
    if len(inputs) < rows or len(outputs) < label_count:
        raise ModelError(f"{path}: damaged: matrices of {len(inputs)} and {len(outputs)} rows are too small")
    if (
        pruned is not None
        and len(pruned)
        and (pruned.min() < 0 or (pruned.max(axis=0) >= [buckets, len(pruned)]).any())
    ):
        raise ModelError(f"{path}: damaged: the table of pruned n-grams points outside the matrix")
    return FastTextModel(
        loss=LOSSES[loss],
        dim=dim,
        min_n=min_n,
        max_n=max_n,
        word_ngrams=word_ngrams,
        buckets=buckets,
        words=word_count,
        dictionary=dictionary,
        labels=[label.decode("utf-8", "replace").removeprefix(LABEL_PREFIX) for label in labels],
        counts=np.array(label_counts, np.int64),
        inputs=inputs,
        outputs=outputs,
        pruned=pruned,
    )


def _dense(reader: _Reader, dim: int, map_above: int) -> Float32:
    rows, columns = reader.scalars("qq")
    if columns != dim or rows < 0:
        raise ModelError(f"{reader.path}: damaged: a matrix of {rows} x {columns} where {dim} columns are expected")
    matrix: Float32 = reader.array(np.float32, rows * columns, map_above).reshape(rows, columns)  # type: ignore[assignment]
    return matrix


def _quantized(reader: _Reader, dim: int) -> Float32:
    """A product-quantized matrix, expanded: each row is its norm times the concatenation of its parts' centroids."""
    with_norms = reader.scalars("?")[0]
    rows, columns = reader.scalars("qq")
    (code_size,) = reader.scalars("i")
    if columns != dim or rows < 0:
        raise ModelError(f"{reader.path}: damaged: a matrix of {rows} x {columns} where {dim} columns are expected")
    codes = reader.take(code_size)
    width, parts, part_width, last_width, centroids = _quantizer(reader)
    if width != dim or parts * rows != code_size or (parts - 1) * part_width + last_width != dim:
        raise ModelError(f"{reader.path}: damaged: quantizer of {parts} parts for {dim} columns")
    codes = codes.reshape(rows, parts)
    matrix = np.empty((rows, dim), np.float32)
    for part in range(parts):
        # the last part may be narrower (ProductQuantizer::get_centroids)
        this_width = last_width if part == parts - 1 else part_width
        start = part * 256 * part_width
        table = centroids[start : start + 256 * this_width].reshape(256, this_width)
        matrix[:, part * part_width : part * part_width + this_width] = table[codes[:, part]]
    if with_norms:
        norm_codes = reader.take(rows)
        norms = _quantizer(reader)[-1]
        matrix *= norms[norm_codes][:, None]
    return matrix


def _quantizer(reader: _Reader) -> tuple[int, int, int, int, Float32]:
    width, parts, part_width, last_width = reader.scalars("4i")
    if width <= 0 or parts <= 0:
        raise ModelError(f"{reader.path}: damaged: a quantizer of {parts} parts over {width} columns")
    centroids = np.array(reader.array(np.float32, width * 256, 0), np.float32)
    return width, parts, part_width, last_width, centroids
