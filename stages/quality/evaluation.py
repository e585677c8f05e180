"""How well a classifier tells good documents from others."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dspipe.stages.quality.documents import NEGATIVE, POSITIVE

if TYPE_CHECKING:
    from dspipe.kernels.fasttext.classify import Classifier

Float64 = npt.NDArray[np.float64]
CHANCE_AREA = 0.6
"""a classifier whose area under the ROC curve is below has learnt nothing worth having; chance gives 0.5"""
MIN_SPREAD = 0.02
"""of the scores, from their 5th percentile to their 95th: below, they are all the same for any threshold"""
SURE = 1e-6
"""no score is taken to be nearer to 0 or 1 when a loss is worked out, or one document could outweigh all others"""


def open_classifier(model: Path, label: str) -> "Classifier":
    """The model. Raises ConfigError for a file that is none, and for one without the label."""
    from dspipe.stages.shared.fasttext_models import check_label, load_classifier

    classifier = load_classifier(model)
    check_label(classifier, label)
    return classifier


def score(classifier: "Classifier", texts: list[str], label: str, prefix_bytes: int = 0) -> Float64:
    """The probability of the label for each text, NaN where the model knows nothing of it."""
    import pyarrow as pa

    from dspipe.kernels.arrow import text_buffers

    found = classifier.predict(*text_buffers(pa.array(texts, pa.large_string())), prefix_bytes, label=label)
    return found.score.astype(np.float64)


def losses(model: Path, texts: dict[str, list[str]]) -> Float64:
    """The log loss of each text: -log of the probability that the model gives to its own label."""
    classifier = open_classifier(model, POSITIVE)
    good, bad = (np.nan_to_num(score(classifier, texts[label], POSITIVE), nan=0.5) for label in (POSITIVE, NEGATIVE))
    losses: Float64 = -np.log(np.clip(np.concatenate([good, 1 - bad]), SURE, 1 - SURE))
    return losses


def evaluate(model: Path, texts: dict[str, list[str]], label: str = POSITIVE, prefix_bytes: int = 0) -> dict[str, Any]:
    """roc_auc, and per quantile of all scores the threshold and the shares of positive and negative documents kept."""
    classifier = open_classifier(model, label)
    good, bad = (np.nan_to_num(score(classifier, texts[kind], label, prefix_bytes)) for kind in (POSITIVE, NEGATIVE))
    both = np.concatenate([good, bad])
    # the probability that a positive document scores over a negative one, a tie counting half (Mann-Whitney)
    ordered = np.sort(bad)
    below, up_to = np.searchsorted(ordered, good, "left"), np.searchsorted(ordered, good, "right")
    area = float((below + up_to).mean() / 2 / len(bad))
    rows = []
    for drop in (0.1, 0.25, 0.5, 0.75, 0.9):
        threshold = float(np.quantile(both, drop))
        kept = {"positive": float((good >= threshold).mean()), "negative": float((bad >= threshold).mean())}
        rows.append({"drop_lowest": drop, "threshold": threshold, **kept})
    accuracy = float(np.concatenate([good >= 0.5, bad < 0.5]).mean())
    spread = float(np.quantile(both, 0.95) - np.quantile(both, 0.05))
    documents = {"positive": len(good), "negative": len(bad)}
    return {"roc_auc": area, "accuracy": accuracy, "spread": spread, "documents": documents, "quantiles": rows}


def find_faults(result: dict[str, Any]) -> list[str]:
    """What says that a model has learnt nothing, of what `evaluate` gives."""
    faults = []
    if result["roc_auc"] < CHANCE_AREA:
        faults.append(f"the area under the ROC curve is {result['roc_auc']:.2f}, and chance alone gives 0.5")
    if result["spread"] < MIN_SPREAD:
        faults.append(f"nine of ten scores lie within {result['spread']:.4f}, so no threshold tells documents apart")
    return faults
