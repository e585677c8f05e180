"""How well a classifier tells documents apart, over all and within each domain and language.

A score that is high for one domain and low for another looks good over all even if it says nothing about a document
that its domain doesn't say. So the same measures are taken within each domain and language, and beside them stands how
well the domain alone, by its mean label, foretells the labels.
"""

import math
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.quality.labelled import Document
from dspipe.stages.quality.measures import Bools, Float64, Int64, area_under_roc, confusion, kappa, spearman
from dspipe.stages.quality.scores import levels_of, score_texts

if TYPE_CHECKING:
    from dspipe.kernels.arrow import Bytes, Offsets
    from dspipe.kernels.fasttext.classify import Classifier

CHANCE_AREA = 0.6
"""a classifier whose area under the ROC curve is below has learnt nothing worth having; chance gives 0.5"""
MIN_SPREAD = 0.02
"""of the scores, from their 5th percentile to their 95th: below, they are all the same for any threshold"""
GOOD_AREA = 0.7
"""over all, that looks like a score worth having"""
MIN_GROUP = 10
"""documents of a domain, language or source below which it is left out of the tables"""
MIN_DEVIATION, HOMOGENEOUS = 0.03, 0.9
"""a source's scores say nothing within it where they deviate less, or where more than this share of them lies within a
tenth of the scale (marin's rules for its quality scores)"""
SURE = 1e-6
"""no score is taken to be nearer to 0 or 1 when a loss is worked out, or one document could outweigh all others"""


def open_classifier(model: Path, label: str | None = None) -> "Classifier":
    """The model. Raises ConfigError for a file that is none, and for one without the label."""
    from dspipe.stages.shared.fasttext_models import check_label, load_classifier

    classifier = load_classifier(model)
    if label is not None:
        check_label(classifier, label)
    return classifier


def buffers_of(documents: Sequence[Document]) -> "tuple[Bytes, Offsets]":
    """The texts as `kernels.arrow.text_buffers` has them."""
    import pyarrow as pa

    from dspipe.kernels.arrow import text_buffers

    return text_buffers(pa.array([document.text for document in documents], pa.large_string()))


def losses(model: Path, documents: dict[str, list[Document]]) -> Float64:
    """The log loss of each document: -log of the probability that the model gives to its own label."""
    classifier = open_classifier(model)
    found = []
    for label, of_label in documents.items():
        own = score_texts(classifier, *buffers_of(of_label), label=label)
        found.append(np.nan_to_num(own, nan=1 / len(classifier.labels)))
    return -np.log(np.clip(np.concatenate(found), SURE, 1))


def evaluate(
    model: Path, documents: Sequence[Document], label: str | None = "positive", prefix_bytes: int = 0
) -> dict[str, Any]:
    """Measure a model on labelled documents.

    An ordinal model is measured by its expected level, one of two labels by the probability of `label`; if the
    documents are labelled `positive` and `negative`, so is any other. Else all labels are looked at: `kind` says which.
    Raises ConfigError for a label that the model doesn't have.
    """
    classifier = open_classifier(model)
    labels, said = classifier.labels, {document.label for document in documents}
    levels = levels_of(labels)
    two_sides = said <= {"positive", "negative"}
    # of two labels without a `positive` both are looked at, unless one was asked for
    of_one = two_sides or (len(labels) == 2 and (label in labels or label != "positive"))
    if levels is None and of_one:
        open_classifier(model, label)
    if not two_sides and (unknown := sorted(said - set(labels))):
        raise ConfigError(f"documents have labels that the model doesn't: {', '.join(unknown[:8])}; "
                          f"it has {', '.join(labels[:8])}", ("label",))  # fmt: skip
    buffers = buffers_of(documents)
    classifier.probabilities(*buffers_of(documents[:1]), prefix_bytes)  # compiled before it is timed
    classifier.predict(*buffers_of(documents[:1]), prefix_bytes, label=labels[0])
    started = time.perf_counter()
    if levels is not None or of_one:
        of_label = None if levels is not None else label
        scores = np.nan_to_num(score_texts(classifier, *buffers, prefix_bytes, of_label))
        seconds = time.perf_counter() - started
        if two_sides or levels is None:
            targets = np.array([d.label == ("positive" if two_sides else label) for d in documents], np.float64)
            result = evaluate_scores(scores, targets, documents) | thresholds(scores, targets > 0)
        else:
            grades = np.array([int(d.label) for d in documents])
            result = evaluate_scores(scores, grades / levels.max(), documents) | grades_met(scores, grades, len(labels))
    else:
        probabilities = classifier.probabilities(*buffers, prefix_bytes)
        seconds = time.perf_counter() - started
        result = evaluate_classes(np.nan_to_num(probabilities), labels, documents)
    read = sum(min(len(d.text.encode()), prefix_bytes or 1 << 62) for d in documents)
    return {**result, "megabytes_per_second": read / 1e6 / max(seconds, 1e-9)}


