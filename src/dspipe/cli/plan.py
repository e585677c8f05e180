"""`dspipe plan`."""

import os
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
    rates: Annotated[
        str | None,
        typer.Option("--rates", metavar="RUN", help="estimate by what this finished run took, not by dspipe's table"),
    ] = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            "--price",
            metavar="WHAT=DOLLARS",
            help="a price, for dollars: core-hour, tb-month, million-gets or million-puts; any number of times",
        ),
    ] = None,
) -> None:
    """Validate a config and explain what a run of it would do and about what it takes, without reading more of the data
    than its beginning."""
    from dspipe import api
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import RunNotFoundError, StorageError
    from dspipe.pipeline.estimate.estimate import PriceError, estimate, parse_prices
    from dspipe.pipeline.estimate.rates import UnfitRatesError, shipped_rates
    from dspipe.pipeline.report.show_estimate import print_estimate
    from dspipe.pipeline.report.show_plan import print_plan
    from dspipe.pipeline.report.show_sample import print_sample
    from dspipe.pipeline.run.sample import run_sample

    try:
        prices = parse_prices(price or [])
        known = shipped_rates() if rates is None else api.rates(rates)
        planned = api.plan(config, edits or [], tolerate_unreachable=sample is None)
        print_plan(planned, make_console())
        if planned.shards:
            workers = planned.config.engine.workers or os.cpu_count() or 1
            print_estimate(estimate(planned, known, workers), prices, make_console())
        if sample is not None:
            with run_sample(planned.config, sample) as found:
                whole = print_sample(found, make_console())
            if not whole:
                raise typer.Exit(1)
    except (InvalidConfigError, RunNotFoundError, StorageError, UnfitRatesError, PriceError) as error:
        refuse(str(error))
