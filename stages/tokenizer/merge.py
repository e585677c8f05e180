"""Adding up the counts of the words whose hashes share a partition."""

import json

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.tokenizer.words import read_words, write_words
from dspipe.tokenizer.counting import WordCounter, count_positions


def merge_words(task: Task, stage: StageSettings) -> None:
    """Make the partition's part of `tokenizer_words`, and of `tokenizer_word_sizes` (`count_positions`)."""
    counter = WordCounter()
    for _, batch in task.received():
        counter.add_words(read_words(batch))
    words = counter.words()
    task.count("words", len(words))
    with task.make("tokenizer_words", ".arrow") as file:
        write_words(file, words)
    with task.make("tokenizer_word_sizes") as file:
        file.write(json.dumps(count_positions(words).tolist()).encode())
