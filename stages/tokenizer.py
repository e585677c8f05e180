"""The tokenizer: one that is there already, or one trained on a sample of the run's text; then every document's ids.

    - tokenizer: {path: tokenizer.json}
    - tokenizer: {train: {vocab: 100000, special: 15, pad_to: 102400, sample_bytes: 24e9}}

Training runs over the kept documents: their bytes by domain and language give the rate at which each is sampled; pieces
of the sampled documents are counted by shard, added up by hash partition, where rare ones of a large sample are
thinned out, and merges trained from the counts by one task.
A document is in the sample or not by a hash of its id and the seed, whatever else is in the corpus at the same rate.

The ids of the kept documents go to one file a shard, little endian, uint16 where the padded vocabulary allows it and
uint32 elsewhere, one document after the other in the order of rows; the row column `tokens` counts them (0 where a
document was dropped). Begin and end tokens are not among them.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from pipeline.stage import ConfigError, Corpus, GlobalStage, Phase, StageConfig
from tokenizer.settings import TrainSettings, Weights

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from pipeline.task import ArtifactFile, Task
    from tokenizer.counting import WordCounter, WordCounts
    from tokenizer.encoder import AnyEncoder

SIDE_FILES = {"tokenizer_config": "tokenizer_config.json", "special_tokens_map": "special_tokens_map.json"}
"""artifacts beside the artifact `tokenizer`, and their files' names beside a tokenizer.json"""
MODEL_CONFIG = "tokenizer_model_config"
"""the artifact with the padded vocabulary size, of a trained tokenizer"""
UINT16_SIZE = 1 << 16
MOST_SHOWN = 40
"""rows of a table in the run's statistics"""
UNKNOWN = "unknown"
"""the language of documents that have none"""

Sizes = dict[str, dict[str, int]]
"""bytes by domain and language"""
Rates = dict[str, dict[str, float]]
"""shares of the documents by domain and language"""


