"""`dspipe classifier calibrate`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from dspipe.stages.quality.commands.answers import number, print_json, refuse, warn
from dspipe.stages.quality.commands.arguments import Field


class How(StrEnum):
    """The kinds of maps."""

    isotonic = "isotonic"
    quantile = "quantile"


class By(StrEnum):
    """The columns that may have maps of their own."""

    domain = "domain"
    language = "language"
    source = "source"


def calibrate(
    model: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="MODEL", help="the model file (.bin)")],
    labelled: Annotated[list[Path], typer.Argument(exists=True, metavar="LABELLED", help="labelled documents")],
    by: Annotated[By, typer.Option(help="the column whose values have maps of their own")] = By.domain,
    how: Annotated[How, typer.Option(help="the least error, or as many documents of each label")] = How.isotonic,
    label: Annotated[str, typer.Option(help="the label whose probability is the score")] = "positive",
    label_field: Annotated[str, typer.Option(help="the field of the documents that is the label")] = "label",
    field: Field = "text",
    prefix_bytes: Annotated[int, typer.Option(min=0, help="as in the stage `quality`")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """Make a model's scores mean the same in all domains, by documents that it wasn't trained on.

    Writes MODEL's name with `.calibration.json`, which `quality: {model: ..., calibrated: true}` reads. Labels are
    `positive` and others (--label), or the grades of an ordinal model. The errors after it are those of documents that
    the maps haven't seen.
    """
    from dspipe.pipeline.errors import ConfigError

    try:
        found = _calibrate(model, labelled, by.value, how.value, label, label_field, field, prefix_bytes)
    except ConfigError as error:
        refuse(str(error))
    if as_json:
        print_json(found)
        return
    _print(found, by.value)


def _calibrate(
    model: Path, labelled: list[Path], by: str, how: str, label: str, label_field: str, field: str, prefix_bytes: int
) -> dict[str, Any]:
    import json

    import numpy as np

    from dspipe.pipeline.errors import ConfigError
    from dspipe.stages.quality.calibration import Calibration, cross_fitted, errors, fit_maps, path_beside
    from dspipe.stages.quality.evaluation import buffers_of, open_classifier
    from dspipe.stages.quality.labelled import ByField
    from dspipe.stages.quality.scores import levels_of, score_texts
    from dspipe.stages.shared.loaded import sha256_once

    classifier = open_classifier(model)
    levels = levels_of(classifier.labels)
    if levels is None:
        open_classifier(model, label)
    documents = [one for one in ByField(labelled, label_field, field, levels is not None)() if one.text.strip()]
    if not documents:
        raise ConfigError(f"{', '.join(map(str, labelled))}: no documents with a text")
    if levels is not None:
        highest = int(levels.max())
        if over := next((one.label for one in documents if int(one.label) > highest), None):
            raise ConfigError(f"a document has the grade {over}, and the model knows 0 to {highest}")
        targets = np.array([int(one.label) / highest for one in documents])
    else:
        targets = np.array([one.label == label for one in documents], np.float64)
    if len({one.label for one in documents}) < 2 or (levels is None and not 0 < targets.sum() < len(targets)):
        said = (
            f"{int(targets.sum()):,} of {len(targets):,} documents are {label}" if levels is None else "one grade only"
        )
        raise ConfigError(f"labels of both kinds are needed to calibrate by: {said}")
    scores = np.nan_to_num(score_texts(classifier, *buffers_of(documents), prefix_bytes, None if levels is not None
                                       else label))  # fmt: skip
    groups = [getattr(one, by) for one in documents]
    after = cross_fitted(scores, targets, groups, documents, how)
    maps = fit_maps(scores, targets, groups, how)
    calibration = Calibration(sha256_once(model), label if levels is None else None, by, how, maps)
    path = path_beside(model)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(calibration.as_json(), indent=1) + "\n", "utf-8")
    partial.replace(path)
    return {
        "file": str(path),
        "groups": [name for name in maps if name != "*"],
        "before": errors(scores, targets, groups),
        "after": errors(after, targets, groups),
    }


def _print(found: dict[str, Any], by: str) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from dspipe.pipeline.visible_text import visible

    table = Table(by, "documents", "map", "ECE before", "after", "Brier before", "after")
    for name, before in found["before"].items():
        after = found["after"][name]
        own = "of all" if name != "*" and name not in found["groups"] else "its own"
        table.add_row(escape(visible("all" if name == "*" else name)), f"{before['documents']:,}", own,
                      *(number(one[what]) for what in ("ece", "brier") for one in (before, after)))  # fmt: skip
    console = Console()
    console.print(visible(found["file"]), markup=False)
    console.print(table)
    if found["after"]["*"]["brier"] > found["before"]["*"]["brier"]:
        warn("the error is larger than before: there are too few labelled documents, or the score says nothing of them")
