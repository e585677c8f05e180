"""Training a tokenizer from the words of all partitions, in one task."""

from collections.abc import Iterable

import numpy as np

from dspipe.pipeline.errors import UnfitSettingError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.artifacts import read_json_artifacts
from dspipe.stages.tokenizer.files import FILES
from dspipe.stages.tokenizer.words import StoredWords
from dspipe.tokenizer.counting import WordCounts, cut_rare_pairs, find_min_thinning
from dspipe.tokenizer.export import make_files
from dspipe.tokenizer.settings import TrainSettings
from dspipe.tokenizer.train import TrainingError, max_positions, train


def train_tokenizer(task: Task, stage: StageSettings) -> None:
    """Train the merges, and make the artifacts FILES. Raises UnfitSettingError where there is no text to train on.

    Settings: those of TrainSettings but sample_bytes and weights.
    """
    settings = TrainSettings.model_validate(stage.settings)
    below = settings.thin_below
    if below is None:
        sizes = sum(np.array(sizes, np.int64) for _, sizes in read_json_artifacts(task, "tokenizer_word_sizes"))
        below = find_min_thinning(np.asarray(sizes), max_positions(settings.memory))
    words: Iterable[WordCounts] = StoredWords(task.artifact("tokenizer_words"), below)
    if settings.cut_below > 1:
        words = [cut_rare_pairs(words, words, settings.cut_below)]
    merged = 0

    def report_progress(merges: int) -> None:
        nonlocal merged
        task.progress(share=(merges - merged) / max(1, settings.vocab - 256))
        merged = merges

    try:
        trained = train(words, settings.vocab, settings.min_count, report_progress)
        contents = make_files(trained, settings)
    except TrainingError as error:
        raise UnfitSettingError(f"cannot train a tokenizer: {error}", ("train",)) from error
    made = {
        "asked": settings.vocab,
        "tokens": 256 + len(trained.merges),
        "last_count": int(trained.counts[-1]) if len(trained.counts) else 0,
        "words": sum(map(len, words)),
        "thinned_below": below,
        "cut_below": settings.cut_below,
    }
    task.note("training", made)
    for artifact, name in FILES.items():
        with task.make(artifact) as file:
            file.write(contents[name].encode())
