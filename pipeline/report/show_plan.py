"""`dspipe plan`: what a run would do, phase by phase, and what of it is done already."""

from typing import TYPE_CHECKING

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.plan.tasks import absorb_committed, empty_state, task_specs
from dspipe.pipeline.quantities import human_bytes
from dspipe.pipeline.report.tables import Table, print_table
from dspipe.pipeline.storage.secrets import without_secrets
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.visible_text import visible_line

if TYPE_CHECKING:
    from rich.console import Console


def print_plan(plan: Plan, console: "Console") -> None:
    """Print the inputs, the stages and the phases with their state."""
    from rich.markup import escape

    config = plan.config
    engine = config.engine
    where = f" at {escape(visible_line(engine.address))}" if engine.address else ""
    workers = f"{engine.workers} workers" if engine.workers else "a worker per processor"
    console.print(f"[bold]{config.name}[/] -> {escape(visible_line(without_secrets(config.output)))}", highlight=False)
    console.print(
        f"engine {engine.kind}{where}, {workers}, {human_bytes(engine.memory)} of memory each; seed {config.seed}",
        highlight=False,
    )
    columns = ("source", "format", "dump", "domain", "path", "shards", "files", "bytes")
    inputs = Table("Inputs", columns, frozenset({5, 6, 7}))
    for index, source in enumerate(config.sources):
        shards = [shard for shard in plan.shards if shard.source == index]
        files = [file for shard in shards for file in shard.files]
        known = sum(file.size or 0 for file in files)
        size = human_bytes(known) if all(file.size is not None for file in files) else "not asked"
        paths = source.config.path if isinstance(source.config.path, list) else [source.config.path]
        listed = [f"{len(shards):,}", f"{len(files):,}", size] if files else ["unknown", "unknown", "unknown"]
        where_from = without_secrets(f"{source.config.root}{', '.join(paths)}")
        names = (source.config.name, source.config.format, source.config.dump or "", source.config.domain, where_from)
        inputs.rows.append((*names, *listed))
    console.print()
    print_table(inputs, console)
    for name, left_out in plan.left_out.items():
        console.print(visible_line(f"left out of {name}: {left_out}"), highlight=False, markup=False)
    for message in plan.unreachable:
        console.print(f"[yellow]could not be listed now:[/] {escape(visible_line(message))}", highlight=False)
    console.print()
    print_table(_phases(plan), console)


def _phases(plan: Plan) -> Table:
    table = Table("Phases", ("phase", "tasks", "state", "what it does"), frozenset({1}))
    store = Store(plan.config.output) if not plan.unreachable else None
    state = empty_state(plan)
    known = store is not None
    for phase in plan.phases:
        tasks, status = "?", "unknown"
        if plan.shards:
            tasks, status = f"{plan.tasks(phase):,}", "waits"
        if known and store is not None:
            try:
                specs = task_specs(plan, phase, state, store)
                done = absorb_committed(plan, phase, specs, state, store)
                status = "done" if done == len(specs) else f"{done:,} done" if done else "to do"
                known = done == len(specs)
            except DamagedFileError:  # of an earlier phase, which is to make it again
                known = False
        table.rows.append((phase.name, tasks, status, _what_it_does(plan, phase)))
    return table


def _what_it_does(plan: Plan, phase: PlannedPhase) -> str:
    parts = [phase.title, *phase.notes]
    if phase.emits and phase.over != "sender_groups":
        parts.append(f"sends to {phase.partitions or len(plan.shards):,} partitions")
    if phase.decides and phase.over == "shards" and len(phase.stages) == 1:
        parts.append("verdicts")
    return "; ".join(parts)
