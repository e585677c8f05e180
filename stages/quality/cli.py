"""`dspipe classifier`: train a fastText quality classifier from good and bad documents, and see how good it is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from dspipe.pipeline.visible_text import visible

if TYPE_CHECKING:
    from dspipe.stages.quality.documents import Split
    from dspipe.stages.quality.search import Choice, Given

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Positive = Annotated[
    list[Path],
    typer.Option(exists=True, dir_okay=False, metavar="FILE", help="documents to score high (.jsonl, .gz, .zst)"),
]
Negative = Annotated[
    list[Path],
    typer.Option(exists=True, dir_okay=False, metavar="FILE", help="the others, a crawl's pages for example"),
]
Field = Annotated[str, typer.Option(help="the field that holds the text")]


@app.command()
def train(
    positive: Positive,
    negative: Negative,
    output: Annotated[Path, typer.Option(help="the model file to write (.bin)")],
    field: Field = "text",
    word_ngrams: Annotated[int, typer.Option(min=1, max=5, help="up to this many words make a feature")] = 2,
    subwords: Annotated[
        bool | None, typer.Option(help="character 2- to 5-grams too [where words have no blanks between them]")
    ] = None,
    dim: Annotated[int | None, typer.Option(min=2, help="length of the vectors [16, or 64 where it pays]")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="how often all documents are seen [chosen]")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=1e-6, help="of the first step; it falls to 0 by the last [chosen]")
    ] = None,
    min_count: Annotated[
        int | None, typer.Option(min=1, help="words seen fewer times have no vector of their own [for 50,000 words]")
    ] = None,
    buckets: Annotated[
        int | None, typer.Option(min=1000, help="rows shared by all n-grams [50,000, or 400,000 where it pays]")
    ] = None,
    held_out: Annotated[float, typer.Option(min=0, max=0.5, help="share of documents to evaluate on")] = 0.1,
    threads: Annotated[int, typer.Option(min=1, help="more than 1: no two trainings give the same model")] = 1,
) -> None:
    """Train a classifier whose label `positive` is the score of the stage `quality`.

    What isn't given is chosen by trying a few settings on documents kept aside for it. Other documents are held out,
    and the model is measured on them. Both are chosen by their host or source, or by their text where these aren't
    known: the same ones every time. So the model is the same too, byte for byte, with one thread. More threads share
    the work and write to the same vectors without locks, as fastText does: quicker by as many cores as there are, and
    slightly different every time.
    """
    import tempfile

    from dspipe.pipeline.errors import ConfigError
    from dspipe.stages.quality.documents import NEGATIVE, POSITIVE, split_documents
    from dspipe.stages.quality.search import Given
    from dspipe.stages.quality.training import TrainingError

    given = Given(learning_rate, epochs, dim, buckets, word_ngrams, subwords, min_count)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".classifier-") as folder:
        model = Path(folder) / "model.bin"
        try:
            files = {POSITIVE: positive, NEGATIVE: negative}
            split = split_documents(files, field, held_out, Path(folder))
            if lacking := next((label for label in files if not split.trained[label]), None):
                _refuse(f"no {lacking} documents to train on: all of them are held out")
            choice = _train(split, given, model, threads)
        except ConfigError as error:
            _refuse(str(error))
        except TrainingError as error:
            _refuse(f"training failed: {error}")
        model.replace(output)
    _report(split, choice, output)


def _train(split: "Split", given: "Given", model: Path, threads: int) -> "Choice":
    """Choose the settings and train with them, with a line for each training."""
    from dspipe.stages.quality import search
    from dspipe.stages.quality.evaluation import Float64, losses
    from dspipe.stages.quality.progress import show_training
    from dspipe.stages.quality.training import train

    def losses_of(choice: "Choice") -> "Float64":
        with show_training(f"trying {choice.describe()}") as progress:
            train(split.search, model, threads, progress, **choice.options())
            found = losses(model, split.choosing)
            progress.result = f"loss {found.mean():.4f}"
        return found

    first = search.list_first(given, split.words, split.share)
    if all(split.choosing.values()) and split.search.stat().st_size:
        choice = search.choose(given, first, losses_of)
    else:
        choice = first[min(1, len(first) - 1)]  # 25 epochs
        typer.echo("too few documents to choose settings by", err=True)
    choice = search.scale_up(choice, given, split.share)
    with show_training(f"training with {choice.describe()}") as progress:
        train(split.whole, model, threads, progress, **choice.options())
    return choice


def _report(split: "Split", choice: "Choice", output: Path) -> None:
    """What was made and how good it is, with a warning where it is no good."""
    from dspipe.stages.quality.documents import NEGATIVE, POSITIVE
    from dspipe.stages.quality.evaluation import evaluate, find_faults

    trained = f"trained on {split.trained[POSITIVE]:,} positive and {split.trained[NEGATIVE]:,} negative documents"
    typer.echo(f"{trained}: {output}, {output.stat().st_size / 1e6:.1f} MB")
    typer.echo(f"settings: {choice.describe()}, words seen {choice.min_count} times or more")
    if not all(split.held_out.values()):
        typer.echo("warning: no documents of both kinds were held out, so nobody knows how good it is", err=True)
        return
    result = evaluate(output, split.held_out)
    how = [f"{label} by {'host or source' if split.by_group[label] else 'text'}" for label in (POSITIVE, NEGATIVE)]
    typer.echo(f"on {sum(map(len, split.held_out.values())):,} held-out documents ({', '.join(how)}):")
    _print(result)
    for fault in find_faults(result):
        typer.echo(f"warning: this model is of no use: {fault}. Are the two sets different in kind?", err=True)


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="MODEL", help="the model file (.bin)")],
    positive: Positive,
    negative: Negative,
    field: Field = "text",
    label: Annotated[str, typer.Option(help="the label whose probability is the score")] = "positive",
    prefix_bytes: Annotated[int, typer.Option(min=0, help="as in the stage `quality`")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """How well a classifier tells two sets of documents apart."""
    import json

    from dspipe.pipeline.errors import ConfigError
    from dspipe.stages.quality import evaluation
    from dspipe.stages.quality.documents import NEGATIVE, POSITIVE, read_documents

    try:
        texts = {
            name: [document.text for document in read_documents(files, field)]
            for name, files in ((POSITIVE, positive), (NEGATIVE, negative))
        }
        for name, found in texts.items():
            if not found:
                _refuse(f"no {name} documents")
        result = evaluation.evaluate(model, texts, label, prefix_bytes)
    except ConfigError as error:
        _refuse(str(error))
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _print(result)


def _print(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    documents = result["documents"]
    table = Table("drop lowest", "threshold", "positive kept", "negative kept", title_justify="left")
    for row in result["quantiles"]:
        cells = (
            f"{row['drop_lowest']:.0%}",
            f"{row['threshold']:.4f}",
            f"{row['positive']:.1%}",
            f"{row['negative']:.1%}",
        )
        table.add_row(*cells)
    console = Console()
    console.print(f"{documents['positive']:,} positive, {documents['negative']:,} negative documents")
    console.print(f"area under the ROC curve {result['roc_auc']:.4f}, accuracy at 0.5 {result['accuracy']:.4f}")
    console.print(table)


def _refuse(message: str) -> NoReturn:
    typer.echo(visible(message), err=True)
    raise typer.Exit(2)
