"""`dspipe status`."""

from typing import TYPE_CHECKING, Annotated

import typer

from dspipe.cli.answers import make_console, refuse
from dspipe.cli.arguments import RunDirectory

if TYPE_CHECKING:
    from dspipe.pipeline.inspection.status import Status

_LOOK_S = 2.0
"""how often `--watch` looks: as often as a driver writes its status into a directory"""


def status(
    run: RunDirectory,
    watch: Annotated[bool, typer.Option("--watch", help="look again every two seconds until the run ends")] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object; with --watch one a line")] = False,
) -> None:
    """Say how a run is, from any terminal or machine: phases, time left, failures, and whether its driver is alive."""
    from dspipe.pipeline.errors import RunNotFoundError
    from dspipe.pipeline.inspection.status import open_status

    try:
        if watch:
            _watch(run, json)
        elif json:
            _print_json(open_status(run))
        else:
            from dspipe.pipeline.inspection.show_status import status_lines

            make_console().print(status_lines(open_status(run)), highlight=False)
    except RunNotFoundError as error:
        refuse(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _print_json(found: "Status") -> None:
    import json

    from dspipe.pipeline.visible_text import visible_json

    print(visible_json(json.dumps(found.as_json(), ensure_ascii=False)), flush=True)


def _watch(run: str, json: bool) -> None:
    """Look until the run has ended; exit code 1 where it didn't end well."""
    import sys
    import time

    from dspipe.pipeline.inspection.show_status import status_line, status_lines
    from dspipe.pipeline.inspection.status import open_status

    found = open_status(run)
    if json or not sys.stdout.isatty():
        show = _print_json if json else lambda status: print(status_line(status), flush=True)
        show(found)
        while found.at_work:
            time.sleep(_LOOK_S)
            found = open_status(run)
            show(found)
    else:
        from rich.live import Live

        console = make_console()
        with Live(console=console, auto_refresh=False) as live:
            while found.at_work:
                live.update(status_lines(found, console.height), refresh=True)
                time.sleep(_LOOK_S)
                found = open_status(run)
            live.update(status_lines(found), refresh=True)
    if found.state != "finished":
        raise typer.Exit(1)
