"""`dspipe sample`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dspipe.cli.answers import fail, make_console, refuse
from dspipe.cli.arguments import ImportOwn, RunDirectory


def sample(
    run: RunDirectory,
    dropped_by: Annotated[
        list[str] | None, typer.Option(help="documents dropped for this reason, or by this stage", metavar="NAME")
    ] = None,
    kept: Annotated[bool, typer.Option("--kept", help="documents that are kept")] = False,
    where: Annotated[
        str | None,
        typer.Option(help="documents of which this is true, e.g. \"language = 'zh' and quality > 0.9\"", metavar="SQL"),
    ] = None,
    near: Annotated[
        str | None,
        typer.Option(
            help="documents just within and just outside a threshold, e.g. heuristics.gopher.min_words",
            metavar="SETTING",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="so many documents of each value of these columns; score:5 for five equal parts", metavar="COLUMN,..."
        ),
    ] = None,
    at_most_of: Annotated[
        str | None,
        typer.Option(
            help="no more documents of one host, or one value of a column, in a stratum: host=20", metavar="COLUMN=N"
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="how many documents, of each stratum and side")] = 10,
    seed: Annotated[int, typer.Option(help="of the draw: another one shows others")] = 0,
    quarantined: Annotated[bool, typer.Option("--quarantined", help="bad records instead of documents")] = False,
    length: Annotated[int, typer.Option(min=0, help="characters of each text that are shown")] = 400,
    json: Annotated[bool, typer.Option("--json", help="a JSON object a line, with whole texts")] = False,
    output: Annotated[
        Path | None, typer.Option(help="write .jsonl or .parquet, with whole texts", metavar="FILE")
    ] = None,
    import_own: ImportOwn = False,
) -> None:
    """Show documents of a run: by verdict, by a condition on columns, near a threshold, or so many of each kind."""
    from dspipe.pipeline.condition import ConditionError
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import DamagedFileError, RunNotFoundError, StorageError
    from dspipe.pipeline.inspection.document_table import DocumentTable
    from dspipe.pipeline.inspection.quarantined import sample_quarantined
    from dspipe.pipeline.inspection.run_thresholds import NoThresholdError
    from dspipe.pipeline.inspection.sample import SampleError, Wanted
    from dspipe.pipeline.inspection.sample import sample as draw
    from dspipe.pipeline.inspection.sample_files import json_lines, write_sample
    from dspipe.pipeline.report.show_document_sample import print_document_sample
    from dspipe.pipeline.run.run_file import configured_stages

    if kept and dropped_by:
        refuse("--kept and --dropped-by: a document is one or the other")
    columns = tuple(name.strip() for name in by.split(",") if name.strip()) if by else ()
    if quarantined and (kept or dropped_by or where or near or columns not in ((), ("stage",))):
        refuse("--quarantined: bad records have no columns; only -n, --seed, --by stage and the output can be chosen")
    try:
        table = DocumentTable.open(run)
        if quarantined:
            found = sample_quarantined(table, n, seed, bool(columns))
        else:
            limit = _limit(at_most_of) if at_most_of is not None else None
            wanted = Wanted(n, tuple(dropped_by or ()), kept, where, near, columns, seed, limit)
            stages = configured_stages(table.store, import_own)
            found = draw(table, wanted, stages.known)
            if stages.left_out:
                own = f"{', '.join(stages.left_out)}: the run's own, asked for limits and marks with --import-own only"
                found = replace(found, remarks=[*found.remarks, own])
        if output is not None:
            write_sample(found, output)
            print(f"{output}: {len(found.documents):,} documents", file=sys.stderr)
        elif json:
            for line in json_lines(found):
                sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
        else:
            console = make_console()
            print_document_sample(found, console, length, wide=not console.is_terminal)
    except (RunNotFoundError, SampleError, ConditionError, NoThresholdError, InvalidConfigError, StorageError) as error:
        refuse(str(error))
    except DamagedFileError as error:
        fail(f"{error}; `dspipe run` with the run's config makes it anew")


def _limit(said: str) -> tuple[str, int]:
    column, equals, number = said.rpartition("=")
    if not (equals and column and number.isascii() and number.isdigit() and int(number)):
        refuse(f"--at-most-of {said}: say a column, or host, and how many, as in host=20")
    return column, int(number)
