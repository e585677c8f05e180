"""`dspipe export`."""

import signal
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dspipe.cli.answers import fail, make_console, refuse
from dspipe.cli.arguments import RunDirectory

if TYPE_CHECKING:
    from dspipe.pipeline.inspection.export.export import Exported
    from dspipe.pipeline.inspection.export.options import ExportOptions


def export(
    run: RunDirectory,
    output: Annotated[str, typer.Argument(help="a folder or address that is empty or isn't there", metavar="OUTPUT")],
    format: Annotated[
        Literal["parquet", "jsonl"], typer.Option(help="Parquet, or JSON lines packed by gzip")
    ] = "parquet",
    columns: Annotated[
        str | None, typer.Option(help="names with commas between them; default: all but hashes and signatures")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(help="only documents for which this is true: \"language = 'zh' and quality > 0.9\""),
    ] = None,
    kept: Annotated[
        bool, typer.Option("--kept/--all", help="the documents that were kept, or all, with the reasons of drops")
    ] = True,
    copies: Annotated[bool, typer.Option("--copies", help="each document as often as it was drawn, not once")] = False,
    file_size: Annotated[
        str, typer.Option(help="a shard's next file begins when one has reached this, before it is packed")
    ] = "1GB",
) -> None:
    """Write a run's documents as files for `datasets`, DuckDB, Polars and the like, with a dataset card."""
    from dspipe.pipeline.errors import DamagedFileError, RunNotFoundError, StorageError
    from dspipe.pipeline.inspection.export.options import ExportError, ExportOptions
    from dspipe.pipeline.quantities import parse_size
    from dspipe.pipeline.storage.failures import UnavailableError

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        size = parse_size(file_size)
        if (not isinstance(size, int) and not str(size).isdigit()) or int(size) < 1:
            refuse(f"--file-size: expected a size like 64MB or 2GiB, not {file_size!r}")
    except ValueError as error:
        refuse(f"--file-size: {error}")
    names = None if columns is None else tuple(name for part in columns.split(",") if (name := part.strip()))
    options = ExportOptions(format, names, where, kept, copies, int(size))
    try:
        _print_end(_export(run, output, options), options)
    except (RunNotFoundError, ExportError, StorageError, UnavailableError) as error:
        refuse(str(error))
    except DamagedFileError as error:
        fail(f"{error}; `dspipe run` with the run's config makes it anew")
    except KeyboardInterrupt:
        print("\ninterrupted; files that are whole are kept, the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None


def _export(run: str, output: str, options: "ExportOptions") -> "Exported":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from dspipe.pipeline.inspection.document_table import DocumentTable
    from dspipe.pipeline.inspection.export.export import export_run

    table = DocumentTable.open(run)
    columns = TextColumn("documents"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task("export", total=table.documents)
        return export_run(table, output, options, lambda documents: shown.advance(task, documents))


def _print_end(made: "Exported", options: "ExportOptions") -> None:
    from dspipe.pipeline.quantities import human_bytes
    from dspipe.pipeline.visible_text import visible_line

    counts = made.counts
    what = "rows" if options.copies else "documents"
    before = made.shards - made.written
    lines = [
        f"{made.root}: {counts.rows:,} {what}, {human_bytes(counts.text_bytes)} of text, "
        f"{len(made.files):,} files, {human_bytes(sum(file.bytes for file in made.files))}"
    ]
    if before:
        lines.append(f"{before:,} of {made.shards:,} shards were there before, and are unchanged")
    if counts.without_text:
        lines.append(
            f"{counts.without_text:,} documents have no text: they were dropped while they were read (`early`)"
        )
    if not counts.rows:
        lines.append("no document is chosen")
    console = make_console()
    for line in lines:
        console.print(visible_line(line), highlight=False, markup=False, soft_wrap=True)
