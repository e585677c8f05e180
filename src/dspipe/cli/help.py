"""`dspipe help`."""

import shutil
from typing import Annotated

import typer

from dspipe.cli.answers import refuse


def help_(
    topic: Annotated[
        str | None,
        typer.Argument(help="a stage, a source format, engine, sources, config or conditions", metavar="TOPIC"),
    ] = None,
) -> None:
    """Say what a stage, a source format or a part of the config does: settings, defaults, an example."""
    from dspipe.pipeline.report.show_help import UnknownTopicError, help_text, overview

    width = min(100, shutil.get_terminal_size().columns)
    try:
        print(help_text(topic, width) if topic is not None else overview(width))
    except UnknownTopicError as error:
        refuse(str(error))
