"""`dspipe tokenizer`: train, evaluate, encode, decode."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from dspipe.pipeline.visible_text import visible, visible_json

if TYPE_CHECKING:
    from dspipe.tokenizer.encoder import AnyEncoder

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

STANDARD_INPUT = "standard-input.jsonl"
"""in --output: what was read from there"""
DOCUMENT_BYTES = 1 << 20

TokenizerFile = Annotated[Path, typer.Argument(help="a tokenizer.json, or its folder", metavar="TOKENIZER")]


@app.command()
def train(
    inputs: Annotated[
        list[str],
        typer.Argument(
            help="a run's YAML config with a tokenizer stage, or files to train on: .jsonl, .parquet, .wet, "
            ".warc (the main text of its pages) "
            "(compressed or not), other files as plain text; - is plain text from standard input",
            metavar="CONFIG|FILES...",
        ),
    ],
    output: Annotated[str | None, typer.Option(help="output directory, for FILES; resumed if it is there")] = None,
    vocab: Annotated[str | None, typer.Option(help="tokens without the special ones [100000]")] = None,
    special: Annotated[
        str | None,
        typer.Option(help="how many special tokens, or their names, with commas: begin, end, padding and others [15]"),
    ] = None,
    special_names: Annotated[
        str | None,
        typer.Option(help="what they are called: deepseek, like <｜User｜>, or plain, like <|user|> [deepseek]"),
    ] = None,
    pad_to: Annotated[str | None, typer.Option(help="rows of the model's embedding [102400]")] = None,
    scheme: Annotated[str | None, typer.Option(help="pre-tokenizer [deepseek]")] = None,
    sample_bytes: Annotated[str | None, typer.Option(help="how much text to count, like 8MB or 2e9 [24e9]")] = None,
    min_count: Annotated[int | None, typer.Option(help="pairs seen fewer times are not merged [2]")] = None,
    memory: Annotated[str | None, typer.Option(help="how much memory training may take, about [8GB]")] = None,
    thin_below: Annotated[int | None, typer.Option(help="of words seen fewer times keep some [as memory asks]")] = None,
    cut_below: Annotated[int | None, typer.Option(help="cut words where characters meet fewer times [0]")] = None,
    replace: Annotated[bool, typer.Option(help="put it in the place of another tokenizer in --output")] = False,
) -> None:
    """Train a tokenizer, or go on where an earlier run of the same command stopped."""
    given = {
        "vocab": vocab,
        "special": _read_special(special),
        "special_names": special_names,
        "pad_to": pad_to,
        "scheme": scheme,
        "sample_bytes": sample_bytes,
        "min_count": min_count,
        "memory": memory,
        "thin_below": thin_below,
        "cut_below": cut_below,
    }
    settings = {name: value for name, value in given.items() if value is not None}
    if len(inputs) == 1 and Path(inputs[0]).suffix in (".yaml", ".yml"):
        if settings or output or replace:
            _refuse("a config says itself how to train and where to; options are for FILES")
        _train(inputs[0])
    elif output is None:
        _refuse("--output DIRECTORY is needed to train on files")
    else:
        config = _make_config(inputs, output, settings)
        if not replace:
            _refuse_to_replace(output, config, again="-" not in inputs)
        if "-" in inputs:
            _keep_standard_input(Path(output) / STANDARD_INPUT)
        _train(config)


def _read_special(special: str | None) -> int | list[str] | None:
    if special is None:
        return None
    try:
        return int(special)
    except ValueError:
        return special.split(",")


def _make_config(files: list[str], output: str, settings: dict[str, Any]) -> dict[str, Any]:
    missing = [file for file in files if not _is_elsewhere(file) and not Path(file).exists()]
    if missing:
        _refuse(f"no such file: {', '.join(missing)}")
    if "-" in files and "://" in output:
        _refuse("text from standard input is kept in --output, which must be on this machine for that")
    paths = [str(Path(output) / STANDARD_INPUT) if file == "-" else file for file in files]
    sources = [
        {"name": f"files-{number}", "format": _find_format(path), "path": path} for number, path in enumerate(paths)
    ]
    stages: list[dict[str, Any]] = [{"tokenizer": {"train": settings}}]
    if any(source["format"] == "warc" for source in sources):
        stages.insert(0, {"extract": {}})
    return {"name": "tokenizer", "output": output, "sources": sources, "stages": stages}


def _is_elsewhere(file: str) -> bool:
    return file == "-" or "://" in file or "*" in file


def _refuse_to_replace(output: str, config: dict[str, Any], again: bool) -> None:
    """Ask, or refuse where nobody can answer, before another command's tokenizer is lost. `again`: whether the same
    command may go on."""
    import yaml

    from dspipe.pipeline.errors import StorageError
    from dspipe.pipeline.storage.store import Store

    def read(name: str) -> bytes | None:
        try:
            return Store(output).read_bytes(name)
        except (FileNotFoundError, NotADirectoryError):
            return None

    try:
        if read("tokenizer.json") is None:
            return
        before = yaml.safe_load(read("config.yaml") or b"")
    except (StorageError, OSError) as error:
        _refuse(str(error))
    except yaml.YAMLError:
        before = None
    if again and before == yaml.safe_load(yaml.safe_dump(config, allow_unicode=True)):
        return
    found = f"{output} has a tokenizer that was trained on something else or with other settings"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        _refuse(f"{found}; give another --output, or --replace")
    if not typer.confirm(f"{found}. Replace it?"):
        raise typer.Exit(2)


def _keep_standard_input(path: Path) -> None:
    """Write standard input to a file of documents of about a megabyte, cut at line ends: training reads it twice."""
    import json

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            number = 0
            while lines := sys.stdin.buffer.readlines(DOCUMENT_BYTES):
                text = b"".join(lines).decode("utf-8", "replace")
                file.write(json.dumps({"id": f"part-{number}", "text": text}) + "\n")
                number += 1
    except OSError as error:
        _refuse(f"cannot write {path}: {error.strerror}")


def _find_format(file: str) -> str:
    suffixes = Path(file).suffixes
    known = {".jsonl": "jsonl", ".parquet": "parquet", ".wet": "wet", ".warc": "warc"}
    return next((known[suffix] for suffix in reversed(suffixes) if suffix in known), "files")


def _train(config: str | dict[str, Any]) -> None:
    """Run the phases of a config up to the one that trains (or takes) the tokenizer."""
    import dataclasses

    from dspipe.pipeline.config.problems import InvalidConfigError, Locator
    from dspipe.pipeline.config.run_config import check, load_config, validate
    from dspipe.pipeline.errors import ConfigError, RunFailedError, StorageError
    from dspipe.pipeline.plan.plan import make_plan
    from dspipe.pipeline.run.executors import make_executor
    from dspipe.pipeline.run.progress import make_progress
    from dspipe.pipeline.run.run import run_plan

    try:
        loaded = load_config(config) if isinstance(config, str) else validate(config, Locator("files", {}, {}))
        check(loaded)
        # what later phases of the config have made already is no waste
        engine = loaded.engine.model_copy(update={"keep_stale": True})
        plan = make_plan(dataclasses.replace(loaded, engine=engine))
        last = next((i for i, phase in enumerate(plan.phases) if "tokenizer" in phase.makes_artifacts), None)
        if last is None:
            _refuse(f"{config} has no stage `tokenizer`")
        plan = dataclasses.replace(plan, phases=plan.phases[: last + 1])
        executor = make_executor(plan.config.engine)
        try:
            with make_progress() as progress:
                result = run_plan(plan, executor, progress)
        finally:
            executor.close()
    except (InvalidConfigError, ConfigError, StorageError) as error:
        _refuse(str(error))
    except RunFailedError as error:
        if error.user:
            _refuse(str(error))
        print(
            f"failed: {visible(str(error))}\nWhat is finished is kept: the same command goes on from there.",
            file=sys.stderr,
        )
        raise typer.Exit(1) from None
    notes = _read_training_notes(result.store, result.phases[-1].manifests)
    if notes:
        if notes["tokens"] < notes["asked"]:
            print(
                f"note: {notes['asked']:,} tokens were asked for, the text gave {notes['tokens']:,}: no other pair was "
                "seen often enough. The special tokens follow the last of them."
            )
        print(f"{notes['tokens']:,} tokens from {notes['words']:,} distinct words; the last pair was seen ", end="")
        print(f"{notes['last_count']:,} times")
    print(visible(f"{result.store.root}/tokenizer.json"))


def _read_training_notes(store: Any, manifests: list[str]) -> dict[str, int]:
    notes: dict[str, int] = store.read_json(manifests[0]).get("notes", {}).get("training", {})
    return notes


@app.command()
def evaluate(
    tokenizers: Annotated[
        list[Path], typer.Argument(help="tokenizer.json files or their folders, side by side", metavar="TOKENIZER...")
    ],
    inputs: Annotated[
        list[Path],
        typer.Option("--input", help="text: .jsonl, .parquet or plain, - from standard input; may be repeated"),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object on standard output")] = False,
    picture: Annotated[Path | None, typer.Option(help="write bytes per token as an SVG picture")] = None,
) -> None:
    """Compare tokenizers on a text: bytes per token by language and domain, and what the vocabulary is used for."""
    import json

    from dspipe.tokenizer.evaluate import evaluate_all
    from dspipe.tokenizer.show_evaluation import draw_svg, print_report
    from dspipe.tokenizer.text_files import TextFileError

    encoders = {_name(path, tokenizers): _load(path) for path in tokenizers}
    try:
        report = evaluate_all(encoders, inputs)
    except TextFileError as error:
        _refuse(str(error))
    if picture is not None:
        _write(picture, draw_svg(report).encode())
    if as_json:
        print(visible_json(json.dumps(report, ensure_ascii=False)))
    else:
        print_report(report)


def _name(path: Path, among: list[Path]) -> str:
    """The file's own name, or its folder's where that is the same for all."""
    names = [other.name for other in among]
    return path.name if names.count(path.name) == 1 else str(path)


@app.command()
def encode(
    tokenizer: TokenizerFile,
    text: Annotated[str | None, typer.Argument(help="a text, or - for standard input; shows each token")] = None,
    file: Annotated[Path | None, typer.Option(help="a file to encode as one text, or -; shows the ids alone")] = None,
    output: Annotated[Path | None, typer.Option(help="write the ids, little endian, uint16 where they fit")] = None,
    special: Annotated[bool, typer.Option(help="take special tokens in the text for what they say")] = False,
) -> None:
    """Encode a text or a file to token ids."""
    import numpy as np
    import pyarrow as pa

    encoder = _load(tokenizer, special)
    if (text is None) == (file is None):
        _refuse("give a text or --file FILE; - is standard input")
    in_words = text is not None and text != "-"
    data = (text or "").encode("utf-8", "surrogateescape") if in_words else _read(file or Path("-"))
    try:
        column = pa.array([data], pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        _refuse(f"{file or 'the text'} is not valid UTF-8")
    ids, _ = encoder.encode(column)
    if output is not None:
        dtype = np.dtype("<u2" if encoder.vocab_size <= 1 << 16 else "<u4")
        _write(output, ids.astype(dtype, copy=False).tobytes())
        print(f"{len(ids):,} tokens ({dtype.name}) from {len(data):,} bytes")
    elif file is not None:
        print(" ".join(map(str, ids.tolist())))
    else:
        for number in ids.tolist():
            print(visible(f"{number}\t{encoder.decode([number]).decode('utf-8', 'backslashreplace')!r}"))


@app.command()
def decode(
    tokenizer: TokenizerFile,
    ids: Annotated[list[int] | None, typer.Argument(help="token ids, for a quick look")] = None,
    file: Annotated[Path | None, typer.Option(help="ids as `encode --output` writes them")] = None,
    output: Annotated[Path | None, typer.Option(help="write the bytes to a file")] = None,
) -> None:
    """Decode token ids to text."""
    import numpy as np

    from dspipe.tokenizer.encoder import TokenizerError

    encoder = _load(tokenizer)
    if bool(ids) == (file is not None):
        _refuse("give ids or --file FILE")
    if file is not None:
        dtype, data = np.dtype("<u2" if encoder.vocab_size <= 1 << 16 else "<u4"), _read(file)
        if len(data) % dtype.itemsize:
            _refuse(f"{file} has {len(data):,} bytes, no whole number of {dtype.name} ids")
        numbers = np.frombuffer(data, dtype).astype(np.int64)
    else:
        numbers = np.array(ids, np.int64)
    try:
        text = encoder.decode(numbers)
    except TokenizerError as error:
        _refuse(str(error))
    if output is not None:
        _write(output, text)
    else:
        sys.stdout.buffer.write(_on_a_terminal(text) if sys.stdout.isatty() else text)


def _on_a_terminal(text: bytes) -> bytes:
    """Decoded text that nobody else reads: it may be of any document, and hold what steers a terminal."""
    return visible(text.decode("utf-8", "backslashreplace")).encode() + b"\n"


def _load(path: Path, special: bool = False) -> "AnyEncoder":
    from dspipe.tokenizer.encoder import TokenizerError, load

    try:
        return load(path / "tokenizer.json" if path.is_dir() else path, special)
    except TokenizerError as error:
        _refuse(str(error))


def _read(path: Path) -> bytes:
    if path == Path("-"):
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        _refuse(f"cannot read {path}: {error.strerror}")


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        _refuse(f"cannot write {path}: {error.strerror}")


def _refuse(message: str) -> NoReturn:
    print(f"error: {visible(message)}", file=sys.stderr)
    raise typer.Exit(2)
