"""A round's classifier: seeds and what was annotated against random pages."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.quality import search
from dspipe.stages.quality.documents import LABELS, Split, split_documents
from dspipe.stages.quality.evaluation import evaluate, losses
from dspipe.stages.quality.labelled import FilesByLabel
from dspipe.stages.quality.measures import Float64
from dspipe.stages.quality.recall.config import ModelConfig
from dspipe.stages.quality.training import train

_AT_25_EPOCHS = 1
"""of the settings that are listed first: those that are taken without a search"""
Say = Callable[[str, float], None]
"""called with what is trained, and the part that is done"""


@dataclass(frozen=True)
class Trained:
    """A round's model."""

    settings: str
    trained: dict[str, int]
    """documents that it was trained on, by label"""
    roc_auc: float | None
    """on held-out documents, None where there are none of both kinds"""


def train_round(write: Mapping[str, Callable[[BinaryIO], None]], config: ModelConfig, model: Path, say: Say) -> Trained:
    """Train on what the functions in `write` write, JSON lines of each label, and put the model at its path.

    Raises ConfigError, TrainingError.
    """
    with tempfile.TemporaryDirectory(prefix="dspipe-recall-") as name:
        folder = Path(name)
        files: dict[str, list[Path]] = {}
        for label in LABELS:
            files[label] = [folder / f"{label}.jsonl"]
            with files[label][0].open("wb") as file:
                write[label](file)
        split = split_documents(FilesByLabel(files), LABELS, config.held_out, folder)
        for label in LABELS:
            if not split.trained[label]:
                raise ConfigError(f"no {label} documents to train on: all of them are held out")
        choice = _choose(split, config, folder, say)
        train(split.whole, model, config.threads, lambda part: say("training", part), **choice.options())
        area = None
        if all(split.held_out.values()):
            held_out = [document for documents in split.held_out.values() for document in documents]
            area = round(float(evaluate(model, held_out)["roc_auc"]), 4)
        return Trained(choice.describe(), dict(split.trained), area)


def _choose(split: Split, config: ModelConfig, folder: Path, say: Say) -> search.Choice:
    values: dict[str, Any] = config.model_dump(exclude={"search", "held_out", "threads", "prefix_bytes"})
    given = search.Given(**values)
    first = search.list_first(given, split.words, split.share)
    if not config.search or not all(split.choosing.values()) or not split.search.stat().st_size:
        return search.scale_up(first[min(_AT_25_EPOCHS, len(first) - 1)], given, split.share)

    def losses_of(choice: search.Choice) -> Float64:
        tried = folder / "tried.bin"
        train(split.search, tried, config.threads, lambda part: say(f"trying {choice.describe()}", part),
              **choice.options())  # fmt: skip
        return losses(tried, split.choosing)

    return search.scale_up(search.choose(given, first, losses_of), given, split.share)
