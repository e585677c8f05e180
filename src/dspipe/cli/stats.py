"""`dspipe stats`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dspipe.cli.answers import make_console, refuse
from dspipe.cli.arguments import RunDirectory

By = Literal["source", "domain"]


def stats(
    run: RunDirectory,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="write one HTML page", metavar="FILE")] = None,
    by: Annotated[By | None, typer.Option(help="only the funnel of each source, or of each domain")] = None,
) -> None:
    """Print the tables of a run: the funnel, the domains, the phases and what the stages report."""
    from dspipe.pipeline.errors import RunNotFoundError
    from dspipe.pipeline.report.stats import as_json, print_stats
    from dspipe.pipeline.run.run_file import read_run

    try:
        store, found = read_run(run)
    except RunNotFoundError as error:
        refuse(str(error))
    if json:
        print(as_json(found))
    elif html is not None:
        from dspipe.page.render import html_page  # everything that knows what stages know: seconds to import

        try:
            html.write_text(html_page(store, found), "utf-8")
        except OSError as error:
            refuse(f"cannot write {html}: {error.strerror}")
    else:
        print_stats(found, make_console(), by)
