"""The tokenizer: one that is there already, or one trained on a sample of the run's text; then every document's ids.

    - tokenizer: {path: tokenizer.json}
    - tokenizer: {train: {vocab: 100000, special: 15, pad_to: 102400, sample_bytes: 24e9}}

Training runs over the kept documents: their bytes by domain and language give the rate at which each is sampled, where
each counts as often as a stage `remix` is likely to draw it; pieces of the sampled documents are counted by shard,
added up by hash partition, and merges trained from the counts by one task, which thins out rare ones where there are
too many for its memory.

The ids of the kept documents go to one file a shard, little endian, uint16 where the padded vocabulary allows it and
uint32 elsewhere, one document after the other in the order of rows; the row column `tokens` counts them (0 where a
document was dropped). Begin and end tokens are not among them.
"""

import hashlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pydantic import model_validator

from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, StageConfig
from dspipe.stages.remix.settings import EXPECTED
from dspipe.tokenizer.settings import TrainSettings

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

SIDE_FILES = {"tokenizer_config": "tokenizer_config.json", "special_tokens_map": "special_tokens_map.json"}
"""artifacts beside the artifact `tokenizer`, and their files' names beside a tokenizer.json"""
MODEL_CONFIG = "tokenizer_model_config"
"""the artifact with the padded vocabulary size, of a trained tokenizer"""


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
        from dspipe.tokenizer.encoder import TokenizerError, parse

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
                    makes_artifacts=("tokenizer", *SIDE_FILES),
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
            makes_artifacts=("token_ids",),
            settings={
                "special_in_text": self.config.special_in_text,
                "padded": self.config.train and self.config.train.padded_size,
            },
        )
        return [*making, encode]

    def _training(self, settings: TrainSettings, corpus: Corpus) -> list[Phase]:
        every = settings.model_dump(mode="json")
        sampling = {name: every.pop(name) for name in ("sample_bytes", "weights")}
        copies = _copies(settings, corpus)
        counted = (copies,) if copies else ()
        return [
            Phase(
                "tokenizer.sizes",
                "shards",
                "sizes",
                columns=("text_bytes", "domain", "language", "reason", *counted),
                makes_artifacts=("tokenizer_sizes",),
                settings={"copies": copies},
            ),
            Phase(
                "tokenizer.sample",
                "once",
                "sample",
                artifacts=("tokenizer_sizes",),
                makes_artifacts=("tokenizer_sample",),
                settings=sampling,
            ),
            Phase(
                "tokenizer.count",
                "shards",
                "count",
                columns=("id", "text", "domain", "language", "reason", *counted),
                artifacts=("tokenizer_sample",),
                emits="tokenizer.words",
                partitions=_partitions(settings, corpus),
                settings={"scheme": settings.scheme, "seed": self.seed, "copies": copies},
            ),
            Phase(
                "tokenizer.merge",
                "partitions",
                "merge",
                exchange="tokenizer.words",
                makes_artifacts=("tokenizer_words", "tokenizer_word_sizes"),
            ),
            Phase(
                "tokenizer.train",
                "once",
                "train",
                artifacts=("tokenizer_words", "tokenizer_word_sizes"),
                makes_artifacts=("tokenizer", *SIDE_FILES, MODEL_CONFIG),
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
        from dspipe.stages.tokenizer.sampling import add_up_sizes

        add_up_sizes(task, task.settings["copies"])

    def sample(self, task: "Task") -> None:
        """The share of each domain's and language's documents to count."""
        from dspipe.stages.tokenizer.sampling import choose_rates

        choose_rates(task, self._train_settings)

    def count(self, task: "Task") -> None:
        """Count the pieces of the sampled documents, and send them to the partitions of their hashes."""
        from dspipe.stages.tokenizer.training import count_words

        count_words(task, self._train_settings, self.seed, task.settings["copies"])

    def merge(self, task: "Task") -> None:
        """Add up the counts of a partition's words."""
        from dspipe.stages.tokenizer.training import add_up_words

        add_up_words(task)

    def train(self, task: "Task") -> None:
        """Train the merges and write the tokenizer's files."""
        from dspipe.stages.tokenizer.training import train_tokenizer

        train_tokenizer(task, self._train_settings, ("tokenizer", *SIDE_FILES, MODEL_CONFIG))

    def encode(self, task: "Task") -> None:
        """Write the ids of the shard's kept documents, and their number for every row."""
        from dspipe.stages.tokenizer.encoding import encode_shard

        padded = self.config.train.padded_size if self.config.train else None
        encode_shard(task, padded, self.config.special_in_text)

    def compile_kernels(self) -> None:
        import pyarrow as pa

        from dspipe.kernels.arrow import text_buffers
        from dspipe.tokenizer.counting import WordCounter, thin
        from dspipe.tokenizer.encoder import loads
        from dspipe.tokenizer.export import tokenizer_files
        from dspipe.tokenizer.schemes import SCHEMES
        from dspipe.tokenizer.train import train

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


def _copies(settings: TrainSettings, corpus: Corpus) -> str | None:
    """The column that says how often a document counts in the sample, where it follows remix."""
    if settings.weights == "remix" and "remix" not in corpus.stages:
        raise ConfigError("`remix` follows the stage remix, which this config doesn't have", ("train", "weights"))
    return EXPECTED if settings.weights == "remix" or (settings.weights is None and "remix" in corpus.stages) else None


def _partitions(settings: TrainSettings, corpus: Corpus) -> int:
    """So many that the words of one take a quarter of a worker's memory: tables of 0.7 to 1.5 bytes a byte of sample
    were measured, with half of it Chinese, Japanese and Arabic. Compressed input holds some four times its bytes."""
    sample = min(settings.sample_bytes, 4 * corpus.input_bytes)
    return max(1, min(1024, -(-2 * sample // max(1, corpus.memory // 4))))
