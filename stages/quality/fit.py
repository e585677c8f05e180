"""Choose a classifier's settings on the documents kept aside for it, and train with them."""

from pathlib import Path

from dspipe.stages.quality import search
from dspipe.stages.quality.documents import Split
from dspipe.stages.quality.evaluation import losses
from dspipe.stages.quality.measures import Float64
from dspipe.stages.quality.progress import say, show_training
from dspipe.stages.quality.search import Choice, Given
from dspipe.stages.quality.training import train


def fit(split: Split, given: Given, model: Path, threads: int = 1) -> Choice:
    """Write the model file and return its settings, with a line on standard error for each training.

    The same split and settings give the same bytes with one thread. Raises TrainingError.
    """

    def losses_of(choice: Choice) -> Float64:
        with show_training(f"trying {choice.describe()}") as progress:
            train(split.search, model, threads, progress, **choice.options())
            found = losses(model, split.choosing)
            progress.result = f"loss {found.mean():.4f}"
        return found

    first = search.list_first(given, split.words, split.share)
    if all(split.choosing.values()) and _has_all_labels(split):
        choice = search.choose(given, first, losses_of)
    else:
        choice = first[min(1, len(first) - 1)]  # 25 epochs
        say("too few documents to choose settings by")
    choice = search.scale_up(choice, given, split.share)
    with show_training(f"training with {choice.describe()}") as progress:
        train(split.whole, model, threads, progress, **choice.options())
    return choice


def _has_all_labels(split: Split) -> bool:
    wanted = {f"__label__{label}" for label in split.labels}
    with split.search.open(encoding="utf-8") as lines:
        for line in lines:
            wanted.discard(line.split(" ", 1)[0].rstrip("\n"))
            if not wanted:
                return True
    return False
