"""`dspipe classifier`: train a fastText quality classifier from good and bad documents, and see how good it is."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from dspipe.pipeline.visible_text import visible

if TYPE_CHECKING:
    from dspipe.kernels.fasttext.classify import Classifier

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

POSITIVE, NEGATIVE = "positive", "negative"
_HELD_OUT_OF = 1 << 32

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
    subwords: Annotated[bool, typer.Option(help="character 2- to 5-grams too: for scripts without spaces")] = False,
    dim: Annotated[int, typer.Option(min=2, help="length of the vectors")] = 100,
    epochs: Annotated[int, typer.Option(min=1, help="how often all documents are seen")] = 5,
    learning_rate: Annotated[float, typer.Option(min=0, help="of the first step; it falls to 0 by the last")] = 0.1,
    min_count: Annotated[int, typer.Option(min=1, help="words seen fewer times have no vector of their own")] = 2,
    buckets: Annotated[int, typer.Option(min=1000, help="rows shared by all n-grams")] = 200_000,
    held_out: Annotated[float, typer.Option(min=0, max=0.5, help="share of documents to evaluate on")] = 0.1,
    threads: Annotated[int, typer.Option(min=1, help="more than 1: no two trainings give the same model")] = 1,
) -> None:
    """Train a classifier whose label `positive` is the score of the stage `quality`.

    Documents held out for evaluation are chosen by their text, so the same ones every time, and so is the model, byte
    for byte, with one thread. More threads share the work and write to the same vectors without locks, as fastText
    does: quicker by as many cores as there are, and slightly different every time.
    """
    import tempfile

    from dspipe.stages.quality.training import TrainingError
    from dspipe.stages.quality.training import train as train_model

    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".classifier-") as folder:
        lines, model_file = Path(folder) / "train.txt", Path(folder) / "model.bin"
        counts, evaluated = _write_lines(lines, positive, negative, field, held_out)
        for label, count in counts.items():
            if count < 1:
                _refuse(f"no {label} documents to train on")
        sizes = {"minn": 2, "maxn": 5} if subwords else {"minn": 0, "maxn": 0}
        options = {"wordNgrams": word_ngrams, "dim": dim, "epoch": epochs, "lr": learning_rate,
                   "minCount": min_count, "bucket": buckets, **sizes}  # fmt: skip
        try:
            train_model(lines, model_file, threads, **options)
        except TrainingError as error:
            _refuse(f"training failed: {error}")
        model_file.replace(output)
    typer.echo(f"trained on {counts[POSITIVE]:,} positive and {counts[NEGATIVE]:,} negative documents: {output}")
    if all(evaluated.values()):
        typer.echo(f"on {sum(map(len, evaluated.values())):,} held-out documents:")
        _print(_evaluate(output, evaluated, POSITIVE, 0))


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="MODEL", help="the model file (.bin)")],
    positive: Positive,
    negative: Negative,
    field: Field = "text",
    label: Annotated[str, typer.Option(help="the label whose probability is the score")] = POSITIVE,
    prefix_bytes: Annotated[int, typer.Option(min=0, help="as in the stage `quality`")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
) -> None:
    """How well a classifier tells two sets of documents apart."""
    import json

    texts = {POSITIVE: list(_texts(positive, field)), NEGATIVE: list(_texts(negative, field))}
    for name, found in texts.items():
        if not found:
            _refuse(f"no {name} documents")
    result = _evaluate(model, texts, label, prefix_bytes)
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _print(result)


def _evaluate(model: Path, texts: dict[str, list[str]], label: str, prefix_bytes: int) -> dict[str, Any]:
    """roc_auc, and per quantile of all scores the threshold and the shares of positive and negative documents kept."""
    import numpy as np

    classifier = _classifier(model, label)
    good = _scores(classifier, texts[POSITIVE], label, prefix_bytes)
    bad = _scores(classifier, texts[NEGATIVE], label, prefix_bytes)
    both = np.concatenate([good, bad])
    # the probability that a positive document scores over a negative one, a tie counting half (Mann-Whitney)
    ordered = np.sort(bad)
    below, up_to = np.searchsorted(ordered, good, "left"), np.searchsorted(ordered, good, "right")
    area = float((below + up_to).mean() / 2 / len(bad))
    rows = []
    for drop in (0.1, 0.25, 0.5, 0.75, 0.9):
        threshold = float(np.quantile(both, drop))
        kept = {"positive": float((good >= threshold).mean()), "negative": float((bad >= threshold).mean())}
        rows.append({"drop_lowest": drop, "threshold": threshold, **kept})
    accuracy = float(np.concatenate([good >= 0.5, bad < 0.5]).mean())
    return {"roc_auc": area, "accuracy": accuracy, "documents": {"positive": len(good), "negative": len(bad)},
            "quantiles": rows}  # fmt: skip


def _classifier(model: Path, label: str) -> "Classifier":
    from dspipe.pipeline.errors import ConfigError
    from dspipe.stages.shared.fasttext_models import load_classifier

    try:
        classifier = load_classifier(model)
    except ConfigError as error:
        _refuse(str(error))
    if label not in classifier.labels:
        _refuse(f"the model has no label {label}; it has {', '.join(classifier.labels[:8])}")
    return classifier


def _scores(classifier: "Classifier", texts: list[str], label: str, prefix_bytes: int) -> Any:
    import numpy as np
    import pyarrow as pa

    from dspipe.kernels.arrow import text_buffers

    found = classifier.predict(*text_buffers(pa.array(texts, pa.large_string())), prefix_bytes, label=label)
    return np.nan_to_num(found.score)


def _write_lines(
    path: Path, positive: list[Path], negative: list[Path], field: str, held_out: float
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """fastText's training file; (documents in it by label, texts left out of it by label)."""
    import xxhash

    counts, left_out = {POSITIVE: 0, NEGATIVE: 0}, {POSITIVE: list[str](), NEGATIVE: list[str]()}
    with path.open("w", encoding="utf-8") as lines:
        for label, files in ((POSITIVE, positive), (NEGATIVE, negative)):
            for text in _texts(files, field):
                if xxhash.xxh3_64_intdigest(text.encode()) % _HELD_OUT_OF < held_out * _HELD_OUT_OF:
                    left_out[label].append(text)
                else:
                    lines.write(f"__label__{label} {' '.join(_tokens(text))}\n")
                    counts[label] += 1
    return counts, left_out


def _tokens(text: str) -> list[str]:
    """The tokens as fastText separates them, without those that would be labels or end the line."""
    import re

    return [word for word in re.split(r"[ \n\r\t\v\f\0]+", text) if word != "</s>" and not word.startswith("__label__")]


def _texts(files: list[Path], field: str) -> Iterator[str]:
    from dspipe.pipeline.errors import ConfigError
    from dspipe.stages.shared.json_lines import json_objects

    try:
        for path in files:
            for number, item in json_objects(path):
                text = item.get(field)
                if not isinstance(text, str):
                    _refuse(f"{path}, line {number}: no text in the field {field}")
                yield text.encode("utf-8", "replace").decode()
    except ConfigError as error:
        _refuse(str(error))


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
