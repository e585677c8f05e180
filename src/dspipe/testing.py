"""Conformance tests for stages and source formats, for their authors: does it keep the contract with the engine?

    from dspipe.testing import check_stage

    def test_capitals(): check_stage(CapitalsStage, {"max_share": 0.3})

A failure is an AssertionError that says what the stage did and what is wrong with it.
"""

import copy
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.api import run
from dspipe.pipeline.config.discovery import FORMATS, STAGES
from dspipe.pipeline.document import document_batch, document_schema
from dspipe.pipeline.errors import SettingNotInKeyError, StageContractError
from dspipe.pipeline.plan.settings_read import measure_settings
from dspipe.pipeline.source import InputFile, Source, raw_schema
from dspipe.pipeline.stage import GlobalStage, MapStage, Stage
from dspipe.pipeline.tasks.measure import MeasureStep

TEXTS = [
    "The first document is about rivers. It has two paragraphs, and some sentences.\n\nThe second one ends here.",
    "",
    "x",
    "这是一个关于河流的文档。它有几个句子，而且还有第二段。\n\n这里是结尾。",
    "هذا مستند قصير عن الأنهار. وله جملتان.",
    "Menu\nHome | About | Contact\nA line that ends with a full stop.\nFollow us on @example, write to me@example.com",
    "a" * 3000 + " " + "word " * 2000,
    "\x00\x1b[31m\ufeff \u202e odd characters \U0001f600\r\n\t",
    "The first document is about rivers. It has two paragraphs, and some sentences.\n\nThe second one ends here.",
]
"""documents of several scripts and sizes, an empty one and a copy among them"""
_PAGE = b"<html><body><article><p>A page about rivers.</p><p>It has two paragraphs.</p></article></body></html>"


class _QuietProgress:
    def phase(self, name: str, tasks: int) -> None: ...

    def tasks(self, phase: str, done: int, bytes: int) -> None: ...

    def moved(self, phase: str, documents: int, bytes: int, share: float) -> None: ...

    def ended(self, phase: str) -> None: ...

    def alive(self) -> None: ...

    def phase_ended(self, summary: Any) -> None: ...

    def notice(self, text: str) -> None: ...


def check_stage(
    stage: type[Stage[Any]],
    config: Mapping[str, Any] | None = None,
    before: Sequence[Mapping[str, Any]] = (),
    after: Sequence[Mapping[str, Any]] = (),
    texts: Sequence[str] = (),
) -> None:
    """Check a stage with these settings: batches of no row, one row and many; that rows don't depend on their
    neighbours or their order; types; determinism; settings that are read but not covered by a key; verdicts; and
    real runs, cut in different ways, with a second run that does nothing.

    `before` and `after` are stages that a run of it needs, as in a config (`{"tokenizer": {...}}`); `texts` are
    documents besides those of `TEXTS`. Raises AssertionError.
    """
    values = dict(config or {})
    name, key = _stage_key(stage)
    made = stage(name, stage.Config.model_validate(values), 7)
    made.check()
    description = _check_settings(made, key, values)
    documents = _documents([*TEXTS, *texts])
    if isinstance(made, MapStage):
        measured = _check_measure(description, documents)
        _check_judge(made, measured)
    elif made.measured_columns():
        _check_measure(description, documents)
    _check_runs([*before, {key: values}, *after], [*TEXTS, *texts], isinstance(made, GlobalStage))


def _stage_key(stage: type[Stage[Any]]) -> tuple[str, str]:
    """The stage's name, and its key in a config."""
    module = stage.__module__
    if module.startswith(f"{STAGES}."):
        key = module.removeprefix(f"{STAGES}.").partition(".")[0]
        return key, key
    return module.rpartition(".")[2], module


def _check_settings(stage: Stage[Any], key: str, values: dict[str, Any]) -> dict[str, Any]:
    settings, fields = measure_settings(stage)
    try:
        text = json.dumps(settings, sort_keys=True)
    except TypeError as error:
        raise AssertionError(f"measure_settings must give JSON values: {error}") from None
    again, _ = measure_settings(type(stage)(stage.name, stage.Config.model_validate(values), stage.seed))
    assert json.dumps(again, sort_keys=True) == text, "measure_settings gives other values each time"
    try:
        stage.Config.model_validate({**values, "no_such_setting_": 1})
    except ValueError:
        pass
    else:
        raise AssertionError("the config model takes unknown keys; derive it from MapConfig or StageConfig")
    description: dict[str, Any] = {"stage": key, "config": values, "fields": fields}
    if stage.measure_run:
        description |= {"run": stage.measure_run, "settings": settings}
    return description


def _documents(texts: list[str]) -> pa.RecordBatch:
    """The texts, and two pages whose text is still to be extracted."""
    rows, n = len(texts) + 2, len(texts)
    return document_batch(
        [*texts, "", ""],
        content=[None] * n + [_PAGE, b"plain text"],
        content_type=[None] * n + ["text/html; charset=utf-8", "text/plain"],
        url=[None, *(f"https://site{row % 3}.example/page/{row}" for row in range(1, rows))],
        language=["en", None, *["zh"] * (rows - 2)],
    )