class Config(StageConfig):
    """Settings of `tokenizer`: exactly one of `path` and `train`."""

    path: str | None = None
    """A tokenizer.json, local or on any storage that fsspec opens. Byte-level BPE with a known pre-tokenizer runs
    through dspipe's kernels, anything else through the library `tokenizers`, at its speed."""
    train: TrainSettings | None = None
    """Train one on this run's text (tokenizer.settings)."""
    special_in_text: bool = False
    """Whether special tokens written out in a document become special tokens; they are plain text otherwise."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "Config":
        if (self.path is None) == (self.train is None):
            raise ValueError("give either path (a tokenizer.json) or train (its settings)")
        return self


class Tokenizer(GlobalStage[Config]):
    """Trains or takes a tokenizer, and encodes the kept documents."""

    Config = Config

    def check(self) -> None:
        from tokenizer.encoder import TokenizerError, parse

        if self.config.path is not None:
            try:
                parse(self._read(self.config.path).decode("utf-8", "replace"), self.config.path)
            except (OSError, TokenizerError) as error:
                raise ConfigError(str(error), ("path",)) from error

    def phases(self, corpus: Corpus) -> list[Phase]:
        import pyarrow as pa

        if self.config.train is None:
            content = hashlib.sha256(self._read(str(self.config.path))).hexdigest()
            making = [
                Phase(
                    "tokenizer.copy",
                    "once",
                    "copy",
                    makes=("tokenizer", *SIDE_FILES),
                    settings={"path": self.config.path, "sha256": content},
                )
            ]
        else:
            making = self._training(self.config.train, corpus)
        encode = Phase(
            "tokenizer.encode",
            "shards",
            "encode",
            columns=("text", "reason"),
            artifacts=("tokenizer",),
            writes=(pa.field("tokens", pa.int64()),),
            makes=("token_ids",),
            settings={
                "special_in_text": self.config.special_in_text,
                "padded": self.config.train and self.config.train.padded_size,
            },
        )
        return [*making, encode]

    def _training(self, settings: TrainSettings, corpus: Corpus) -> list[Phase]:
        every = settings.model_dump(mode="json")
        sampling = {name: every.pop(name) for name in ("sample_bytes", "weights")}
        thinning = {"thin_below": every.pop("thin_below")}
        return [
            Phase(
                "tokenizer.sizes",
                "shards",
                "sizes",
                columns=("text_bytes", "domain", "language", "reason"),
                makes=("tokenizer_sizes",),
            ),
            Phase(
                "tokenizer.sample",
                "once",
                "sample",
                artifacts=("tokenizer_sizes",),
                makes=("tokenizer_sample",),
                settings=sampling,
            ),
            Phase(
                "tokenizer.count",
                "shards",
                "count",
                columns=("id", "text", "domain", "language", "reason"),
                artifacts=("tokenizer_sample",),
                emits="tokenizer.words",
                partitions=_partitions(settings, corpus),
                settings={"scheme": settings.scheme, "seed": self.seed},
            ),
            Phase(
                "tokenizer.merge",
                "partitions",
                "merge",
                exchange="tokenizer.words",
                artifacts=("tokenizer_sample",),
                makes=("tokenizer_words",),
                settings=thinning,
            ),
            Phase(
                "tokenizer.train",
                "once",
                "train",
                artifacts=("tokenizer_sample", "tokenizer_words"),
                makes=("tokenizer", *SIDE_FILES, MODEL_CONFIG),
                settings=every,
            ),
        ]

    # phases

    def copy(self, task: "Task") -> None:
        """Take the given tokenizer.json, and what lies beside it."""
        path = str(self.config.path)
        with task.make("tokenizer") as file:
            file.write(self._read(path))
        for artifact, name in SIDE_FILES.items():
            try:
                content = self._read(path.removesuffix(PurePosixPath(path).name) + name)
            except OSError:
                continue
            with task.make(artifact) as file:
                file.write(content)

    def sizes(self, task: "Task") -> None:
        """Bytes of kept text by domain and language."""
        import pyarrow as pa
        import pyarrow.compute as pc

        sizes: Sizes = {}
        for batch in task.rows(["text_bytes", "domain", "language", "reason"]):
            kept = pa.Table.from_batches([batch.filter(pc.is_null(batch.column("reason")))])
            kept = kept.set_column(2, "language", pc.fill_null(kept.column("language"), UNKNOWN))
            sums = kept.group_by(["domain", "language"]).aggregate([("text_bytes", "sum")])
            for row in sums.to_pylist():
                _add_size(sizes, row["domain"], row["language"], row["text_bytes_sum"])
        _make_json(task, "tokenizer_sizes", {domain: dict(sorted(sizes[domain].items())) for domain in sorted(sizes)})

    def sample(self, task: "Task") -> None:
        """The share of each domain's and language's documents to count."""
        sizes: Sizes = {}
        for artifact in task.artifact("tokenizer_sizes"):
            for domain, languages in json.loads(artifact.read()).items():
                for language, size in languages.items():
                    _add_size(sizes, domain, language, size)
        settings = self._train_settings
        rates = sampling_rates(sizes, settings.sample_bytes, settings.weights)
        cells: list[dict[str, Any]] = [
            {"domain": domain, "language": language, "bytes": size, "rate": rates.get(domain, {}).get(language, 0.0)}
            for domain, languages in sizes.items()
            for language, size in languages.items()
        ]
        cells.sort(key=lambda cell: -cell["bytes"])
        sampled = round(sum(cell["bytes"] * cell["rate"] for cell in cells))
        task.note("sample", {"bytes": sampled, "of": sum(cell["bytes"] for cell in cells)})
        task.note("rates", cells[:MOST_SHOWN])
        _make_json(task, "tokenizer_sample", {"bytes": sampled, "rates": rates})

    def count(self, task: "Task") -> None:
        """Count the pieces of the sampled documents, and send them to the partitions of their hashes."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from kernels.arrow import text_buffers
        from tokenizer.counting import WordCounter
        from tokenizer.schemes import SCHEMES

        rates: Rates = _sample_of(task)["rates"]
        pre_tokenizer = SCHEMES[self._train_settings.scheme].pre_tokenizer()
        counter = WordCounter()
        for batch in task.rows(["id", "text", "domain", "language", "reason"]):
            chosen = pc.and_(pc.is_null(batch.column("reason")), pa.array(self._sampled(batch, rates)))
            text = batch.column("text").filter(chosen)
            if len(text):
                counter.add_texts(pre_tokenizer, *text_buffers(text))
            task.count("sampled_documents", len(text))
            task.count("sampled_bytes", pc.sum(pc.binary_length(text)).as_py() or 0)
            task.progress(documents=batch.num_rows, bytes=batch.nbytes)
            if counter.nbytes > task.memory // 4:
                _emit_words(task, counter)
                counter = WordCounter()
        _emit_words(task, counter)

    def merge(self, task: "Task") -> None:
        """Add up the counts of a partition's words, and thin out the rare ones."""
        import pyarrow as pa

        from tokenizer.counting import WordCounter, thin

        counter = WordCounter()
        for _, batch in task.received():
            counter.add_words(_words_of(batch))
        below = self._train_settings.thinning(_sample_of(task)["bytes"])
        task.count("words", len(counter))
        with task.make("tokenizer_words", ".arrow") as file, pa.ipc.new_file(file, _word_schema()) as writer:
            for batch in _word_batches(counter.words()):
                if below > 1:
                    kept, counts = thin(_words_of(batch), below)
                    words = batch.column("word").filter(pa.array(kept))
                    batch = pa.RecordBatch.from_arrays([words, pa.array(counts)], schema=_word_schema())
                task.count("words_kept", batch.num_rows)
                writer.write_batch(batch)

    def train(self, task: "Task") -> None:
        """Train the merges and write the tokenizer's files."""
        from tokenizer.counting import WordCounter, cut_rare_pairs
        from tokenizer.export import FILES, tokenizer_files
        from tokenizer.train import TrainingError, train

        settings = self._train_settings
        sampled = _sample_of(task)["bytes"]
        bound = settings.cut_bound(sampled)
        files = task.artifact("tokenizer_words")
        if bound > 1:
            words = cut_rare_pairs(_stored_words(files), _stored_words(files), bound)
        else:
            counter = WordCounter()
            for part in _stored_words(files):
                counter.add_words(part)
            words = counter.words()
        try:
            trained = train(words, settings.vocab, settings.min_count)
            contents = tokenizer_files(trained, settings)
        except TrainingError as error:
            raise ConfigError(f"cannot train a tokenizer: {error}", ("train",)) from error
        made = {
            "asked": settings.vocab,
            "tokens": 256 + len(trained.merges),
            "last_count": int(trained.counts[-1]) if len(trained.counts) else 0,
            "words": len(words),
            "thinned_below": settings.thinning(sampled),
            "cut_below": bound,
        }
        task.note("training", made)
        artifacts = ("tokenizer", *SIDE_FILES, MODEL_CONFIG)
        for artifact, name in zip(artifacts, FILES, strict=True):
            with task.make(artifact) as file:
                file.write(contents[name].encode())

    def encode(self, task: "Task") -> None:
        """Write the ids of the shard's kept documents, and their number for every row."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        tokenizer = task.artifact("tokenizer")[0]
        encoder = _encoder(tokenizer.sha256, tokenizer.path(), self.config.special_in_text)
        size = self.config.train.padded_size if self.config.train else encoder.vocab_size
        dtype = np.dtype("<u2" if max(size, encoder.vocab_size) <= UINT16_SIZE else "<u4")
        task.note("encoder", encoder.engine)
        with task.make("token_ids", ".bin") as file:
            for batch in task.rows(["text", "reason"]):
                kept = pc.is_null(batch.column("reason"))
                ids, offsets = encoder.encode(batch.column("text").filter(kept))
                file.write(ids.astype(dtype, copy=False).data)
                tokens = np.zeros(batch.num_rows, np.int64)
                tokens[kept.to_numpy(zero_copy_only=False)] = np.diff(offsets)
                task.write(pa.RecordBatch.from_arrays([pa.array(tokens)], names=["tokens"]))
                task.count("tokens", len(ids))
                task.progress(documents=batch.num_rows, bytes=batch.nbytes)

    def warm(self) -> None:
        import pyarrow as pa

        from kernels.arrow import text_buffers
        from tokenizer.counting import WordCounter, thin
        from tokenizer.encoder import loads
        from tokenizer.export import tokenizer_files
        from tokenizer.schemes import SCHEMES
        from tokenizer.train import train

        # long enough for each of the encoder's ways
        texts = pa.array(["a A", " antidisestablishmentarianism" * 2, "深度学习" * 20], pa.large_string())
        if self.config.train is None:
            content = self._read(str(self.config.path)).decode("utf-8", "replace")
        else:
            counter = WordCounter(slots=2)
            counter.add_texts(SCHEMES[self.config.train.scheme].pre_tokenizer(), *text_buffers(texts))
            words = counter.words()
            counter.add_words(words)
            thin(words, 1)
            content = tokenizer_files(train(words, 260, 1), self.config.train)["tokenizer.json"]
        loads(content, self.config.special_in_text).encode(texts)

    # helpers

    @property
    def _train_settings(self) -> TrainSettings:
        assert self.config.train is not None
        return self.config.train

    def _read(self, path: str) -> bytes:
        import fsspec

        with fsspec.open(path, "rb") as file:
            content: bytes = file.read()
        return content

    def _sampled(self, batch: "pa.RecordBatch", rates: Rates) -> "npt.NDArray[np.bool_]":
        """Whether each document is in the sample."""
        import numpy as np

        from kernels.arrow import text_buffers
        from kernels.bpe_count import hash_rows
        from tokenizer.arrays import read_only

        (domains, domain), (languages, language) = (_encoded(batch.column(name)) for name in ("domain", "language"))
        table = [[rates.get(one, {}).get(other, 0.0) for other in languages] for one in domains]
        rate = np.array(table).reshape(len(domains), len(languages))[domain, language]
        data, offsets = text_buffers(batch.column("id"))
        hashes = np.empty(batch.num_rows, np.uint64)
        hash_rows(read_only(data), read_only(offsets), np.uint64(self.seed & (1 << 64) - 1), hashes)
        # 53 bits, which a float holds exactly: in [0, 1)
        return np.asarray((hashes >> np.uint64(11)).astype(np.float64) / (1 << 53) < rate)


def sampling_rates(sizes: Sizes, sample_bytes: int, weights: Weights | None) -> Rates:
    """The share of each domain's and language's documents to sample, so that about `sample_bytes` are, in shares by
    `weights` if given.

    What is smaller than its share is taken whole, and the others get no more for it.
    """
    if weights is None:
        total = sum(sum(languages.values()) for languages in sizes.values())
        rate = min(1.0, sample_bytes / max(1, total))
        return {domain: dict.fromkeys(languages, rate) for domain, languages in sizes.items()}
    wanted: Rates = {}
    if weights.domain is None:  # languages alone: each domain has the part of a language that it has of its bytes
        totals: dict[str, int] = {}
        for languages in sizes.values():
            for language, size in languages.items():
                totals[language] = totals.get(language, 0) + size
        share = _shares(totals, weights.language, "language")
        for domain, languages in sizes.items():
            wanted[domain] = {name: share[name] * size / max(1, totals[name]) for name, size in languages.items()}
    else:
        weighed: Rates = {  # each domain's bytes, or its languages' weights
            domain: {name: (weights.language or languages).get(name, 0) for name in languages}
            for domain, languages in sizes.items()
        }
        share = _shares((domain for domain in weighed if any(weighed[domain].values())), weights.domain, "domain")
        for domain in share:
            whole = sum(weighed[domain].values())
            wanted[domain] = {name: share[domain] * weight / whole for name, weight in weighed[domain].items()}
    return {
        domain: {name: min(1.0, sample_bytes * wanted[domain][name] / max(1, size)) for name, size in languages.items()}
        for domain, languages in sizes.items()
        if domain in wanted
    }


def _shares(names: Iterable[str], weights: dict[str, float] | None, kind: str) -> dict[str, float]:
    """The weights of the names, summing to 1."""
    given = {name: (weights or {}).get(name, 0.0) for name in names}
    total = sum(given.values())
    if total == 0:
        found = ", ".join(given) or "none"
        raise ConfigError(f"no {kind} of the corpus has a weight; it has {found}", ("train", "weights"))
    return {name: weight / total for name, weight in given.items()}


def _add_size(sizes: Sizes, domain: str, language: str, size: int) -> None:
    languages = sizes.setdefault(domain, {})
    languages[language] = languages.get(language, 0) + size


def _encoded(column: "pa.Array") -> "tuple[list[str], npt.NDArray[np.int64]]":
    """The distinct names of a column, and the number of each row's."""
    names = column.fill_null(UNKNOWN).dictionary_encode()
    return names.dictionary.to_pylist(), names.indices.to_numpy(zero_copy_only=False)


