"""Maps from a classifier's scores to what labels say, for each domain, in a file beside the model.

A score of 0.8 is a good document for one domain and a middling one for another. After calibration 0.8 means that eight
of ten such documents are good, or that their mean grade is 0.8 of the highest, whatever the domain. Both maps never
change the order of two scores of one domain:

    isotonic    the non-decreasing map with the least squared error (Zadrozny and Elkan, 2002)
    quantile    the score at each rank is given the label at that rank: as many documents of each grade as labelled
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.quality.documents import Corpus
from dspipe.stages.quality.labelled import Document
from dspipe.stages.quality.measures import Float64, brier, calibration_error, isotonic
from dspipe.stages.shared.quantiles import Groups

ALL = "*"
"""the map of all documents, for groups without one of their own"""
MIN_DOCUMENTS, MIN_OF_KIND = 50, 5
"""labelled documents that a group needs for a map of its own, and of them at least on either side of 0.5"""
FOLDS = 5
"""the errors after calibration are those of maps that haven't seen the documents: each fold's by the others'"""
QUANTILES = 101


@dataclass(frozen=True)
class ScoreMap:
    """Straight lines between points, level beyond them. scores: increasing; values: not decreasing, both 0 to 1."""

    scores: list[float]
    values: list[float]

    def of(self, scores: Float64) -> Float64:
        """The calibrated scores; NaN stays NaN."""
        return np.interp(scores, self.scores, self.values)


@dataclass(frozen=True)
class Calibration:
    """The maps of one model."""

    model: str
    """SHA-256 of the model's file"""
    label: str | None
    """the label whose probability is calibrated; None for the expected grade of an ordinal model"""
    by: str
    """the column whose values have maps of their own"""
    how: str
    maps: dict[str, ScoreMap]

    def of(self, scores: Float64, groups: Groups) -> Float64:
        """The calibrated scores of documents of these groups."""
        found = np.empty(len(scores))
        for number, name in enumerate(groups.names):
            chosen = groups.codes == number
            found[chosen] = self.maps.get(name, self.maps[ALL]).of(scores[chosen])
        return found

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**vars(self), "maps": {name: vars(one) for name, one in self.maps.items()}}


def path_beside(model: Path) -> Path:
    """Where a model's calibration is: `quality.calibration.json` beside `quality.bin`."""
    return model.with_suffix(".calibration.json")


def read_calibration(model: Path, sha256: str, label: str | None) -> Calibration:
    """The calibration beside a model. Raises ConfigError where there is none, or one of another model or label."""
    path = path_beside(model)
    made = f"`dspipe classifier calibrate {model} LABELLED` makes one"
    try:
        item = json.loads(path.read_bytes())
        maps = {name: ScoreMap(one["scores"], one["values"]) for name, one in item.pop("maps").items()}
        found = Calibration(**item, maps=maps)
    except FileNotFoundError:
        raise ConfigError(f"no calibration {path}; {made}", ("calibrated",)) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path}: not a calibration: {error}; {made}", ("calibrated",)) from error
    if found.model != sha256:
        raise ConfigError(f"{path} is of another model than {model} now is; {made}", ("calibrated",))
    if found.label != label:
        said, wanted = (f"the label {name}" if name is not None else "grades" for name in (found.label, label))
        raise ConfigError(f"{path} is for {said}, not for {wanted}", ("calibrated",))
    return found


def fit_map(scores: Float64, targets: Float64, how: str) -> ScoreMap:
    """The map from scores to targets (0 to 1) of one group, by `isotonic` or `quantile`."""
    if how == "quantile":
        places = np.linspace(0, 1, QUANTILES)
        knots, values = np.quantile(scores, places), np.quantile(targets, places)
        knots, start, counts = np.unique(knots, return_index=True, return_counts=True)
        values = np.add.reduceat(values, start) / counts
    else:
        knots, of_knot = np.unique(scores, return_inverse=True)
        weights = np.bincount(of_knot).astype(np.float64)
        values = isotonic(np.bincount(of_knot, targets) / weights, weights)
        ends = np.append(True, values[1:] != values[:-1]) | np.append(values[1:] != values[:-1], True)
        knots, values = knots[ends], values[ends]  # the ends of each level say all of it
    return ScoreMap(knots.tolist(), values.tolist())


def fit_maps(scores: Float64, targets: Float64, groups: Sequence[str], how: str) -> dict[str, ScoreMap]:
    """A map for all documents, and one for each group that has enough of them."""
    names = np.array(groups)
    maps = {ALL: fit_map(scores, targets, how)}
    for name in np.unique(names).tolist():
        chosen = names == name
        above = int((targets[chosen] >= 0.5).sum())
        if name and chosen.sum() >= MIN_DOCUMENTS and min(above, chosen.sum() - above) >= MIN_OF_KIND:
            maps[name] = fit_map(scores[chosen], targets[chosen], how)
    return maps


def errors(scores: Float64, targets: Float64, groups: Sequence[str]) -> dict[str, dict[str, float]]:
    """Expected calibration error and Brier score, over all and of each group."""
    names = np.array(groups)
    found = {ALL: np.ones(len(names), bool)} | {name: names == name for name in np.unique(names).tolist() if name}
    return {
        name: {
            "documents": int(chosen.sum()),
            "ece": calibration_error(scores[chosen], targets[chosen]),
            "brier": brier(scores[chosen], targets[chosen]),
        }
        for name, chosen in found.items()
    }


def cross_fitted(
    scores: Float64, targets: Float64, groups: Sequence[str], documents: Sequence[Document], how: str
) -> Float64:
    """Calibrated scores, each by maps of the other folds. Folds are divided by hosts or sources where these are many,
    else by texts."""
    corpus = Corpus(len(documents))
    corpus.groups.update(document.group for document in documents)
    keys = [d.group if corpus.by_group and d.group else d.text for d in documents]
    folds = np.array([xxhash.xxh3_64_intdigest(key.encode(), 4) % FOLDS for key in keys])
    found = np.empty(len(scores))
    for fold in range(FOLDS):
        inside = folds == fold
        if not inside.any():
            continue
        if inside.all():
            raise ConfigError("too few documents to calibrate by")
        others = [name for name, left in zip(groups, inside.tolist(), strict=True) if not left]
        maps = fit_maps(scores[~inside], targets[~inside], others, how)
        names, codes = np.unique(np.array(groups)[inside], return_inverse=True)
        found[inside] = Calibration("", None, "", how, maps).of(scores[inside], Groups(names.tolist(), codes))
    return found
