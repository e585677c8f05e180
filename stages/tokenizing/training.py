"""Training a tokenizer on the run's text: counting by shard, adding up by partition, merging on one machine."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from kernels.arrow import text_buffers
from pipeline.stage import ConfigError
from stages.tokenizing.sampling import Rates, copies_in_sample, sample_of
from stages.tokenizing.words import SCHEMA, StoredWords, emit_words, word_batches, words_of
from tokenizer.counting import WordCounter, WordCounts, cut_rare_pairs, thin
from tokenizer.export import FILES, tokenizer_files
from tokenizer.schemes import SCHEMES
from tokenizer.settings import TrainSettings
from tokenizer.train import TrainingError, train

if TYPE_CHECKING:
    from pipeline.task import Task


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


def add_up_words(task: "Task", settings: TrainSettings) -> None:
    """Add up the counts of a partition's words, and thin out the rare ones."""
    counter = WordCounter()
    for _, batch in task.received():
        counter.add_words(words_of(batch))
    below = settings.thinning(sample_of(task)["bytes"])
    task.count("words", len(counter))
    with task.make("tokenizer_words", ".arrow") as file, pa.ipc.new_file(file, SCHEMA) as writer:
        for batch in word_batches(counter.words()):
            if below > 1:
                kept, counts = thin(words_of(batch), below)
                words = batch.column("word").filter(pa.array(kept))
                batch = pa.RecordBatch.from_arrays([words, pa.array(counts)], schema=SCHEMA)
            task.count("words_kept", batch.num_rows)
            writer.write_batch(batch)


def train_tokenizer(task: "Task", settings: TrainSettings, artifacts: Sequence[str]) -> None:
    """Train the merges, and write the tokenizer's files (tokenizer.export.FILES) as these artifacts."""
    sampled = sample_of(task)["bytes"]
    bound = settings.cut_bound(sampled)
    words: Iterable[WordCounts] = StoredWords(task.artifact("tokenizer_words"))
    if bound > 1:
        words = [cut_rare_pairs(words, words, bound)]
    try:
        trained = train(words, settings.vocab, settings.min_count)
        contents = tokenizer_files(trained, settings)
    except TrainingError as error:
        raise ConfigError(f"cannot train a tokenizer: {error}", ("train",)) from error
    made = {
        "asked": settings.vocab,
        "tokens": 256 + len(trained.merges),
        "last_count": int(trained.counts[-1]) if len(trained.counts) else 0,
        "words": sum(map(len, words)),
        "thinned_below": settings.thinning(sampled),
        "cut_below": bound,
    }
    task.note("training", made)
    for artifact, name in zip(artifacts, FILES, strict=True):
        with task.make(artifact) as file:
            file.write(contents[name].encode())
