"""`dspipe run`."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspipe.cli.answers import fail, make_console, refuse
from dspipe.cli.arguments import ConfigFile, Edits
from dspipe.pipeline.visible_text import visible, visible_line

if TYPE_CHECKING:
    from dspipe.api import Run
    from dspipe.pipeline.run.retry_quarantine import QuarantineRetry


def run(
    config: ConfigFile,
    edits: Edits = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="remove shards that an earlier config packed there, once these are whole")
    ] = False,
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics", help="answer Prometheus there while it runs; a port is on loopback", metavar="[HOST:]PORT"
        ),
    ] = None,
) -> None:
    """Run a config, or go on where an earlier run of it stopped."""
    run_or_say_why(config, edits or [], replace, metrics=metrics)


def run_or_say_why(
    config: Path,
    edits: list[str],
    replace: bool = False,
    retry: "QuarantineRetry | None" = None,
    metrics: str | None = None,
) -> None:
    """Run a config and print what came of it; exit with a sentence where it failed."""
    from dspipe import api
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import ConfigError, ConservationError, RunFailedError, StorageError

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        _print_end(api.run(config, edits, replace_earlier=replace, retry=retry, metrics=metrics), retry)
    except (InvalidConfigError, ConfigError, StorageError) as error:
        refuse(str(error))
    except ConservationError as error:
        fail(f"documents were lost or changed, so the run was stopped: {error}")
    except RunFailedError as error:
        if error.user:
            refuse(str(error))
        if error.traceback:
            print(visible(error.traceback), file=sys.stderr)
        resumes = "\nWhat is finished is kept: the same command goes on from there." if error.resumes else ""
        fail(f"{error}{resumes}")
    except KeyboardInterrupt:
        print("\ninterrupted; what is finished is kept, the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None


def _print_end(run: "Run", retry: "QuarantineRetry | None") -> None:
    from dspipe.pipeline.report.left_out import left_out_line, repeated_ids_line
    from dspipe.pipeline.report.made import made_lines
    from dspipe.pipeline.report.stats import print_funnel

    console = make_console()
    print_funnel(run.file, console)
    for line in (left_out_line(run.file, run.root), repeated_ids_line(run.file)):
        if line:
            console.print(f"\n{visible_line(line)}", highlight=False, markup=False)
    if retry is not None:
        console.print(f"\n{visible_line(retry.said())}", highlight=False, markup=False)
    console.print()
    for line in made_lines(run.file, run.store, run.root, run.tasks_run):
        console.print(visible(line), highlight=False, markup=False, soft_wrap=True)  # commands are copied whole
