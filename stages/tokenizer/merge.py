"""Adding up the counts of the words whose hashes share a partition."""

import json

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.tokenizer.words import words_of, write_words
from dspipe.tokenizer.counting import WordCounter, sizes_by_count


def merge_words(task: Task, stage: StageSettings) -> None:
    """Make the partition's part of `tokenizer_words`, and of `tokenizer_word_sizes` (`sizes_by_count`)."""
    counter = WordCounter()
    for _, batch in task.received():
        counter.add_words(words_of(batch))
    words = counter.words()
    task.count("words", len(words))
    with task.make("tokenizer_words", ".arrow") as file:
        write_words(file, words)
    with task.make("tokenizer_word_sizes") as file:
        file.write(json.dumps(sizes_by_count(words).tolist()).encode())
