"""`dspipe stats`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from dspipe.cli.answers import make_console, refuse
from dspipe.cli.shard_stats import holds_run, print_shard_stats

By = Literal["source", "domain"]


def stats(
    run: Annotated[
        str,
        typer.Argument(help="a run's output directory or address, or a shard, or a folder of shards", metavar="RUN"),
    ],
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="write one HTML page", metavar="FILE")] = None,
    by: Annotated[By | None, typer.Option(help="only the funnel of each source, or of each domain")] = None,
    tokenizer: Annotated[
        Path | None, typer.Option("--tokenizer", help="of shards: the tokenizer.json of their ids", metavar="FILE")
    ] = None,
) -> None:
    """Print the tables of a run (the funnel, the domains, the phases, what the stages report), or of packed shards."""
    from dspipe.pipeline.errors import RunNotFoundError
    from dspipe.pipeline.report.stats import as_json, print_stats
    from dspipe.pipeline.run.run_file import read_run

    if not holds_run(run):
        if html is not None or by is not None:
            refuse(f"{run} holds no run (there is no run.json), and --html and --by are of runs")
        print_shard_stats(run, tokenizer, json)
        return
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