def _measure(description: dict[str, Any], batch: pa.RecordBatch) -> pa.Table:
    step = MeasureStep(description, 7)
    try:
        step.set_up()
        return pa.Table.from_batches([step.measure(batch)])
    except SettingNotInKeyError as error:
        raise AssertionError(f"measure: {error}") from None
    except StageContractError as error:
        raise AssertionError(str(error)) from None
    except Exception as error:
        raise AssertionError(f"measure failed on {batch.num_rows} rows: {type(error).__name__}: {error}") from error


def _check_measure(description: dict[str, Any], batch: pa.RecordBatch) -> pa.Table:
    whole = _measure(description, batch)
    _same(_measure(description, batch), whole, "the same batch measured again")
    assert _measure(description, batch.slice(0, 0)).num_rows == 0, "measure makes rows of a batch of no rows"
    rows = [_measure(description, batch.slice(row, 1)) for row in range(batch.num_rows)]
    for row, alone in enumerate(rows):
        _same(alone, whole.slice(row, 1), f"row {row} measured alone")
    order = pa.array(range(batch.num_rows - 1, -1, -1))
    _same(_measure(description, batch.take(order)), whole.take(order), "the rows in reverse order")
    return whole


def _same(found: pa.Table, expected: pa.Table, what: str) -> None:
    for name in expected.column_names:
        one, other = found.column(name).to_pylist(), expected.column(name).to_pylist()
        # NaN is equal to itself here
        same = one == other or all(a == b or (a != a and b != b) for a, b in zip(one, other, strict=True))
        assert same, f"{what}: column {name} is {one!r:.200}, among other rows it is {other!r:.200}"


def _check_judge(stage: MapStage[Any], measured: pa.Table) -> None:
    columns = stage.judge_columns()
    if not stage.judges:
        return
    assert columns, "the stage has a `judge`, but judge_columns names no columns for it: it would never be asked"
    absent = [name for name in columns if name not in measured.column_names]
    if absent:
        return  # another stage makes them: the runs below judge
    batch = measured.select([*dict.fromkeys([*columns, *stage.concerns])]).combine_chunks().to_batches()[0]
    verdicts = stage.verdicts(batch)
    assert len(verdicts) == batch.num_rows, f"judge gave {len(verdicts)} verdicts for {batch.num_rows} rows"
    kinds = {type(reason) for reason in verdicts.to_pylist()}
    assert kinds <= {str, type(None)}, f"a verdict is null or a reason, not {kinds}"
    assert stage.verdicts(batch).equals(verdicts), "judge gives other verdicts for the same batch"
    assert len(stage.verdicts(batch.slice(0, 0))) == 0, "judge gives verdicts for no rows"
    alone = [stage.verdicts(batch.slice(row, 1))[0].as_py() for row in range(batch.num_rows)]
    assert alone == verdicts.to_pylist(), "a row's verdict depends on its neighbours"
    schema = document_schema([stage])
    fields = [schema.field(name) if name in schema.names else batch.schema.field(name) for name in batch.schema.names]
    nulls = pa.RecordBatch.from_arrays([pa.nulls(2, field.type) for field in fields], names=batch.schema.names)
    assert len(stage.verdicts(nulls)) == 2, "judge must take rows whose columns are null: they were dropped before"


