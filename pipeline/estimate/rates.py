"""What a document, or a byte, takes: rates by stage and phase, as a run measured them.

The rates that dspipe comes with are `rates.json` beside this file; `of_run` takes those of any finished run. A phase's
CPU seconds are a fixed part for each task, and a part for each document that was read (of phases that read texts again:
for each byte of text that is kept by then). So a rate holds for configs that keep about the same share.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.run.run_file import RunFile

TABLE = Path(__file__).with_name("rates.json")
TASK_SECONDS = 0.004
"""CPU seconds of a task that has nothing to do: of 187 tasks over 3,781 documents the quickest phases took 2 to 6 ms"""
READ, WRITE, SET_UP = "read", "write", "set up"
"""parts of the text pass that are no stages (`pipeline.tasks.stage_clock`)"""


class UnfitRatesError(Exception):
    """A run can't say what another one takes."""


@dataclass(frozen=True)
class PhaseRate:
    """What a phase takes beside `TASK_SECONDS` a task: CPU seconds and bytes written, for each unit."""

    cpu_seconds: float
    bytes_written: float
    per: str
    """`document` (that is read), `text` (a byte of what is kept by then), `sample` (a byte of what is sampled of that)
    or `run`"""


@dataclass(frozen=True)
class Rates:
    """Rates, and where they were measured."""

    measured: str
    """on what machine, by what, when"""
    documents_per_stored_byte: float
    text_per_document: float
    """bytes of text, after extraction"""
    set_up_seconds: float
    """of a task of the text pass, to load models and kernels; a worker does so once and keeps them"""
    read: float
    """CPU seconds a stored byte"""
    write: float
    """CPU seconds a byte of text"""
    extracting: dict[str, float]
    """stages that make text of content: CPU seconds a stored byte, by their key in the config"""
    stages: dict[str, float]
    """the text pass's other stages: CPU seconds a byte of text"""
    stored_per_text: float
    """bytes that the text pass writes, a byte of text"""
    kept: dict[str, float]
    """the share of the bytes of text that a stage lets pass, by its key in the config"""
    phases: dict[str, PhaseRate] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> "Rates":
        """The reverse of `as_json`."""
        phases = {name: PhaseRate(**rate) for name, rate in value["phases"].items()}
        return Rates(**{**value, "phases": phases})


def shipped_rates() -> Rates:
    """Those of `rates.json`."""
    return Rates.from_json(json.loads(TABLE.read_text("utf-8")))


def rates_of_run(run: RunFile, plan: Plan, measured: str) -> Rates:
    """The rates of a finished run. `plan` is that of its config, which says how many bytes its files have; `measured`
    says where it ran. Raises UnfitRatesError for a run that doesn't say its CPU time, or read nothing."""
    text_pass = run.text_pass()
    documents = text_pass.counters.get("read", 0) if text_pass else 0
    stored = sum(shard.bytes for shard in plan.shards)
    if not run.finished or text_pass is None or not documents or not text_pass.cpu_by_stage:
        raise UnfitRatesError("it isn't finished, has read nothing, or an earlier version of dspipe made it")
    if not stored:
        raise UnfitRatesError("how large the files are that it read isn't known")
    funnel = run.funnel()
    text = max(1, funnel[0].entered.bytes if funnel else text_pass.bytes_written)
    by_stage = dict(text_pass.cpu_by_stage)
    set_up, read, write = (by_stage.pop(name, 0.0) for name in (SET_UP, READ, WRITE))
    extracts = {stage.name for stage in plan.config.stages if stage.extracts}
    kept: dict[str, float] = {}
    for entry in funnel:
        kept[entry.stage] = kept.get(entry.stage, 1.0) * entry.kept.bytes / max(1, entry.entered.bytes)
    return Rates(
        measured=measured,
        documents_per_stored_byte=documents / stored,
        text_per_document=text / documents,
        set_up_seconds=set_up / text_pass.tasks,
        read=read / stored,
        write=write / text,
        extracting={name: seconds / stored for name, seconds in by_stage.items() if name in extracts},
        stages={name: seconds / text for name, seconds in by_stage.items() if name not in extracts},
        stored_per_text=text_pass.bytes_written / text,
        kept=kept,
        phases=_phase_rates(run, plan, documents),
    )


def unit_of(phase: PlannedPhase, plan: Plan) -> tuple[str, int | None]:
    """What a phase's work grows with (`PhaseRate.per`), and for a sample its bytes."""
    sampled = _sample_bytes(phase, plan)
    if phase.over == "once":
        return "run", None
    if sampled is not None:
        return "sample", sampled
    return ("text" if "text" in phase.columns else "document"), None


def _sample_bytes(phase: PlannedPhase, plan: Plan) -> int | None:
    """The sample that a phase reads, or that what it receives was made of."""
    if phase.sample_bytes is not None or phase.exchange is None or phase.over == "shards":
        return phase.sample_bytes
    sender = next(other for other in plan.phases if other.emits == phase.exchange)
    return _sample_bytes(sender, plan) if sender is not phase else None


def _phase_rates(run: RunFile, plan: Plan, documents: int) -> dict[str, PhaseRate]:
    planned = {phase.name: phase for phase in plan.phases}
    rates, text_kept = {}, 1
    for phase in run.phases:
        if phase.funnel:
            text_kept = max(1, phase.funnel[-1].kept.bytes)
        if phase.over in ("inputs", "sender_groups") or phase.name not in planned:
            continue
        per, sample = unit_of(planned[phase.name], plan)
        units = {"run": 1, "document": documents, "text": text_kept, "sample": min(text_kept, sample or text_kept)}[per]
        seconds = max(0.0, phase.cpu_seconds - TASK_SECONDS * phase.tasks)
        rates[phase.name] = PhaseRate(seconds / units, phase.bytes_written / units, per)
    return rates
