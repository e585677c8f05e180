"""`dspipe plan`."""

from typing import Annotated

import typer

from dspipe.cli.answers import make_console, refuse
from dspipe.cli.arguments import ConfigFile, Edits


def plan(
    config: ConfigFile,
    edits: Edits = None,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample",
            min=1,
            metavar="N",
            help="run it on the first N records of every source, and show what becomes of them",
        ),
    ] = None,
) -> None:
    """Validate a config and explain what a run of it would do, without reading more of the data than its beginning."""
    from dspipe import api
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import StorageError
    from dspipe.pipeline.report.show_plan import print_plan
    from dspipe.pipeline.report.show_sample import print_sample
    from dspipe.pipeline.run.sample import run_sample

    try:
        planned = api.plan(config, edits or [], tolerate_unreachable=sample is None)
        print_plan(planned, make_console())
        if sample is not None:
            with run_sample(planned.config, sample) as found:
                whole = print_sample(found, make_console())
            if not whole:
                raise typer.Exit(1)
    except (InvalidConfigError, StorageError) as error:
        refuse(str(error))
