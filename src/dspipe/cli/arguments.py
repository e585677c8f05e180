"""Arguments and options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path, typer.Argument(help="the YAML config", metavar="CONFIG")]
RunDirectory = Annotated[str, typer.Argument(help="the run's output directory or address", metavar="RUN")]
ImportOwn = Annotated[
    bool,
    typer.Option("--import-own", help="ask stages of the run's own, too: imports, and so runs, what its config names"),
]
Edits = Annotated[
    list[str] | None,
    typer.Option("--set", help="set a key of the config, e.g. --set stages.minhash.bands=20", metavar="KEY=YAML"),
]
