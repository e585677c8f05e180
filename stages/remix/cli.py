"""`dspipe mixture`: find the weights of `remix` by runs of small models."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, cast

import typer

from dspipe.pipeline.visible_text import visible, visible_line

if TYPE_CHECKING:
    from dspipe.stages.remix.mixtures.domains_file import MixedDomains
    from dspipe.stages.remix.mixtures.evidence import Caps
    from dspipe.stages.remix.mixtures.proposal import Proposal
    from dspipe.stages.remix.mixtures.scale import ScaleKind

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Edits = Annotated[
    list[str] | None,
    typer.Option("--set", help="set a key of the config, e.g. --set stages.remix.max_epochs=2", metavar="KEY=YAML"),
]


@app.command()
def sample(
    config: Annotated[Path, typer.Argument(help="the YAML config, which was run", metavar="CONFIG")],
    count: Annotated[int, typer.Option("-n", min=2, help="how many mixtures; some 5 for each domain are usual")] = 120,
    output: Annotated[Path, typer.Option(help="a new folder for them")] = Path("mixtures"),
    tokens: Annotated[
        str | None, typer.Option(help="of each mixture, e.g. 140e6 [the config's, or all that there is]")
    ] = None,
    concentration: Annotated[
        str, typer.Option(help="of few domains each, up to near the natural mixture", metavar="LOW..HIGH")
    ] = "0.1..5",
    seed: Annotated[int, typer.Option(min=0, help="another one draws other mixtures")] = 0,
    edits: Edits = None,
) -> None:
    """Write configs with other weights around the natural shares of the domains, within the caps of `remix`.

    The first has the natural mixture. Each is a whole config with the same output, which reuses all that comes before
    `remix`: only the draw and the packing are done again, and the shards of the others stay. A folder of mixtures holds
    `ratios.csv`, too, in Olmix's columns, and `domains.json`, which says what the domains are.
    """
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.config.run_config import parse_file
    from dspipe.pipeline.errors import RunNotFoundError, StorageError
    from dspipe.stages.remix.mixtures.sample import SampleError, write_mixtures
    from dspipe.stages.remix.mixtures.simplex import BoundsError

    try:
        between = _read_range(concentration)
        written = write_mixtures(parse_file(config, edits or []), count, output, between, _read_tokens(tokens), seed)
    except (InvalidConfigError, StorageError, RunNotFoundError, SampleError, BoundsError) as error:
        _refuse(str(error))
    domains = written.domains
    typer.echo(
        visible(
            f"{output}: {count:,} mixtures of {len(domains.names)} domains, {domains.budget:,.0f} {domains.unit} each"
        )
    )
    if written.drawn.drawn_again:
        moved = f"; {written.drawn.moved:,} still did, and were moved to what is allowed" if written.drawn.moved else ""
        typer.echo(f"{written.drawn.drawn_again:,} draws broke a cap or a minimum and were drawn again{moved}")
    if written.tokenizer:
        typer.echo(
            f"they take the run's tokenizer, {output / 'tokenizer.json'}: the first encodes all documents with it"
        )
    if count < 5 * len(domains.names):
        typer.echo(f"note: {count} are few: some {5 * len(domains.names)} are usual for so many domains", err=True)


@app.command()
def run(
    mixtures: Annotated[Path, typer.Argument(help="the folder of mixtures", metavar="FOLDER")],
    command: Annotated[
        str,
        typer.Option(help="trains on {index} and prints a JSON line of metrics; {run} and {config} stand for those"),
    ],
    limit: Annotated[int | None, typer.Option(min=1, help="stop after so many")] = None,
) -> None:
    """Run each mixture and a command on it, and collect its metrics; go on where an earlier call stopped.

    For example: dspipe mixture run mixtures --command 'python train.py {index}'. The command isn't run by a shell. The
    last line that it prints is a JSON object of numbers: a row of `metrics.csv` in the folder.
    """
    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import RunNotFoundError, StorageError
    from dspipe.stages.remix.mixtures.collect import CollectError, collect
    from dspipe.stages.remix.mixtures.domains_file import DomainsFileError
    from dspipe.stages.remix.mixtures.sample import SampleError
    from dspipe.stages.remix.mixtures.tables import TableError

    try:
        done = collect(mixtures, command, lambda line: typer.echo(visible_line(line)), limit)
    except CollectError as error:
        print(visible(f"failed: {error}"), file=sys.stderr)
        raise typer.Exit(1) from None
    except (InvalidConfigError, StorageError, RunNotFoundError, SampleError, TableError, DomainsFileError) as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        print("\ninterrupted; what is measured is kept, the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from None
    typer.echo(f"{done.runs:,} mixtures run, {done.before:,} had their metrics: {mixtures / 'metrics.csv'}")


@app.command()
def fit(
    ratios: Annotated[Path, typer.Argument(help="the weights of the mixtures", metavar="RATIOS.CSV")],
    metrics: Annotated[Path, typer.Argument(help="what they brought; less is better", metavar="METRICS.CSV")],
    objective: Annotated[
        str, typer.Option(help="a YAML file with weights of metrics, below 0 where more is better", metavar="mean|FILE")
    ] = "mean",
    config: Annotated[
        Path | None, typer.Option(help="refuse mixtures whose domains aren't this config's; its caps, its run's tokens")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="tokens that the mixture is for, e.g. 6e12 [the config's]", metavar="TOKENS")
    ] = None,
    max_epochs: Annotated[float | None, typer.Option(min=1e-6, help="of each domain [the config's, or 4]")] = None,
    available: Annotated[
        Path | None, typer.Option(help="a run's mixture.json: what there is [domains.json beside the ratios]")
    ] = None,
    scale: Annotated[
        str,
        typer.Option(
            help="what metrics are compared by: per cents, how much they usually differ, or their own unit",
            metavar="relative|usual|own",
        ),
    ] = "relative",
    pull: Annotated[
        float, typer.Option(min=0, help="what each nat away from the natural mixture costs, in usual differences")
    ] = 0.1,
    output: Annotated[Path | None, typer.Option(help="write the weights to this file, as settings of remix")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print all as JSON")] = False,
    seed: Annotated[int, typer.Option(min=0, help="of folds, candidates and resamples")] = 0,
) -> None:
    """Fit models to what mixtures brought, and propose weights.

    A law, metric = c + exp(w . weights) or a product of powers of them, and, where scikit-learn is installed,
    gradient-boosted trees; the one that errs less on mixtures that it wasn't fitted to looks for the best mixture
    within the caps and between those that were tried. Where it doesn't know which of them is better, nothing is
    proposed: exit code 2.
    """
    import json

    from rich.console import Console

    from dspipe.pipeline.config.problems import InvalidConfigError
    from dspipe.pipeline.errors import RunNotFoundError, StorageError
    from dspipe.pipeline.report.tables import print_table
    from dspipe.stages.remix.mixtures.domains_file import DomainsFileError, MixedDomains
    from dspipe.stages.remix.mixtures.evidence import read_evidence
    from dspipe.stages.remix.mixtures.propose import TooFewMixturesError, UnclearMixturesError, propose
    from dspipe.stages.remix.mixtures.sample import SampleError
    from dspipe.stages.remix.mixtures.scale import KINDS, ScaleError
    from dspipe.stages.remix.mixtures.show import held_out_table, sentences, tables
    from dspipe.stages.remix.mixtures.simplex import BoundsError
    from dspipe.stages.remix.mixtures.tables import TableError

    if config is not None and available is not None:
        _refuse("--config says what is available, too: give one of the two")
    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        _refuse(
            f"--output {output}: " + ("it is a folder" if output.is_dir() else f"there is no folder {output.parent}")
        )
    if scale not in KINDS:
        _refuse(f"--scale {scale!r}: give {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    kind = cast("ScaleKind", scale)
    console = Console(width=None if sys.stdout.isatty() else 160)
    try:
        domains, caps = _read_caps(config, _read_tokens(budget), max_epochs)
        domains = MixedDomains.read(available) if available is not None else domains
        weights = None if objective == "mean" else Path(objective)
        asked = read_evidence(ratios, metrics, weights, domains, caps)
        proposal = propose(asked.evidence, asked.natural, asked.bounds, seed, kind, pull)
    except UnclearMixturesError as error:
        if not as_json:
            print_table(held_out_table(error.held_out, kind), console)
        _refuse(str(error))
    except (InvalidConfigError, StorageError, RunNotFoundError, SampleError) as error:
        _refuse(str(error))
    except (TableError, DomainsFileError, BoundsError, ScaleError, TooFewMixturesError) as error:
        _refuse(str(error))
    if output is not None:
        _write_weights(output, proposal, caps)
    if as_json:
        said = {**proposal.as_json(), "mixtures": len(asked.evidence.ratios), "remarks": asked.remarks}
        typer.echo(json.dumps(said, indent=1, ensure_ascii=False))
        return
    for table in tables(proposal):
        print_table(table, console)
    for line in sentences(proposal, asked.remarks):
        typer.echo(visible_line(line))


def _read_caps(
    config: Path | None, budget: float | None, max_epochs: float | None
) -> "tuple[MixedDomains | None, Caps]":
    """What a config's run has of its domains, and its caps, unless others are given."""
    from dspipe.pipeline.config.run_config import parse_file
    from dspipe.stages.remix.mixtures.evidence import Caps
    from dspipe.stages.remix.mixtures.sample import read_configured

    if config is None:
        return None, Caps(budget, max_epochs or 4.0)
    configured = read_configured(parse_file(config))
    remix = configured.remix
    caps = Caps(budget or remix.tokens, max_epochs or remix.max_epochs, remix.min_tokens)
    return configured.domains, caps