def _check_runs(stages: list[Mapping[str, Any]], texts: list[str], over_all: bool) -> None:
    """The same documents in one shard and in three, in batches of two and whole: the same verdicts, and a second run
    does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        whole = _run_once(Path(folder) / "whole", stages, [texts], 4096)
        again = _run_once(Path(folder) / "whole", stages, [texts], 4096)
        assert again == {**whole, "tasks": 0}, "a second run of the same config does something again"
        parts = [texts[:2], texts[2:5], texts[5:]]
        cut = _run_once(Path(folder) / "cut", stages, parts, 2)
        once_more = _run_once(Path(folder) / "once_more", stages, parts, 2)
        assert cut == once_more, "two runs of the same config give different results"
        if not over_all:
            assert cut["funnel"] == whole["funnel"], "verdicts depend on how the documents are cut into shards"


def _run_once(
    folder: Path, stages: list[Mapping[str, Any]], shards: list[list[str]], batch_rows: int
) -> dict[str, Any]:
    (folder / "in").mkdir(parents=True, exist_ok=True)
    for number, texts in enumerate(shards):
        url = "https://site{}.example/{}"
        rows = [
            {"id": f"{number}-{row}", "text": text, "url": url.format(row % 3, f"{number}/{row}")}
            for row, text in enumerate(texts)
        ]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        path = folder / "in" / f"{number}.jsonl"
        if not path.exists():
            path.write_text(lines, "utf-8")
    values = {
        "name": "check",
        "output": str(folder / "out"),
        "seed": 7,
        "engine": {"kind": "inline", "batch_rows": batch_rows},
        # below a root, so that what is said of a document's place doesn't name the folder
        "sources": [{"name": "check", "format": "jsonl", "root": f"{folder / 'in'}/", "path": "*.jsonl"}],
        "stages": copy.deepcopy([dict(stage) for stage in stages]),
    }
    found = run(values, progress=_QuietProgress())
    phases = found.file.phases
    assert sum(phase.counters.get("quarantined", 0) for phase in phases) == 0, _quarantine(folder)
    columns = [
        [found.store.read_json(name)["columns"] for name in phase.manifests] for phase in phases if phase.by_shard
    ]
    hashes = [{name: column[1] for name, column in shard.items()} for phase in columns for shard in phase]
    return {
        "tasks": sum(phase.tasks - phase.reused for phase in phases),
        "funnel": [entry.as_json() for entry in found.funnel],
        "columns": hashes,
    }


def _quarantine(folder: Path) -> str:
    lines = [line for path in sorted(folder.glob("out/*/*.quarantine.jsonl")) for line in path.read_text().splitlines()]
    return "records went to the quarantine: " + "; ".join(lines)[:1000]


@dataclass
class LocalReading:
    """What a format is offered while it reads: files of this machine, and lists of what it quarantines and counts."""

    batch_rows: int = 1000
    batch_bytes: int = 1 << 20
    memory: int = 1 << 30
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def open(self, file: InputFile) -> BinaryIO:
        return Path(file.path).open("rb")

    def bad(
        self,
        file: InputFile,
        place: str,
        error: str,
        id: str | None = None,
        url: str | None = None,
        records: int = 1,
        estimated: bool = False,
        record: bytes | bytearray | None = None,
    ) -> None:
        entry = {"file": file.name, "place": place, "error": error, "id": id, "url": url}
        self.quarantine.append({**entry, "records": records, "estimated": estimated})

    def skipped(self, reason: str, n: int = 1) -> None:
        assert n > 0, f"skipped({reason!r}, {n})"
        self.counts[reason] += n


def check_source(source: type[Source[Any]], config: Mapping[str, Any], files: Sequence[str | Path]) -> None:
    """Check a source format on some files of its own, which must be whole: columns and types, ids that are unique and
    stable, batches of one row and of many, grouping into shards; and files that are empty, cut or no such thing at
    all, which must end in the quarantine and not in an exception. Raises AssertionError.
    """
    module = source.__module__
    format = module.removeprefix(f"{FORMATS}.") if module.startswith(f"{FORMATS}.") else module
    made = source(source.Config.model_validate({"name": "check", "format": format, "path": "x", **config}))
    made.check()
    inputs = [InputFile(str(path), Path(path).name, Path(path).stat().st_size, "0") for path in files]
    grouped = [file for shard in made.group(inputs) for file in shard]
    assert sorted(file.name for file in grouped) == sorted(file.name for file in inputs), "group loses or adds files"
    rows = _read(made, inputs, 4096, whole=True)
    assert rows.num_rows, "no documents in these files"
    ids = rows.column("id").to_pylist()
    assert len(set(ids)) == len(ids), "two documents have the same id"
    assert _read(made, inputs, 1, whole=True).equals(rows), "batches of one row give other documents"
    neither = pc.and_(pc.is_null(rows.column("text")), pc.is_null(rows.column("content")))
    assert not pc.any(neither).as_py(), "a document has neither text nor content"
    with tempfile.TemporaryDirectory() as folder:
        for file in inputs:
            for damaged in _damage(Path(folder), file):
                _read(made, [damaged], 4096, whole=False)


def _read(source: Source[Any], files: Sequence[InputFile], batch_rows: int, whole: bool) -> pa.Table:
    reading = LocalReading(batch_rows, batch_bytes=16 << 20)
    batches = []
    for batch in source.read(files, reading):
        assert batch.num_rows <= batch_rows, f"a batch has {batch.num_rows} rows, more than the {batch_rows} asked for"
        expected = pa.schema([*raw_schema(), *source.columns()])
        absent = [name for name in expected.names if name not in batch.schema.names]
        assert not absent, f"columns are missing: {', '.join(absent)}"
        batches.append(batch.select(expected.names).cast(expected))
    problems = [f"{entry['file']} {entry['place']}: {entry['error']}" for entry in reading.quarantine]
    assert not (whole and problems), f"whole files have bad records: {problems[:3]}"
    return pa.Table.from_batches(batches, pa.schema([*raw_schema(), *source.columns()])).combine_chunks()


def _damage(folder: Path, file: InputFile) -> Iterator[InputFile]:
    data = Path(file.path).read_bytes()
    changed = {"empty": b"", "cut": data[: len(data) // 2], "noise": bytes(range(256)) * 8}
    for kind, content in changed.items():
        path = folder / f"{kind}-{file.name}"
        path.write_bytes(content)
        yield InputFile(str(path), path.name, len(content), kind)
