"""`dspipe recall`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dspipe.cli.answers import fail, make_console, refuse
from dspipe.cli.arguments import ConfigFile

if TYPE_CHECKING:
    from dspipe.stages.quality.recall.rounds import Outcome, Take
    from dspipe.stages.quality.recall.state import Round


def recall(
    config: ConfigFile,
    accept_all: Annotated[
        bool, typer.Option("--accept-all", help="take every listed host, for a trial: nobody has looked at them")
    ] = False,
    accept_above: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="take listed hosts and paths recalled to this share, leave the others to the classifier"
        ),
    ] = None,
) -> None:
    """Find more pages like some seeds in a run, round by round: train, score, list hosts, annotate, and again.

    Goes on from where it stands. It ends a call where a person is to annotate the hosts of a round, and says in which
    file.
    """
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import ConfigError, DamagedFileError, StorageError
    from dspipe.pipeline.storage.failures import UnavailableError
    from dspipe.stages.quality.recall import annotations
    from dspipe.stages.quality.recall.config import load_recall_config
    from dspipe.stages.quality.recall.rounds import go_on
    from dspipe.stages.quality.recall.state import RecallError
    from dspipe.stages.quality.training import TrainingError

    if accept_all and accept_above is not None:
        refuse("--accept-all and --accept-above: give one of them")
    take: Take | None = None
    if accept_all or accept_above is not None:
        take = annotations.accept_above(accept_above or 0.0)
    try:
        settings, where = load_recall_config(config)
        shown = _Shown()
        try:
            with shown:
                outcome = go_on(settings, where, shown, take)
        except ConfigError as error:
            key = ".".join(map(str, error.key))
            refuse(f"{where.place(error.key)}: {key}: {error}" if key else str(error))
        _print_end(outcome)
    except (InvalidConfigError, RecallError, StorageError, UnavailableError) as error:
        refuse(str(error))
    except DamagedFileError as error:
        fail(f"{error}; remove it, and it is made anew if it is the recall's; if the run's, run the run's config again")
    except TrainingError as error:
        fail(f"training failed: {error}")
    except KeyboardInterrupt:
        print("\ninterrupted; what is whole is kept, the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None


class _Shown:
    """A bar a step on a terminal, a line a step elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
        self._terminal = sys.stderr.isatty()
        self._bars = Progress(*columns, console=Console(stderr=True), transient=True, disable=not self._terminal)
        self._task = self._bars.add_task("", total=1)
        self._title = ""

    def __enter__(self) -> "_Shown":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def step(self, title: str, done: float, total: float) -> None:
        """Show how much of a step is done."""
        if title != self._title:
            self._title = title
            if not self._terminal:
                print(title, file=sys.stderr, flush=True)
            self._bars.reset(self._task, description=title)
        self._bars.update(self._task, completed=done, total=total)

    def round(self, done: "Round") -> None:
        """Nothing: all rounds are shown at the end."""


def _print_end(outcome: "Outcome") -> None:
    from rich.table import Table

    from dspipe.pipeline.quantities import human_bytes
    from dspipe.pipeline.visible_text import visible_line

    table = Table("round", "positives", "negatives", "AUC", "score from", "pages", "new", "new share", "hosts",
                  "new hosts", "text", "tokens", "hosts listed")  # fmt: skip
    for done in outcome.rounds:
        area = "" if done.roc_auc is None else f"{done.roc_auc:.4f}"
        table.add_row(str(done.number), f"{done.positives:,}", f"{done.negatives:,}", area, f"{done.threshold:.4f}",
                      f"{done.recalled:,}", f"{done.new:,}", f"{done.new_share:.1%}", f"{done.hosts:,}",
                      f"{done.new_hosts:,}", human_bytes(done.bytes), f"{done.tokens:,}",
                      f"{done.listed:,}")  # fmt: skip
    console = make_console()
    console.print(table)
    lines = [f"recalled documents: {outcome.recalled}"]
    if outcome.waiting is not None:
        hosts = f"{outcome.undecided:,} host{'s' if outcome.undecided != 1 else ''}"
        lines.append(f"waiting for annotations of {hosts}: {outcome.waiting}")
        lines.append('write true, false or skip for each take: "?" in it, then run the same command again')
    else:
        lines.append(f"ended: {outcome.why}")
    for line in lines:
        console.print(visible_line(line), highlight=False, markup=False, soft_wrap=True)