def _sample_of(task: "Task") -> Any:
    return json.loads(task.artifact("tokenizer_sample")[0].read())


def _partitions(settings: TrainSettings, corpus: Corpus) -> int:
    """So many that the words of one, some 5 bytes of table a byte of sample at the worst, take a quarter of a worker's
    memory. Compressed input holds about four times its bytes of text."""
    sample = min(settings.sample_bytes, 4 * corpus.input_bytes)
    return max(1, min(1024, -(-5 * sample // max(1, corpus.memory // 4))))


def _word_schema() -> "pa.Schema":
    import pyarrow as pa

    return pa.schema([("word", pa.large_binary()), ("count", pa.int64())])


def _word_batches(words: "WordCounts", rows: int = 1 << 17) -> "Iterator[pa.RecordBatch]":
    import pyarrow as pa

    data = pa.py_buffer(words.data)
    for first in range(0, len(words), rows):
        offsets = words.offsets[first : first + rows + 1]
        column = pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), data])
        counts = pa.array(words.counts[first : first + rows])
        yield pa.RecordBatch.from_arrays([column, counts], schema=_word_schema())


def _words_of(batch: "pa.RecordBatch") -> "WordCounts":
    from kernels.arrow import text_buffers
    from tokenizer.counting import WordCounts

    return WordCounts(*text_buffers(batch.column("word")), batch.column("count").to_numpy())


def _stored_words(files: "list[ArtifactFile]") -> "Iterator[WordCounts]":
    import pyarrow as pa

    for stored in files:
        with stored.open() as file:
            reader = pa.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                yield _words_of(reader.get_batch(number))


def _emit_words(task: "Task", counter: "WordCounter") -> None:
    import numpy as np

    from kernels.arrow import text_buffers
    from kernels.bpe_count import hash_rows
    from tokenizer.arrays import read_only

    partitions = np.uint64(task.partitions)
    for batch in _word_batches(counter.words()):
        data, offsets = text_buffers(batch.column("word"))
        hashes = np.empty(batch.num_rows, np.uint64)
        hash_rows(read_only(data), read_only(offsets), np.uint64(0), hashes)
        task.emit(((hashes >> np.uint64(32)) * partitions >> np.uint64(32)).astype(np.int64), batch)


def _make_json(task: "Task", artifact: str, value: Any) -> None:
    with task.make(artifact) as file:
        file.write(json.dumps(value).encode())


@lru_cache(maxsize=2)
def _encoder(sha256: str, path: str, special: bool) -> "AnyEncoder":
    """The encoder, kept from shard to shard of a worker; the hash tells files of the same path apart."""
    from tokenizer.encoder import load

    return load(path, special)
