"""`ratios.csv` and `metrics.csv`: a row for each mixture, in the columns that Olmix reads and writes.

`run` says which mixture it is; `name` and `index` are nobody's business here; every other column is a domain's weight
or a metric. In `name` of `ratios.csv` stands `buckets-` and the hash of all domains (`stages.remix.mixtures.buckets`).
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dspipe.stages.remix.mixtures.simplex import Float64

RUN = ("run", "run_id")
"""the column with a mixture's name, by its names"""
_NOT_READ = frozenset({"name", "index", ""})
BUCKETS = "buckets-"


class TableError(ValueError):
    """A table that can't be used; the message names file and line."""


@dataclass(frozen=True)
class MixtureTable:
    """Numbers by mixture and column."""

    path: Path
    runs: tuple[str, ...]
    columns: tuple[str, ...]
    values: Float64
    """float64[runs, columns]"""
    buckets: str | None = None
    """what `name` says of the domains, where it says something"""


def read_table(path: Path) -> MixtureTable:
    """A table with a number in every cell. Raises TableError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [
                (number, row) for number, row in enumerate(csv.reader(file), 1) if any(cell.strip() for cell in row)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path} can't be read: {error}") from None
    if len(lines) < 2:
        raise TableError(f"{path} has no rows: the first line names the columns, each other is a mixture")
    header = [name.strip() for name in lines[0][1]]
    run = _only(
        [name for name in header if name in RUN], f"{path} has no column `run` that says which mixture a row is"
    )
    columns = [name for name in header if name not in (*RUN, *_NOT_READ) and not name.startswith("Unnamed:")]
    if not columns:
        raise TableError(f"{path} has no column beside {run}")
    if twice := next((name for name in header if name not in _NOT_READ and header.count(name) > 1), None):
        raise TableError(f"{path} has two columns {twice!r}")
    runs, values, buckets = dict[str, int](), [], set[str]()
    for number, row in lines[1:]:
        where = f"{path}, line {number}"
        if len(row) != len(header):
            raise TableError(f"{where} has {len(row)} cells, the header {len(header)}")
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        if cells[run] in runs:
            raise TableError(f"{where}: the mixture {cells[run]!r} is on line {runs[cells[run]]} already")
        runs[cells[run]] = number
        values.append([_number(cells[name], name, where) for name in columns])
        buckets.add(cells.get("name", ""))
    said = {name.removeprefix(BUCKETS) for name in buckets if name.startswith(BUCKETS)}
    if len(said) > 1:
        raise TableError(f"{path} has mixtures of other domains each: {', '.join(sorted(said))} in `name`")
    return MixtureTable(path, tuple(runs), tuple(columns), np.array(values, float), next(iter(said), None))


def read_ratios(path: Path) -> MixtureTable:
    """Weights of domains. Raises TableError also for weights below 0, or that don't sum to 1."""
    table = read_table(path)
    for run, weights in zip(table.runs, table.values, strict=True):
        if weights.min() < 0:
            domain = table.columns[int(weights.argmin())]
            raise TableError(f"{path}: {run} has a weight below 0 of {domain!r}")
        if abs(weights.sum() - 1) > 1e-3:
            raise TableError(f"{path}: the weights of {run} are to sum to 1, and sum to {weights.sum():.6g}")
    return table


@dataclass(frozen=True)
class Joined:
    """The mixtures that both tables have."""

    runs: tuple[str, ...]
    ratios: Float64
    """float64[mixtures, domains]"""
    metrics: Float64
    """float64[mixtures, metrics]"""
    without: tuple[str, ...]
    """mixtures that have no metrics yet"""


def join(ratios: MixtureTable, metrics: MixtureTable) -> Joined:
    """Two tables by the mixtures' names. Raises TableError for metrics of unknown mixtures."""
    place = {run: number for number, run in enumerate(ratios.runs)}
    unknown = [run for run in metrics.runs if run not in place]
    if unknown:
        listed = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise TableError(f"{metrics.path} has metrics of {listed}, which {ratios.path} doesn't name")
    both = sorted((place[run], number) for number, run in enumerate(metrics.runs))
    measured = {*metrics.runs}
    chosen = np.array(both)
    return Joined(
        tuple(run for run in ratios.runs if run in measured),
        ratios.values[chosen[:, 0]],
        metrics.values[chosen[:, 1]],
        tuple(run for run in ratios.runs if run not in measured),
    )


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[tuple[str, Mapping[str, float]]], name: str | None = None
) -> None:
    """Write the numbers of each mixture, whole or not at all; `name` is what its column says, where there is one."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["run", *([] if name is None else ["name"]), *columns])
        for run, values in rows:
            writer.writerow([run, *([] if name is None else [name]), *(repr(values[column]) for column in columns)])
    temporary.replace(path)


def _number(cell: str, column: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise TableError(f"{where}: {column!r} is {cell or 'empty'}, not a number") from None
    if not math.isfinite(value):
        raise TableError(f"{where}: {column!r} is {cell}; leave out mixtures whose training failed")
    return value


def _only(names: list[str], otherwise: str) -> str:
    if len(names) != 1:
        raise TableError(otherwise if not names else f"{otherwise}: {' and '.join(names)} are there")
    return names[0]
