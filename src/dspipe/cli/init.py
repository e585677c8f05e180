"""`dspipe init`."""

from pathlib import Path
from typing import Annotated

import typer

from dspipe.cli.answers import refuse


def init(
    files: Annotated[list[Path], typer.Argument(help="data files and folders", metavar="FILES...")],
    output: Annotated[
        Path | None, typer.Option("--output", help="write the config there instead of printing it", metavar="FILE")
    ] = None,
) -> None:
    """Look at files, and write a config to begin with: formats, fields, languages and domains are guessed."""
    from dspipe.first_config import first_config
    from dspipe.look_at_files import NothingToReadError

    if output is not None and output.exists():
        refuse(f"{output} is there already; give another name")
    try:
        config = first_config(files)
    except (NothingToReadError, OSError) as error:
        refuse(str(error))
    if output is None:
        print(config, end="")
        return
    try:
        output.write_text(config, "utf-8")
    except OSError as error:
        refuse(f"cannot write {output}: {error.strerror}")
    print(f"{output} is written. Next: dspipe plan {output} --sample 200")
