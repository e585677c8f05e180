"""The one pass over the texts that a round costs: a score for every kept document, a file a shard.

A file's name is a hash of what its bytes depend on: the model, the shard's stored columns, the code that scores. What
is there is not done again, whoever stopped it.
"""

from threading import local

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.fasttext.classify import Classifier
from dspipe.kernels.fasttext.model import FastTextModel
from dspipe.pipeline.inspection.document_table import REASON
from dspipe.pipeline.keys import key_of
from dspipe.pipeline.plan.fingerprint import code_fingerprint
from dspipe.pipeline.storage.store import Store
from dspipe.stages.quality.documents import POSITIVE
from dspipe.stages.quality.recall.corpus import Corpus, Progress
from dspipe.stages.quality.recall.stored import read_stored

TOKENS = "tokens"
_SCHEMA = pa.schema(
    [
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("score", pa.float32()),
        pa.field("bytes", pa.int64(), nullable=False),
    ]
)
"""`score` is null where the model knows nothing of the text; `tokens`, int64, stands behind where the run has them"""


class Scores:
    """The scores of one model."""

    def __init__(self, store: Store, corpus: Corpus, model_sha256: str, prefix_bytes: int) -> None:
        self.store, self.corpus, self.prefix_bytes = store, corpus, prefix_bytes
        self.counted = TOKENS in corpus.table.columns
        self._model = model_sha256
        self._code = code_fingerprint("dspipe.kernels.fasttext.classify")

    def name(self, shard: int) -> str:
        """The file of a shard."""
        places = self.corpus.table.shards[shard]
        hashes = [places.columns[name].hash for name in ("text", REASON, TOKENS) if name in places.columns]
        key = key_of([self._model, self.prefix_bytes, hashes, list(places.groups), self._code])
        return f"scores/{self._model[:16]}/{shard:05d}-{key[:16]}.parquet"

    def write(self, model: FastTextModel, progress: Progress) -> int:
        """Score the shards that have no file yet; how many these were. Raises DamagedFileError."""
        per_thread = local()
        there = set(self.store.names(f"scores/{self._model[:16]}"))

        def score(shard: int) -> int:
            name = self.name(shard)
            if name.rpartition("/")[2] in there:
                return 0
            if not hasattr(per_thread, "classifier"):
                # one table of vectors for all, but to each thread its cache
                per_thread.classifier = Classifier(model)
            self._score_shard(shard, name, per_thread.classifier)
            return 1

        return sum(self.corpus.each_shard(score, progress))

    def read(self, shard: int) -> "ShardScores":
        """The scores of a shard's kept documents. Raises DamagedFileError."""
        table = read_stored(self.store, self.name(shard))
        scores = table.column("score").combine_chunks().fill_null(float("nan")).to_numpy(zero_copy_only=False)
        tokens = table.column(TOKENS).to_numpy() if self.counted else None
        return ShardScores(table.column("row").to_numpy(), scores, table.column("bytes").to_numpy(), tokens)

    def _score_shard(self, shard: int, name: str, classifier: Classifier) -> None:
        schema = _SCHEMA.append(pa.field(TOKENS, pa.int64(), nullable=False)) if self.counted else _SCHEMA
        with self.store.writing(name) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for kept in self.corpus.read(["text", *([TOKENS] if self.counted else [])], shard):
                data, offsets = text_buffers(kept.batch.column("text"))
                found = classifier.predict(data, offsets, self.prefix_bytes, label=POSITIVE)
                score = pa.array(found.score, pa.float32(), mask=found.label < 0)
                columns = [kept.rows, score, pa.array(np.diff(offsets))]
                if self.counted:
                    columns.append(kept.batch.column(TOKENS).cast(pa.int64()).fill_null(0))
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


class ShardScores:
    """Of each kept document of a shard: rows uint32, scores float32 (NaN: none), bytes int64, tokens int64 or None."""

    def __init__(
        self,
        rows: npt.NDArray[np.uint32],
        scores: npt.NDArray[np.float32],
        bytes: npt.NDArray[np.int64],
        tokens: npt.NDArray[np.int64] | None,
    ) -> None:
        self.rows, self.scores, self.bytes, self.tokens = rows, scores, bytes, tokens

    def weights(self, bytes_per_token: float) -> npt.NDArray[np.float64]:
        """Tokens of each document, counted or reckoned."""
        found = self.bytes / bytes_per_token if self.tokens is None else self.tokens.astype(np.float64)
        return found
