"""Re-reading packed shards: is everything there that the manifest, the plan and the documents say?

Used by `dspipe verify`. Nothing is taken on trust from the manifest: checksums, structure, counts and sums are worked
out again from the files, and compared with the run's own columns (`copies`, `tokens`) and texts where they are there.
"""

import hashlib
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.storage.store import Store
from dspipe.stages.pack.document_table import SUFFIX, DocumentTable
from dspipe.stages.pack.formats import mds, megatron
from dspipe.stages.pack.manifest import ROWS_SUFFIX
from dspipe.stages.pack.reading.shard_files import ShardError, Shards
from dspipe.stages.pack.segments import Int64
from dspipe.stages.pack.verify.against_run import PackedDocuments, ReadRows, check_drawn, check_texts
from dspipe.stages.pack.verify.findings import Findings
from dspipe.stages.pack.verify.run_rows import open_rows

BLOCK_TOKENS = 1 << 22
"""Rows that are looked at together."""


def verify_run(root: str | Path, sample: int = 64) -> Findings:
    """Verify the packed shards of a run directory, against the run's own documents. Raises ShardError if it has none.

    `sample`: how many documents' tokens are taken back to text. Shards on a remote storage are copied to the machine's
    temporary directory meanwhile, so it must have room for them.
    """
    store = Store(str(root))
    with tempfile.TemporaryDirectory(prefix="dspipe-verify-") as folder:

        def copy(name: str) -> Path | None:
            if not store.exists(name):
                return None
            target = Path(folder) / name
            target.write_bytes(store.read_bytes(name))
            return target

        tokenizer, mixture = copy("tokenizer.json"), copy("mixture.json")
        return verify_shards(root, tokenizer, mixture, open_rows(str(root)), sample, folder)


def verify_shards(
    path: str | Path,
    tokenizer: Path | None = None,
    mixture: Path | None = None,
    read_rows: ReadRows | None = None,
    sample: int = 64,
    copies: str | Path | None = None,
) -> Findings:
    """Verify packed shards by themselves, and against the tokenizer, the plan and the documents that are given.

    `read_rows(columns)` gives those columns of all documents of the run in batches, null where the run has no such
    column: `id`, `tokens`, `reason`, `copies` and `text` are asked for. Raises ShardError when there is no manifest.
    """
    result = Findings()
    shards = Shards(path, copies)
    manifest, packed, broken = shards.manifest, PackedDocuments(), False
    for number, part in enumerate(shards.parts):
        try:
            _check_files(shards, number, result)
            _check_table(shards, number, result)
            packed.add_shard(shards.table(number), manifest)
        except (ShardError, ValueError, OSError, KeyError, IndexError) as error:
            result.problems.append(f"shard {number}: {error}")
            broken = True
        result.count("shards")
        result.count("rows", part.rows)
    if not broken:
        result.expect("all shards", "rows", sum(part.rows for part in shards.parts), manifest.rows)
        result.expect("all shards", "tokens", sum(part.tokens for part in shards.parts), manifest.tokens)
        result.expect("all shards", "padding", sum(part.padding for part in shards.parts), manifest.padding)
        result.expect("all shards", "documents", packed.documents, manifest.documents - manifest.dropped_documents)
    _check_digest("tokenizer", tokenizer, manifest.tokenizer_sha256, result)
    _check_digest("mixture", mixture, manifest.mixture_sha256, result)
    if read_rows is None:
        result.skipped.append("documents against the run's columns and texts: there is no run beside the shards")
    elif not broken:
        check_drawn(packed, shards, mixture, read_rows, result)
        if tokenizer is not None:
            check_texts(shards, tokenizer, read_rows, sample, result)
    return result


def _check_files(shards: Shards, number: int, result: Findings) -> None:
    """Each file has the checksum that the manifest says, and the formats' own indexes name the same rows."""
    part, row_length = shards.parts[number], shards.row_length
    for suffix, entry in part.files.items():
        file = shards.local_path(number, suffix)
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
        if digest.hexdigest() != entry.sha256:
            result.problems.append(f"shard {number}: {file} was changed: its sha256 is {digest.hexdigest()}")
        result.count("files")
        result.count("bytes", entry.bytes)
        if suffix == ".idx":
            wrong = megatron.check_index(file.read_bytes(), part.rows, row_length, shards.dtype)
            if wrong:
                result.problems.append(f"shard {number}: {file}: {wrong}")
        if suffix == ".mds":
            header = mds.make_header(part.rows, row_length, shards.dtype)
            with file.open("rb") as stream:
                if stream.read(len(header)) != header:
                    result.problems.append(f"shard {number}: {file}: its header names other rows than the manifest")
    if ROWS_SUFFIX[shards.manifest.format] not in part.files or SUFFIX not in part.files:
        raise ShardError("the manifest names no rows or no table of documents")


