"""Re-reading packed shards: is everything there that the manifest, the plan and the documents say?

Used by `dspipe verify`. Nothing is taken on trust from the manifest: checksums, structure, counts and sums are worked
out again from the files, and compared with the run's own columns (`copies`, `tokens`) and texts where they are there.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dspipe.stages.pack.document_table import SUFFIX
from dspipe.stages.pack.formats import mds, megatron
from dspipe.stages.pack.reading.shard_files import ShardError, Shards
from dspipe.stages.pack.shard_writer import ROWS_SUFFIX
from dspipe.stages.pack.verify.against_run import Found, check_drawn, check_texts
from dspipe.stages.pack.verify.findings import Findings
from dspipe.stages.pack.verify.run_rows import run_rows

if TYPE_CHECKING:
    import pyarrow as pa

    ReadRows = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]

BLOCK_TOKENS = 1 << 22


def verify_run(root: str | Path, sample: int = 64) -> Findings:
    """Verify the packed shards of a run directory, against the run's own documents. Raises ShardError if it has none.

    `sample`: how many documents' tokens are taken back to text. Shards on a remote storage are copied to the machine's
    temporary directory meanwhile, so it must have room for them.
    """
    from dspipe.pipeline.storage.store import Store

    store = Store(str(root))
    with tempfile.TemporaryDirectory(prefix="dspipe-verify-") as folder:

        def copied(name: str) -> Path | None:
            if not store.exists(name):
                return None
            copy = Path(folder) / name
            copy.write_bytes(store.read_bytes(name))
            return copy

        return verify(root, copied("tokenizer.json"), copied("mixture.json"), run_rows(str(root)), sample, folder)


def verify(
    path: str | Path,
    tokenizer: Path | None = None,
    mixture: Path | None = None,
    read_rows: "ReadRows | None" = None,
    sample: int = 64,
    copies: str | Path | None = None,
) -> Findings:
    """Verify packed shards by themselves, and against the tokenizer, the plan and the documents that are given.

    `read_rows(columns)` gives those columns of all documents of the run in batches, null where the run has no such
    column: `id`, `tokens`, `reason`, `copies` and `text` are asked for. Raises ShardError when there is no manifest.
    """
    result = Findings()
    shards = Shards(path, copies)
    index = shards.index
    found = Found()
    broken = False
    for number, part in enumerate(shards.parts):
        try:
            _check_files(shards, number, result)
            _check_rows(shards, number, result)
            found.add(shards.documents(number), index)
        except (ShardError, ValueError, OSError, KeyError, IndexError) as error:
            result.problems.append(f"shard {number}: {error}")
            broken = True
        result.count("shards")
        result.count("rows", part["rows"])
    if not broken:
        for name in ("rows", "tokens", "padding"):
            result.expect("all shards", name, sum(part[name] for part in shards.parts), index[name])
        result.expect("all shards", "documents", found.documents, index["documents"] - index["dropped_documents"])
    _check_source("tokenizer", tokenizer, index["tokenizer_sha256"], result)
    _check_source("mixture", mixture, index["mixture_sha256"], result)
    if read_rows is None:
        result.skipped.append("documents against the run's columns and texts: there is no run beside the shards")
    elif not broken:
        check_drawn(found, shards, mixture, read_rows, result)
        if tokenizer is not None:
            check_texts(shards, tokenizer, read_rows, sample, result)
    return result


def _check_files(shards: Shards, number: int, result: Findings) -> None:
    part, index = shards.parts[number], shards.index
    for suffix, entry in part["files"].items():
        file = shards.file(number, suffix)
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != entry["sha256"]:
            result.problems.append(f"shard {number}: {file} was changed: its sha256 is {digest.hexdigest()}")
        result.count("files")
        result.count("bytes", entry["bytes"])
        if suffix == ".idx":
            wrong = megatron.check_index(file.read_bytes(), part["rows"], index["row_length"], shards.dtype)
            if wrong:
                result.problems.append(f"shard {number}: {file}: {wrong}")
        if suffix == ".mds":
            header = mds.header(part["rows"], index["row_length"], shards.dtype)
            with file.open("rb") as stream:
                if stream.read(len(header)) != header:
                    result.problems.append(f"shard {number}: {file}: its header names other rows than the manifest")
    if ROWS_SUFFIX[index["format"]] not in part["files"] or SUFFIX not in part["files"]:
        raise ShardError("the manifest names no rows or no table of documents")


def _check_rows(shards: Shards, number: int, result: Findings) -> None:
    """The pieces tile the rows, the ids are in range, padding is padding, documents end with the end token."""
    part, index, where = shards.parts[number], shards.index, f"shard {number}"
    rows, length = shards.tokens(number), shards.row_length
    documents = shards.documents(number)
    arrays = documents.arrays
    result.expect(where, "rows", len(rows), part["rows"])
    lengths = np.asarray(arrays["piece_length"], np.int64)
    result.expect(where, "tokens", int(lengths.sum()), part["tokens"])
    result.expect(where, "padding", len(rows) * length - int(lengths.sum()), part["padding"])
    result.expect(where, "documents", len(documents.begun()), part["documents"])
    for name in ("domain", "source"):
        result.expect(where, f"{name}s", documents.tokens_by(getattr(documents, f"{name}s"), name), part[f"{name}s"])
    row_pieces = np.asarray(arrays["row_pieces"])
    row = np.repeat(np.arange(len(rows)), np.diff(row_pieces))
    before = np.cumsum(lengths) - lengths
    columns = before - before[row_pieces[row]] if len(row) else before
    ends = arrays["piece_start"] + lengths
    stream_lengths = arrays["tokens"][arrays["piece_document"]]
    if not np.array_equal(columns, arrays["piece_column"]) or (columns + lengths > length).any():
        result.problems.append(f"{where}: the pieces overlap, leave gaps or are longer than a row")
        return
    if (arrays["piece_start"] < 0).any() or (ends > stream_lengths).any() or (lengths < 1).any():
        result.problems.append(f"{where}: a piece is outside its document")
    filled = np.bincount(row, lengths, len(rows)).astype(np.int64)
    step = max(1, BLOCK_TOKENS // length)
    document_end = ends == stream_lengths
    for start in range(0, len(rows), step):
        stop = min(len(rows), start + step)
        block = np.stack([rows[i] for i in range(start, stop)])
        if int(block.max(initial=0)) >= index["vocabulary"]:
            at = start + int(np.argmax((block >= index["vocabulary"]).any(axis=1)))
            result.problems.append(f"{where}, row {at}: id {block.max()} is not below {index['vocabulary']:,}")
        padding = np.arange(length) >= filled[start:stop, None]
        if (block[padding] != index["pad_token"]).any():
            result.problems.append(
                f"{where}: rows {start}..{stop - 1} have other tokens than padding behind their pieces"
            )
        here = slice(int(row_pieces[start]), int(row_pieces[stop]))
        closing = np.flatnonzero(document_end[here]) + here.start
        tokens = block[row[closing] - start, columns[closing] + lengths[closing] - 1]
        if (tokens != index["end_token"]).any():
            wrong = closing[np.argmax(tokens != index["end_token"])]
            name = documents.id(int(arrays["piece_document"][wrong]))
            result.problems.append(f"{where}, row {row[wrong]}: document {name} doesn't end with the end token")
    result.count("tokens", int(lengths.sum()))


def _check_source(name: str, path: Path | None, stated: str | None, result: Findings) -> None:
    if stated is None:
        return
    if path is None:
        result.skipped.append(f"the {name} of the shards: it is not there to compare")
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != stated:
        result.problems.append(f"{path.name} is another {name} than the one that the shards were made with")
