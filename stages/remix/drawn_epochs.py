"""How many epochs are drawn: what a draw depends on, as it is kept in artifacts beside the plan."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.stages.remix.domain_batches import DomainBatch
from dspipe.stages.remix.epochs import Float64, Int64

_SCHEMA = pa.schema([("domain", pa.string()), ("bin", pa.int64()), ("epochs", pa.float64())])


@dataclass(frozen=True)
class DrawnEpochs:
    """The epochs of each document: those of its domain, or where there is a curve those of its score in its domain."""

    by_domain: Mapping[str, float]
    merged: Mapping[str, str] = field(default_factory=dict)
    """the new names of domains that were put together with others"""
    by_score: Mapping[str, tuple[Int64, Float64]] | None = None
    """by domain the bins of scores, ascending, and the epochs of each"""

    def of(self, batch: DomainBatch) -> Float64:
        """The epochs of each document; 0 of a domain or a score that was not planned."""
        if self.by_score is None or batch.score_bins is None:
            return np.array([self.by_domain.get(name, 0.0) for name in batch.names], float)[batch.codes]
        epochs = np.zeros(len(batch.codes))
        for code, name in enumerate(batch.names):
            rows = np.flatnonzero((batch.codes == code) & batch.kept)
            bins, planned = self.by_score.get(name, (np.zeros(0, np.int64), np.zeros(0)))
            if len(bins) == 0 or len(rows) == 0:
                continue
            place = np.minimum(np.searchsorted(bins, batch.score_bins[rows]), len(bins) - 1)
            epochs[rows] = np.where(bins[place] == batch.score_bins[rows], planned[place], 0.0)
        return epochs

    def to_json(self) -> bytes:
        """The epochs by domain, and what was put together."""
        return json.dumps({"epochs": dict(self.by_domain), "merged": dict(self.merged)}).encode()

    def scores_to_bytes(self) -> bytes:
        """The epochs by score: an Arrow stream of domain, bin, epochs."""
        parts = self.by_score or {}
        tables = [
            pa.table([pa.repeat(pa.scalar(name), len(bins)), pa.array(bins), pa.array(epochs)], schema=_SCHEMA)
            for name, (bins, epochs) in sorted(parts.items())
        ]
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, _SCHEMA) as writer:
            for table in tables:
                writer.write_table(table)
        return bytes(sink.getvalue())

    @classmethod
    def from_files(cls, content: bytes, scores: Sequence[bytes] = ()) -> "DrawnEpochs":
        """The reverse of `to_json`, and of `scores_to_bytes` where there is a curve."""
        value = json.loads(content)
        by_score = None
        for table in (pa.ipc.open_stream(one).read_all() for one in scores):
            by_score = {}
            encoded = pc.dictionary_encode(table.column("domain").combine_chunks())
            codes, bins = encoded.indices.to_numpy(), table.column("bin").to_numpy()
            epochs = table.column("epochs").to_numpy()
            for code, name in enumerate(encoded.dictionary.to_pylist()):
                start, end = np.searchsorted(codes, [code, code + 1]).tolist()
                by_score[name] = bins[start:end], epochs[start:end]
        return cls(value["epochs"], value["merged"], by_score)
