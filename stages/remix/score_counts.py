"""Documents and tokens by domain and score: what a curve's places in the quality order come from.

Counted are bins of scores, the upper bits of float32 (`stages.shared.quantiles`), so that sums over shards say exactly
which part of a domain stands below each bin. Sums are of whole numbers: neither batches nor shards change them.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.stages.remix.domain_counts import TooManyDomainsError
from dspipe.stages.remix.epochs import Domain, Int64, Scores
from dspipe.stages.shared.quantiles import Bins, scores_of

BINS = Bins(dropped=8)
"""2**-16 wide for scores of 0.5 to 1, narrower below"""

NO_SCORE = int(BINS.of(np.array([np.finfo(np.float32).min], np.float32))[0])
"""The bin of documents without a score: below all others."""

SQUARE_UNIT = 1024
"""Squares of tokens are counted in this unit, so that they fit whatever the corpus is."""

MAX_DOMAINS = 10_000
_MAX_ROWS = 1 << 20
"""Of batches that wait to be added up."""

_SUMS = ("documents", "tokens", "squares")
_SCHEMA = pa.schema([("domain", pa.string()), ("bin", pa.int64()), *((name, pa.int64()) for name in _SUMS)])


def score_bins(column: pa.Array) -> Int64:
    """The bin of each document's score, int64; `NO_SCORE` for null, NaN and infinities."""
    return BINS.of(scores_of(column))


class ScoreCounts:
    """Counts over batches and shards."""

    def __init__(self) -> None:
        self._parts: list[pa.Table] = []
        self._rows = 0

    def add(self, names: Sequence[str], codes: Int64, bins: Int64, tokens: Int64) -> None:
        """Add documents: number i is of domain names[codes[i]], in the bin bins[i] of scores, with tokens[i] tokens."""
        if len(codes) == 0:
            return
        keys = (codes << 32) | (bins + (1 << 31))
        order = np.argsort(keys, kind="stable")
        keys, tokens = keys[order], tokens[order]
        starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        found = keys[starts]
        sums = (np.ones(len(tokens), np.int64), tokens, _squares(tokens))
        self._add(
            pa.table(
                [
                    pa.array(names, pa.string()).take(pa.array(found >> 32)),
                    pa.array((found & 0xFFFFFFFF) - (1 << 31)),
                    *(pa.array(np.add.reduceat(values, starts)) for values in sums),
                ],
                schema=_SCHEMA,
            )
        )

    def add_bytes(self, content: bytes) -> None:
        """Add what `to_bytes` of another gave."""
        self._add(pa.ipc.open_stream(content).read_all())

    def to_bytes(self) -> bytes:
        """An Arrow stream: domain, bin, documents, tokens, squares (in SQUARE_UNIT), by domain and bin."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, _SCHEMA) as writer:
            writer.write_table(self._total())
        return bytes(sink.getvalue())

    def domains(self) -> list[Domain]:
        """The domains by name."""
        total = self._total()
        columns = {name: total.column(name).to_numpy() for name in ("bin", *_SUMS)}
        found = []
        encoded = pc.dictionary_encode(total.column("domain").combine_chunks())
        codes = encoded.indices.to_numpy()
        for code, name in enumerate(encoded.dictionary.to_pylist()):
            rows = slice(*np.searchsorted(codes, [code, code + 1]).tolist())  # sorted by domain
            bins, documents, tokens, squares = (columns[column][rows] for column in ("bin", *_SUMS))
            scored = int(documents[bins != NO_SCORE].sum())
            scores = Scores(bins, scored, squares.astype(float) * SQUARE_UNIT)
            found.append(Domain(name, int(documents.sum()), int(tokens.sum()), tokens, scores))
        return found

    def _add(self, part: pa.Table) -> None:
        self._parts.append(part)
        self._rows += part.num_rows
        if self._rows > _MAX_ROWS:
            self._parts = [self._total()]
            # what doesn't shrink isn't added up again with each batch
            self._rows = 0

    def _total(self) -> pa.Table:
        if not self._parts:
            return _SCHEMA.empty_table()
        together = pa.concat_tables(self._parts)
        grouped = together.group_by(["domain", "bin"], use_threads=False).aggregate([(name, "sum") for name in _SUMS])
        total = grouped.rename_columns([name.removesuffix("_sum") for name in grouped.column_names])
        total = total.select(_SCHEMA.names).sort_by([("domain", "ascending"), ("bin", "ascending")])
        if pc.count_distinct(total.column("domain")).as_py() > MAX_DOMAINS:
            raise TooManyDomainsError(f"more than {MAX_DOMAINS:,} values")
        self._parts = [total.cast(_SCHEMA)]
        return self._parts[0]


def _squares(tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """In SQUARE_UNIT, rounded up."""
    return (tokens * tokens + (SQUARE_UNIT - 1)) // SQUARE_UNIT
