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
import json
from collections.abc import Iterator
from functools import cached_property

import pyarrow as pa
from pydantic import model_validator

from dspipe.pipeline.environment import FilePath
from dspipe.pipeline.errors import ConfigError, StorageError
from dspipe.pipeline.stage import Corpus, GlobalStage, Phase, StageConfig
from dspipe.stages.remix.settings import EXPECTED_COPIES
from dspipe.stages.tokenizer.files import FILES, SIDE_FILES
from dspipe.stages.tokenizer.given import read_file
from dspipe.tokenizer.settings import TrainSettings, Weights


class TokenizerConfig(StageConfig):
    """Settings of `tokenizer`: exactly one of `path` and `train`."""

    path: FilePath | None = None
    """A tokenizer.json, local or on any storage that fsspec opens. Byte-level BPE with a known pre-tokenizer runs
    through dspipe's kernels, anything else through the library `tokenizers`, at its speed."""
    train: TrainSettings | None = None
    """Train one on this run's text (tokenizer.settings)."""
    special_in_text: bool = False
    """Whether special tokens written out in a document become special tokens; they are plain text otherwise."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "TokenizerConfig":
        if (self.path is None) == (self.train is None):
            raise ValueError("give either path (a tokenizer.json) or train (its settings)")
        return self


class TokenizerStage(GlobalStage[TokenizerConfig]):
    """Trains or takes a tokenizer, and encodes the kept documents."""

    Config = TokenizerConfig
    final_for = "texts"

    @property
    def learns(self) -> bool:
        return self.config.train is not None

    def check(self) -> None:
        if self.config.path is None:
            return
        from dspipe.tokenizer.encoder import TokenizerError

        try:
            _ = self._slow_because
        except (StorageError, TokenizerError) as error:
            raise ConfigError(str(error), ("path",)) from error

    def special_token_names(self) -> list[str] | None:
        """The names of the special tokens that it has, or will have; None where the file can't be read."""
        if self.config.train is not None:
            return list(self.config.train.special_tokens)
        try:
            added = json.loads(read_file(self.config.path or "")).get("added_tokens") or []
        except (StorageError, ValueError):
            return None
        return [token["content"] for token in added]

    def domains_named(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        weights = self.config.train.weights if self.config.train else None
        named = weights.domain if isinstance(weights, Weights) else None
        yield from ((("train", "weights"), name) for name, share in (named or {}).items() if share)

    def remarks(self) -> list[str]:
        if self._slow_because is None:
            return []
        slow = "runs through the library `tokenizers`, some five times slower than the kernels"
        return [f"{self.config.path} {slow}: {self._slow_because}"]

    @cached_property
    def _slow_because(self) -> str | None:
        """Why the given tokenizer runs through the library; None where it doesn't, or one is trained. Raises
        StorageError, TokenizerError: it can't be read, or not even the library knows it."""
        path = self.config.path
        if path is None:
            return None
        from dspipe.tokenizer.encoder import Vocabulary, loads, parse, read_vocabulary

        content = read_file(path).decode("utf-8", "replace")
        # asked of the file alone: an encoder with kernels would have them compiled for a plan
        if isinstance(read_vocabulary(parse(content, path)), Vocabulary):
            return None
        return loads(content, name=path).engine.partition(": ")[2]

    def phases(self, corpus: Corpus) -> list[Phase]:
        path, settings = self.config.path, self.config.train
        return [
            *(self._training(settings, corpus) if settings else [self._copying(path)] if path else []),
            Phase(
                "tokenizer.encode",
                "shards",
                run="dspipe.stages.tokenizer.encode:encode_shard",
                title="Encode every kept document",
                columns=("text", "reason"),
                artifacts=("tokenizer",),
                writes=(pa.field("tokens", pa.int64()),),
                makes_artifacts=("token_ids",),
                settings={
                    "special_in_text": self.config.special_in_text,
                    "padded_size": settings.padded_size if settings else None,
                },
            ),
        ]

    def _copying(self, path: str) -> Phase:
        return Phase(
            "tokenizer.copy",
            "once",
            run="dspipe.stages.tokenizer.given:copy_tokenizer",
            title="Copy the given tokenizer",
            makes_artifacts=("tokenizer", *SIDE_FILES),
            settings={"path": path, "sha256": hashlib.sha256(read_file(path)).hexdigest()},
        )

    def _training(self, settings: TrainSettings, corpus: Corpus) -> list[Phase]:
        training = settings.model_dump(mode="json")
        sampling = {name: training.pop(name) for name in ("sample_bytes", "weights")}
        copies = _copies_column(settings, corpus)
        counted = (copies,) if copies else ()
        return [
            Phase(
                "tokenizer.sizes",
                "shards",
                run="dspipe.stages.tokenizer.sizes:sum_sizes",
                title="Add up the text by domain and language",
                columns=("text_bytes", "domain", "language", "reason", *counted),
                makes_artifacts=("tokenizer_sizes",),
                settings={"copies": copies},
            ),
            Phase(
                "tokenizer.sample",
                "once",
                run="dspipe.stages.tokenizer.rates:choose_rates",
                title="Choose which part of each to train the tokenizer on",
                artifacts=("tokenizer_sizes",),
                makes_artifacts=("tokenizer_sample",),
                settings=sampling,
            ),
            Phase(
                "tokenizer.count",
                "shards",
                run="dspipe.stages.tokenizer.count:count_words",
                title="Count the words of the sampled documents",
                columns=("origin", "text", "domain", "language", "reason", *counted),
                artifacts=("tokenizer_sample",),
                emits="tokenizer.words",
                partitions=_count_partitions(settings, corpus),
                settings={"scheme": settings.scheme, "copies": copies},
                sample_bytes=settings.sample_bytes,
            ),
            Phase(
                "tokenizer.merge",
                "partitions",
                run="dspipe.stages.tokenizer.merge:merge_words",
                title="Add up the counts of each word",
                exchange="tokenizer.words",
                makes_artifacts=("tokenizer_words", "tokenizer_word_sizes"),
            ),
            Phase(
                "tokenizer.train",
                "once",
                run="dspipe.stages.tokenizer.train:train_tokenizer",
                title="Train the tokenizer",
                artifacts=("tokenizer_words", "tokenizer_word_sizes"),
                makes_artifacts=tuple(FILES),
                settings=training,
            ),
        ]

    def compile_kernels(self) -> None:
        from dspipe.stages.tokenizer.compile_kernels import compile_kernels

        compile_kernels(self.config.path, self.config.train, self.config.special_in_text)


def _copies_column(settings: TrainSettings, corpus: Corpus) -> str | None:
    """The column that says how often a document counts in the sample, where it follows remix."""
    remixed = "remix" in corpus.stages
    if settings.weights == "remix" and not remixed:
        raise ConfigError("`remix` follows the stage remix, which this config doesn't have", ("train", "weights"))
    return EXPECTED_COPIES if settings.weights == "remix" or (settings.weights is None and remixed) else None


def _count_partitions(settings: TrainSettings, corpus: Corpus) -> int:
    """So many that the words of one take a quarter of a worker's memory: tables of 0.7 to 1.5 bytes a byte of sample
    were measured, with half of it Chinese, Japanese and Arabic. Compressed input holds some four times its bytes."""
    sample = min(settings.sample_bytes, 4 * corpus.input_bytes)
    return max(1, min(1024, -(-2 * sample // max(1, corpus.memory // 4))))