def thresholds(scores: Float64, positive: Bools) -> dict[str, Any]:
    """Accuracy, and per quantile of all scores the threshold and the shares of either side that are kept."""
    good, bad = scores[positive], scores[~positive]
    rows = []
    for drop in (0.1, 0.25, 0.5, 0.75, 0.9):
        threshold = float(np.quantile(scores, drop))
        kept = {"positive": _mean(good >= threshold), "negative": _mean(bad >= threshold)}
        rows.append({"drop_lowest": drop, "threshold": threshold, **kept})
    counts = {"positive": len(good), "negative": len(bad)}
    accuracy = float(((scores >= 0.5) == positive).mean())
    return {"kind": "binary", "accuracy": accuracy, "documents": counts, "quantiles": rows}


def grades_met(scores: Float64, grades: Int64, levels: int) -> dict[str, Any]:
    """How far the expected level, rounded, is from the labels."""
    expected = scores * (levels - 1)
    counts = confusion(grades, np.rint(expected).astype(np.int64), levels)
    return {
        "kind": "ordinal",
        "documents": {str(level): int((grades == level).sum()) for level in range(levels)},
        "mean_error": float(np.abs(expected - grades).mean()),
        "accuracy": float(np.trace(counts) / len(grades)),
        "quadratic_kappa": kappa(counts, "quadratic"),
        "confusion": counts.tolist(),
    }


def evaluate_scores(scores: Float64, targets: Float64, documents: Sequence[Document]) -> dict[str, Any]:
    """Measure scores against labels, both 0 to 1; a label of 0.5 or more is positive for areas under the ROC curve."""
    positive = targets >= 0.5
    groups = {name: np.array([getattr(d, name) for d in documents]) for name in ("domain", "language", "source")}
    return {
        "roc_auc": area_under_roc(scores, positive),
        "spearman": spearman(scores, targets),
        "spread": float(np.quantile(scores, 0.95) - np.quantile(scores, 0.05)),
        "within": {name: _within(scores, targets, groups[name]) for name in ("domain", "language")},
        "domain_alone": area_under_roc(_means(targets, groups["domain"]), positive),
        "by_source": _spread_by(scores, groups["source"]),
    }


def evaluate_classes(probabilities: Any, labels: Sequence[str], documents: Sequence[Document]) -> dict[str, Any]:
    """Measure the labels found, and of each label precision, recall and the area under its own ROC curve."""
    number = {label: place for place, label in enumerate(labels)}
    truth = np.array([number[document.label] for document in documents], np.int64)
    found = probabilities.argmax(1)
    counts = confusion(truth, found, len(labels))
    right = found == truth
    classes = {}
    for place, label in enumerate(labels):
        of_label = int(counts[place].sum())
        hit, said = int(counts[place, place]), int(counts[:, place].sum())
        f1 = 2 * hit / (of_label + said) if of_label + said else math.nan
        classes[label] = {
            "documents": of_label,
            "precision": hit / said if said else math.nan,
            "recall": hit / of_label if of_label else math.nan,
            "f1": f1,
            "roc_auc": area_under_roc(probabilities[:, place].astype(np.float64), truth == place),
        }
    there = [row["f1"] for row in classes.values() if row["documents"]]
    domains = np.array([document.domain for document in documents])
    return {
        "kind": "classes",
        "documents": {label: row["documents"] for label, row in classes.items()},
        "accuracy": _mean(right),
        "macro_f1": float(np.mean(there)),
        "commonest_alone": Counter(truth.tolist()).most_common(1)[0][1] / len(truth),
        "domain_alone": sum(int(np.bincount(truth[domains == d]).max()) for d in np.unique(domains)) / len(truth),
        "classes": classes,
        "confusion": counts.tolist(),
        "within": {
            name: {"groups": _accuracies(right, np.array([getattr(d, name) for d in documents]))}
            for name in ("domain", "language")
        },
    }