def _write_weights(output: Path, proposal: "Proposal", caps: "Caps") -> None:
    import yaml

    epochs = caps.max_epochs if isinstance(caps.max_epochs, float | int) else dict(caps.max_epochs)
    settings = {"weights": proposal.weights, "max_epochs": epochs}
    settings |= {} if caps.budget is None else {"tokens": caps.budget}
    output.write_text(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True), "utf-8")


def _read_tokens(text: str | None) -> float | None:
    from dspipe.pipeline.quantities import parse_count

    if text is None:
        return None
    try:
        tokens = float(parse_count(text))
    except (ValueError, TypeError):
        _refuse(f"{text!r} is no number of tokens; write 140e6, or 140M")
    if not 0 < tokens < float("inf"):
        _refuse(f"{text} tokens are no budget")
    return tokens


def _read_range(text: str) -> tuple[float, float]:
    low, _, high = text.partition("..")
    try:
        found = float(low), float(high or low)
    except ValueError:
        _refuse(f"--concentration {text!r}: give two numbers, as 0.1..5")
    if not 0 < found[0] <= found[1] < float("inf"):
        _refuse(f"--concentration {text!r}: give two numbers above 0, the smaller first")
    return found


def _refuse(message: str) -> NoReturn:
    print(visible(f"error: {message}"), file=sys.stderr)
    raise typer.Exit(2)
