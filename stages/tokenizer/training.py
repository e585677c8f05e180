"""Training a tokenizer on the run's text: counting by shard, adding up by partition, merging on one machine."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.pipeline.errors import ConfigError
from dspipe.stages.tokenizer.sampling import Rates, copies_in_sample, sample_of
from dspipe.stages.tokenizer.words import StoredWords, emit_words, words_of, write_words
from dspipe.tokenizer.counting import WordCounter, WordCounts, cut_rare_pairs, least_thinning, sizes_by_count
from dspipe.tokenizer.export import FILES, tokenizer_files
from dspipe.tokenizer.schemes import SCHEMES
from dspipe.tokenizer.settings import TrainSettings
from dspipe.tokenizer.train import TrainingError, positions_in, train

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task


def count_words(task: "Task", settings: TrainSettings, seed: int, copies: str | None) -> None:
    """Count the pieces of the sampled documents, and send them to the partitions of their hashes."""
    rates: Rates = sample_of(task)["rates"]
    pre_tokenizer = SCHEMES[settings.scheme].pre_tokenizer()
    counter = WordCounter()
    for batch in task.rows(["id", "text", "domain", "language", "reason", *([copies] if copies else [])]):
        kept = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
        times = copies_in_sample(batch, rates, seed, copies) * kept
        for copy in range(times.max(initial=0)):
            text = batch.column("text").filter(pa.array(times > copy))
            counter.add_texts(pre_tokenizer, *text_buffers(text))
            task.count("sampled_documents", len(text))
            task.count("sampled_bytes", pc.sum(pc.binary_length(text)).as_py())
        task.progress(documents=batch.num_rows, bytes=batch.nbytes)
        if counter.nbytes > task.memory // 4:
            emit_words(task, counter)
            counter = WordCounter()
    emit_words(task, counter)


def add_up_words(task: "Task") -> None:
    """Add up the counts of a partition's words, and the room that they take by how rare they are."""
    counter = WordCounter()
    for _, batch in task.received():
        counter.add_words(words_of(batch))
    words = counter.words()
    task.count("words", len(words))
    with task.make("tokenizer_words", ".arrow") as file:
        write_words(file, words)
    with task.make("tokenizer_word_sizes") as file:
        file.write(json.dumps(sizes_by_count(words).tolist()).encode())


def train_tokenizer(task: "Task", settings: TrainSettings, artifacts: Sequence[str]) -> None:
    """Train the merges, and write the tokenizer's files (tokenizer.export.FILES) as these artifacts."""
    below = settings.thin_below
    if below is None:
        sizes = sum(np.array(json.loads(part.read()), np.int64) for part in task.artifact("tokenizer_word_sizes"))
        below = least_thinning(np.asarray(sizes), positions_in(settings.memory))
    words: Iterable[WordCounts] = StoredWords(task.artifact("tokenizer_words"), below)
    if settings.cut_below > 1:
        words = [cut_rare_pairs(words, words, settings.cut_below)]
    merged = 0

    def got_on(merges: int) -> None:
        nonlocal merged
        task.progress(share=(merges - merged) / max(1, settings.vocab - 256))
        merged = merges

    try:
        trained = train(words, settings.vocab, settings.min_count, got_on)
        contents = tokenizer_files(trained, settings)
    except TrainingError as error:
        raise ConfigError(f"cannot train a tokenizer: {error}", ("train",)) from error
    made = {
        "asked": settings.vocab,
        "tokens": 256 + len(trained.merges),
        "last_count": int(trained.counts[-1]) if len(trained.counts) else 0,
        "words": sum(map(len, words)),
        "thinned_below": below,
        "cut_below": settings.cut_below,
    }
    task.note("training", made)
    for artifact, name in zip(artifacts, FILES, strict=True):
        with task.make(artifact) as file:
            file.write(contents[name].encode())
