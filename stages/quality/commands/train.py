"""`dspipe classifier train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspipe.stages.quality.commands.answers import refuse, warn
from dspipe.stages.quality.commands.arguments import Classes, Documents, Field, LabelField, Negative, Positive

if TYPE_CHECKING:
    from dspipe.stages.quality.documents import Split
    from dspipe.stages.quality.labelled import ByHosts
    from dspipe.stages.quality.search import Choice


def train(
    output: Annotated[Path, typer.Option(help="the model file to write (.bin)")],
    positive: Positive = None,
    negative: Negative = None,
    classes: Classes = None,
    documents: Documents = None,
    label_field: LabelField = "label",
    from_columns: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="a column as a weak label, such as domain or source")
    ] = None,
    from_hosts: Annotated[
        Path | None,
        typer.Option(
            exists=True, metavar="LISTS", help="label documents by lists of hosts: a folder for each, as UT1's"
        ),
    ] = None,
    ordinal: Annotated[bool, typer.Option("--ordinal", help="labels are grades, 0 up to the highest")] = False,
    field: Field = "text",
    balanced: Annotated[
        bool | None,
        typer.Option(
            "--balanced/--as-given",
            help="thin frequent labels and giant hosts out, repeat rare labels [balanced unless --positive]",
        ),
    ] = None,
    at_most_of_host: Annotated[
        int | None, typer.Option(min=1, help="documents of one host or source that a label has, about")
    ] = None,
    min_documents: Annotated[int, typer.Option(min=1, help="labels with fewer documents are left out")] = 1,
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
    """Train a classifier for the stages `quality` and `label`: two sides, any number of labels, or grades.

    Two sides are --positive and --negative, and the label `positive` is the score of `quality`. Labels are a field of
    --documents, the files of --classes, or weak ones: a column such as `domain`, or the topic under which lists have a
    page's host. Grades (--ordinal) are labels from 0 to the highest, of which `quality: {ordinal: true}` takes the
    expected one.

    What isn't given is chosen by trying a few settings on documents kept aside for it. Other documents are held out,
    and the model is measured on them. Both are chosen by their host or source, or by their text where these aren't
    known: the same ones every time. So the model is the same too, byte for byte, with one thread. More threads share
    the work and write to the same vectors without locks, as fastText does: quicker by as many cores as there are, and
    slightly different every time.
    """
    import tempfile

    from dspipe.pipeline.errors import ConfigError
    from dspipe.stages.quality.commands.arguments import reading_of
    from dspipe.stages.quality.documents import Limits, split_documents
    from dspipe.stages.quality.fit import fit
    from dspipe.stages.quality.labelled import ByHosts
    from dspipe.stages.quality.search import Given
    from dspipe.stages.quality.training import TrainingError

    given = Given(learning_rate, epochs, dim, buckets, word_ngrams, subwords, min_count)
    limits = Limits(at_most_of_host, min_documents, not positive if balanced is None else balanced)
    if output.is_dir():
        refuse(f"--output {output} is a folder: name the file to write, as {output / 'model.bin'}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(f"--output {output}: the folder {output.parent} can't be made: {error.strerror}")
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".classifier-") as folder:
        model = Path(folder) / "model.bin"
        if from_columns and not documents:
            refuse("--from-columns labels --documents: name these")
        if from_columns and from_hosts:
            refuse("--from-columns and --from-hosts: labels come from one of them")
        try:
            reading, labels = reading_of(
                positive,
                negative,
                classes,
                documents,
                from_columns or label_field,
                field,
                ordinal=ordinal,
                from_hosts=from_hosts,
            )
            split = split_documents(reading, labels, held_out, Path(folder), limits)
            if ordinal:
                _check_grades(split.labels)
            if isinstance(reading, ByHosts):
                _say_unlabelled(reading, split)
            if lacking := next((label for label in split.labels if not split.trained[label]), None):
                refuse(f"no {lacking} documents to train on: all of them are held out")
            choice = fit(split, given, model, threads)
        except ConfigError as error:
            refuse(str(error))
        except TrainingError as error:
            refuse(f"training failed: {error}")
        model.replace(output)
    _report(split, choice, output)


def _check_grades(labels: list[str]) -> None:
    from dspipe.stages.quality.scores import LEAST_LEVELS

    highest = max(map(int, labels))
    if absent := sorted(set(range(highest + 1)) - set(map(int, labels))):
        refuse(f"grades go from 0 to {highest}, and no document has {', '.join(map(str, absent[:8]))}")
    if unlike := next((label for label in labels if label != str(int(label))), None):
        refuse(f"the grade {unlike} is written {int(unlike)}")
    if len(labels) < LEAST_LEVELS:
        refuse("two grades are two sides: give them as --positive and --negative")


def _say_unlabelled(reading: "ByHosts", split: "Split") -> None:
    if nobody := sorted(set(reading.tables) - set(split.labels) - set(split.left_out)):
        warn(f"no document is of {', '.join(nobody[:8])}{' and others' if len(nobody) > 8 else ''}, which lists name")
    if reading.ambiguous:
        first, count = reading.ambiguous.most_common(1)[0]
        warn(f"{reading.ambiguous.total():,} documents are listed under several topics and left out: {count:,} {first}")
    typer.echo(f"{reading.unlisted:,} documents are in no list")


def _report(split: "Split", choice: "Choice", output: Path) -> None:
    """What was made and how good it is, with a warning where it is no good."""
    from dspipe.stages.quality.commands.show import print_evaluation
    from dspipe.stages.quality.evaluation import evaluate, find_faults, find_warnings

    counts = [f"{label}: {split.trained[label]:,}" for label in split.labels]
    shown = ", ".join(counts[:8]) + (f" and {len(counts) - 8} more labels" if len(counts) > 8 else "")
    typer.echo(f"trained on documents of {shown}")
    typer.echo(f"{output}, {output.stat().st_size / 1e6:.1f} MB")
    typer.echo(f"settings: {choice.describe()}, words seen {choice.min_count} times or more")
    _say_left_out(split)
    if not all(split.held_out.values()):
        none = ", ".join(label for label, held_out in split.held_out.items() if not held_out)
        warn(f"no documents of {none} were held out, so nobody knows how good it is")
        return
    documents = [document for held_out in split.held_out.values() for document in held_out]
    result = evaluate(output, documents)
    typer.echo(f"on {len(documents):,} held-out documents ({_how_divided(split)}):")
    print_evaluation(result)
    for fault in find_faults(result):
        warn(f"this model is of no use: {fault}. Are the documents different in kind?")
    for warning in find_warnings(result):
        warn(warning)


def _how_divided(split: "Split") -> str:
    grouped = sum(split.by_group.values())
    if grouped in (0, len(split.labels)):
        return "by host or source" if grouped else "by text"
    return ", ".join(f"{label} by {'host or source' if by else 'text'}" for label, by in split.by_group.items())


def _say_left_out(split: "Split") -> None:
    if empty := split.look.empty.total():
        warn(f"{empty:,} documents with empty texts were left out")
    if two := split.look.contradictory:
        one, other = next(iter(two.values()))
        warn(f"{len(two):,} texts stand under two labels, such as {one} and {other}, and were left out")
    if split.capped:
        typer.echo(f"{split.capped.total():,} documents of giant hosts or sources were left out")
    if few := split.left_out:
        names = ", ".join(f"{label} ({count})" for label, count in sorted(few.items())[:8])
        typer.echo(f"{len(few)} labels have too few documents and were left out: {names}")
