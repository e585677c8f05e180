"""What several of the classifier's commands are given: labelled documents."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspipe.stages.quality.commands.answers import refuse

if TYPE_CHECKING:
    from dspipe.stages.quality.labelled import Document

Positive = Annotated[
    list[Path] | None,
    typer.Option(exists=True, dir_okay=False, metavar="FILE", help="documents to score high (.jsonl, .gz, .zst)"),
]
Negative = Annotated[
    list[Path] | None,
    typer.Option(exists=True, dir_okay=False, metavar="FILE", help="the others, a crawl's pages for example"),
]
Classes = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, metavar="FOLDER", help="a file or a folder of files for each label"),
]
Documents = Annotated[
    list[Path] | None,
    typer.Option(exists=True, metavar="PATH", help="labelled documents: files, or the output of a run (those kept)"),
]
LabelField = Annotated[str, typer.Option(help="the field of --documents that is the label")]
Field = Annotated[str, typer.Option(help="the field that holds the text")]


def reading_of(
    positive: list[Path] | None,
    negative: list[Path] | None,
    classes: Path | None,
    documents: list[Path] | None,
    label_field: str,
    field: str,
    *,
    ordinal: bool = False,
    from_hosts: Path | None = None,
) -> "tuple[Callable[[], Iterator[Document]], list[str] | None]":
    """What reads the documents that the options name, and the labels that there must be."""
    from dspipe.stages.quality.documents import LABELS, NEGATIVE, POSITIVE
    from dspipe.stages.quality.labelled import ByField, ByHosts, FilesByLabel, files_of_classes

    ways = {
        "--positive and --negative": bool(positive or negative),
        "--classes": classes is not None,
        "--documents": bool(documents),
    }
    given = [name for name, there in ways.items() if there]
    if len(given) != 1:
        refuse(f"name the documents in one way: {', or '.join(ways)}" + (f"; given: {', '.join(given)}" * bool(given)))
    if from_hosts is not None and not documents:
        refuse("--from-hosts labels --documents by their URLs: name these")
    if classes is not None:
        files = files_of_classes(classes)
        return FilesByLabel(files, field), list(files)
    if documents:
        if from_hosts is not None:
            return ByHosts(documents, from_hosts, field), None
        return ByField(documents, label_field, field, levels=ordinal), None
    if not positive or not negative:
        refuse(f"no {NEGATIVE if positive else POSITIVE} documents: give --positive and --negative")
    return FilesByLabel({POSITIVE: positive, NEGATIVE: negative}, field), list(LABELS)