def _check_table(shards: Shards, number: int, result: Findings) -> None:
    """The manifest counts what the table says, and the segments tile the rows; then the tokens in them."""
    part, where = shards.parts[number], f"shard {number}"
    rows, table = len(shards.tokens(number)), shards.table(number)
    lengths = np.asarray(table.segment_length, np.int64)
    result.expect(where, "rows", rows, part.rows)
    result.expect(where, "tokens", int(lengths.sum()), part.tokens)
    result.expect(where, "padding", rows * shards.row_length - int(lengths.sum()), part.padding)
    result.expect(where, "documents", len(table.find_begun()), part.documents)
    result.expect(where, "domains", table.count_by_domain(), part.domains)
    result.expect(where, "sources", table.count_by_source(), part.sources)
    row = np.repeat(np.arange(rows), np.diff(table.row_segments))
    before = np.cumsum(lengths) - lengths
    columns = before - before[table.row_segments[row]] if len(row) else before
    if not np.array_equal(columns, table.segment_column) or (columns + lengths > shards.row_length).any():
        result.problems.append(f"{where}: the segments overlap, leave gaps or are longer than a row")
        return
    ends = table.segment_start + lengths
    stream_lengths = table.documents.tokens[table.segment_document]
    if (table.segment_start < 0).any() or (ends > stream_lengths).any() or (lengths < 1).any():
        result.problems.append(f"{where}: a segment is outside its document")
    _check_tokens(shards, number, row, ends == stream_lengths, result)
    result.count("tokens", int(lengths.sum()))


def _check_tokens(shards: Shards, number: int, row: Int64, is_last: npt.NDArray[np.bool_], result: Findings) -> None:
    """The ids are in range, padding is padding, documents end with the end token.

    row int64[segments]: the row of each; is_last bool[segments]: whether its document ends with it.
    """
    rows, table, row_length = shards.tokens(number), shards.table(number), shards.row_length
    manifest, where = shards.manifest, f"shard {number}"
    filled = np.bincount(row, table.segment_length, len(rows)).astype(np.int64)
    step = max(1, BLOCK_TOKENS // row_length)
    for start in range(0, len(rows), step):
        stop = min(len(rows), start + step)
        block = np.stack([rows[i] for i in range(start, stop)])
        if int(block.max(initial=0)) >= manifest.vocabulary:
            wrong_row = start + int(np.argmax((block >= manifest.vocabulary).any(axis=1)))
            result.problems.append(f"{where}, row {wrong_row}: id {block.max()} is not below {manifest.vocabulary:,}")
        padding = np.arange(row_length) >= filled[start:stop, None]
        if (block[padding] != manifest.pad_token).any():
            result.problems.append(
                f"{where}: rows {start}..{stop - 1} have other tokens than padding behind their segments"
            )
        _check_end_tokens(table, block, start, row, is_last, manifest.end_token, where, result)


def _check_end_tokens(
    table: DocumentTable,
    block: npt.NDArray[np.integer],
    first_row: int,
    row: Int64,
    is_last: npt.NDArray[np.bool_],
    end_token: int,
    where: str,
    result: Findings,
) -> None:
    segments = slice(int(table.row_segments[first_row]), int(table.row_segments[first_row + len(block)]))
    closing = np.flatnonzero(is_last[segments]) + segments.start
    columns = np.asarray(table.segment_column, np.int64)[closing] + table.segment_length[closing] - 1
    tokens = block[row[closing] - first_row, columns]
    if (tokens != end_token).any():
        wrong = closing[np.argmax(tokens != end_token)]
        name = table.documents.id(int(table.segment_document[wrong]))
        result.problems.append(f"{where}, row {row[wrong]}: document {name} doesn't end with the end token")


def _check_digest(name: str, path: Path | None, stated: str | None, result: Findings) -> None:
    """The shards were made with the file at `path`."""
    if stated is None:
        return
    if path is None:
        result.skipped.append(f"the {name} of the shards: it is not there to compare")
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != stated:
        result.problems.append(f"{path.name} is another {name} than the one that the shards were made with")
