"""`dspipe classifier agreement`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspipe.stages.quality.commands.answers import number, print_json, refuse, warn

if TYPE_CHECKING:
    from dspipe.stages.quality.agreement import Agreement

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="FILE", help="labelled documents")]


def agreement(
    one: File,
    other: File,
    label_field: Annotated[str, typer.Option(help="the field that holds the label")] = "label",
    field: Annotated[str, typer.Option(help="the field that holds the text")] = "text",
    n: Annotated[int, typer.Option("-n", min=0, help="how many disagreements are shown")] = 10,
    length: Annotated[int, typer.Option(min=0, help="characters of each text that are shown")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """How far two labellers of the same documents agree: kappa, who says what for what, and where they differ.

    Documents meet by their id, or by their url where they have none. Where all labels are whole numbers they are
    grades, and there are weighted kappas too.
    """
    from dataclasses import replace

    from dspipe.pipeline.errors import ConfigError
    from dspipe.stages.quality.agreement import compare

    try:
        found = compare(one, other, label_field, field)
    except ConfigError as error:
        refuse(str(error))
    if any(found.alone):
        warn(f"{found.alone[0]:,} documents are only in {one}, {found.alone[1]:,} only in {other}: they don't count")
    shown = replace(found, disagreements=found.disagreements[:n])
    if as_json:
        print_json(shown.as_json())
    else:
        _print(shown, len(found.disagreements), length)


def _print(found: "Agreement", disagreements: int, length: int) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from dspipe.pipeline.visible_text import visible

    console, said = Console(), found.as_json()
    console.print(f"{said['documents']:,} documents, the same label for {said['agreement']:.1%}")
    kappas = [f"Cohen's kappa {number(said['kappa'], '.3f')}"]
    kappas += [f"{how} {number(said[f'{how}_kappa'], '.3f')}" for how in ("linear", "quadratic") if found.ordinal]
    console.print(", ".join(kappas))
    table = Table("first / second", *(escape(visible(label)) for label in found.labels))
    for label, counts in zip(found.labels, found.counts.tolist(), strict=True):
        table.add_row(escape(visible(label)), *(f"{count:,}" for count in counts))
    console.print(table)
    if found.disagreements:
        console.print(f"{len(found.disagreements):,} of {disagreements:,} disagreements:")
    for one in found.disagreements:
        text = " ".join(one.text.split())
        cut = text[:length] + ("..." if len(text) > length else "")
        console.print(visible(f"{one.key}: {one.one} / {one.other}"), markup=False)
        console.print(visible(f"    {cut}"), markup=False)
