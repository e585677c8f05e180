"""`dspipe classifier evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from dspipe.stages.quality.commands.answers import print_json, refuse, warn
from dspipe.stages.quality.commands.arguments import Classes, Documents, Field, LabelField, Negative, Positive


def evaluate(
    model: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="MODEL", help="the model file (.bin)")],
    positive: Positive = None,
    negative: Negative = None,
    classes: Classes = None,
    documents: Documents = None,
    label_field: LabelField = "label",
    field: Field = "text",
    label: Annotated[str, typer.Option(help="the label whose probability is the score")] = "positive",
    prefix_bytes: Annotated[int, typer.Option(min=0, help="as in the stage `quality`")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """How well a classifier tells documents apart, over all and within each domain and language.

    Domains, languages and sources are fields of the documents. Warns of a score that only tells these apart.
    """
    from dspipe.pipeline.errors import ConfigError
    from dspipe.stages.quality import evaluation
    from dspipe.stages.quality.commands.arguments import reading_of
    from dspipe.stages.quality.commands.show import print_evaluation

    try:
        reading, labels = reading_of(positive, negative, classes, documents, label_field, field)
        texts = list(reading())
        there = {document.label for document in texts}
        for name in labels or ():
            if name not in there:
                refuse(f"no {name} documents")
        if len(there) < 2:
            refuse(f"all documents have the label {next(iter(there))}: there is nothing to tell apart" if there
                   else "no documents")  # fmt: skip
        result = evaluation.evaluate(model, texts, label, prefix_bytes)
    except ConfigError as error:
        refuse(str(error))
    if as_json:
        print_json({**result, "warnings": evaluation.find_warnings(result)})
        return
    print_evaluation(result)
    for warning in evaluation.find_warnings(result):
        warn(warning)