def find_faults(result: dict[str, Any]) -> list[str]:
    """What says that a model has learnt nothing, of what `evaluate` gives."""
    faults = []
    if result["kind"] == "classes":
        if result["accuracy"] <= result["commonest_alone"]:
            faults.append(f"it finds {result['accuracy']:.0%} of the labels, and always saying the commonest one finds "
                          f"{result['commonest_alone']:.0%}")  # fmt: skip
        return faults
    if result["roc_auc"] < CHANCE_AREA:
        faults.append(f"the area under the ROC curve is {result['roc_auc']:.2f}, and chance alone gives 0.5")
    if result["spread"] < MIN_SPREAD:
        faults.append(f"nine of ten scores lie within {result['spread']:.4f}, so no threshold tells documents apart")
    return faults


def find_warnings(result: dict[str, Any]) -> list[str]:
    """What says that a score is less than it looks: that it only tells domains or languages apart."""
    said = []
    if result["kind"] == "classes":
        domains = result["within"]["domain"]["groups"]
        if len(domains) > 1 and result["domain_alone"] >= result["accuracy"] > result["commonest_alone"]:
            said.append(f"the domain alone foretells {result['domain_alone']:.0%} of the labels, and the model finds "
                        f"{result['accuracy']:.0%}: it may only tell domains apart")  # fmt: skip
        return said
    for name, found in result["within"].items():
        area = found["roc_auc"]
        if len(found["groups"]) > 1 and math.isnan(area):
            said.append(
                f"no {name} has documents of both kinds, so nobody knows whether the score tells more than {name}s"
            )
        if result["roc_auc"] >= GOOD_AREA and area < CHANCE_AREA:
            said.append(
                f"the score only tells {name}s apart: the area under the ROC curve is {result['roc_auc']:.2f} over "
                f"all, and {area:.2f} within a {name}, where chance gives 0.5"
            )
    for source, row in result["by_source"].items():
        if row["uninformative"]:
            said.append(f"within the source {source} all scores are alike: standard deviation {row['deviation']:.3f}")
        elif row["homogeneous"]:
            said.append(f"within the source {source}, {row['in_one_tenth']:.0%} of the scores lie within one tenth")
    return said


def _within(scores: Float64, targets: Float64, names: Any) -> dict[str, Any]:
    """Measures of each group, and their means: of areas by pairs of documents, of correlations by documents."""
    groups, pairs, areas, sizes, correlations = {}, [], [], [], []
    for name in np.unique(names).tolist():
        chosen = names == name
        if not name or chosen.sum() < MIN_GROUP:
            continue
        positive = targets[chosen] >= 0.5
        area, correlation = area_under_roc(scores[chosen], positive), spearman(scores[chosen], targets[chosen])
        groups[name] = {"documents": len(positive), "positive": _mean(positive), "roc_auc": area,
                        "spearman": correlation}  # fmt: skip
        if not math.isnan(area):
            pairs.append(int(positive.sum()) * int((~positive).sum()))
            areas.append(area)
        if not math.isnan(correlation):
            sizes.append(len(positive))
            correlations.append(correlation)
    return {
        "roc_auc": float(np.average(areas, weights=pairs)) if areas else math.nan,
        "spearman": float(np.average(correlations, weights=sizes)) if correlations else math.nan,
        "groups": groups,
    }


def _means(targets: Float64, names: Any) -> Float64:
    """The mean label of each document's domain."""
    _, places = np.unique(names, return_inverse=True)
    means: Float64 = (np.bincount(places, targets) / np.bincount(places))[places]
    return means


def _spread_by(scores: Float64, sources: Any) -> dict[str, Any]:
    found = {}
    for source in np.unique(sources).tolist():
        of_source = scores[sources == source]
        if not source or len(of_source) < MIN_GROUP:
            continue
        tenths = np.bincount(np.minimum((of_source * 10).astype(np.int64), 9), minlength=10)
        deviation, in_one = float(of_source.std()), float(tenths.max() / len(of_source))
        found[source] = {
            "documents": len(of_source),
            "mean": float(of_source.mean()),
            "deviation": deviation,
            "in_one_tenth": in_one,
            "uninformative": deviation < MIN_DEVIATION,
            "homogeneous": in_one > HOMOGENEOUS,
        }
    return found


def _accuracies(right: Bools, names: Any) -> dict[str, Any]:
    found = {}
    for name in np.unique(names).tolist():
        chosen = names == name
        if name and chosen.sum() >= MIN_GROUP:
            found[name] = {"documents": int(chosen.sum()), "accuracy": _mean(right[chosen])}
    return found


def _mean(values: Bools) -> float:
    return float(values.mean()) if len(values) else math.nan
