"""`dspipe plan`: what a run would do, phase by phase, and what of it is done already."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.funnel import Counts
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.plan.tasks import absorb_committed, empty_state, task_specs
from dspipe.pipeline.quantities import count_of, human_bytes
from dspipe.pipeline.report.tables import Table, print_table
from dspipe.pipeline.run.cleanup import earlier_products_line
from dspipe.pipeline.run.whole import find_whole
from dspipe.pipeline.storage.secrets import without_secrets
from dspipe.pipeline.storage.store import Store
from dspipe.pipeline.visible_text import visible_line

if TYPE_CHECKING:
    from rich.console import Console

_TEXT_BYTES = 4_000
"""text of a document, to estimate by before anything is read: a page of Common Crawl after extraction"""


def print_plan(plan: Plan, console: "Console") -> None:
    """Print the inputs, the stages and the phases with their state."""
    from rich.markup import escape

    config = plan.config
    engine = config.engine
    where = f" at {escape(visible_line(engine.address))}" if engine.address else ""
    workers = count_of(engine.workers, "worker") if engine.workers else "a worker per processor"
    console.print(f"[bold]{config.name}[/] -> {escape(visible_line(without_secrets(config.output)))}", highlight=False)
    console.print(
        f"engine {engine.kind}{where}, {workers}, {human_bytes(engine.memory)} of memory each; seed {config.seed}",
        highlight=False,
    )
    columns = ("source", "format", "dump", "domain", "shards", "files", "bytes")
    inputs, places = Table("Inputs", columns, frozenset({4, 5, 6})), []
    for index, source in enumerate(config.sources):
        shards = [shard for shard in plan.shards if shard.source == index]
        files = [file for shard in shards for file in shard.files]
        known = sum(file.size or 0 for file in files)
        size = human_bytes(known) if all(file.size is not None for file in files) else "not asked"
        paths = source.config.path if isinstance(source.config.path, list) else [source.config.path]
        listed = [f"{len(shards):,}", f"{len(files):,}", size] if files else ["unknown", "unknown", "unknown"]
        places.append(without_secrets(f"{source.config.name}: {source.config.root}{', '.join(paths)}"))
        names = (source.config.name, source.config.format, source.config.dump or "", source.config.domain)
        inputs.rows.append((*names, *listed))
    console.print()
    print_table(inputs, console)
    for place in places:
        console.print(visible_line(place), highlight=False, markup=False, soft_wrap=True)
    for name, left_out in plan.left_out.items():
        console.print(visible_line(f"left out of {name}: {left_out}"), highlight=False, markup=False)
    for message in plan.unreachable:
        console.print(
            f"[yellow]could not be listed now:[/] {escape(visible_line(message))}", highlight=False, soft_wrap=True
        )
    if plan.unreachable:
        what = "nothing is estimated" if not plan.shards else "what follows is without them"
        console.print(
            f"The config was checked but for these inputs; {what}. A run needs them: check the address, the network "
            "and the permissions, and plan again.",
            highlight=False,
            soft_wrap=True,
        )
    for remark in plan.remarks:
        console.print(f"[yellow]note:[/] {escape(visible_line(remark))}", highlight=False, soft_wrap=True)
    texts = _Texts(plan)
    table, done = _phases(plan, texts)
    earlier = None if plan.unreachable or done else earlier_products_line(Store(config.output), replace=False)
    if earlier:
        console.print(f"[yellow]note:[/] {escape(visible_line(earlier))}", highlight=False, soft_wrap=True)
    console.print()
    print_table(table, console)
    if texts.readings:
        times = "once more" if texts.readings == 1 else f"{texts.readings} times more"
        about = "about " if texts.estimated else ""
        size = human_bytes(texts.read)
        console.print(f"Texts are read {times} after the text pass, {about}{size} in all.", highlight=False)
    if done:
        console.print("Everything is done already: a run would change nothing.", highlight=False)


class _Texts:
    """How many bytes of text the phases read that read texts again: as far as verdicts are there what is kept by them,
    before that an estimate from the input."""

    def __init__(self, plan: Plan) -> None:
        self._bytes, self._known = max(1, plan.phases[0].payload["documents"]) * _TEXT_BYTES, False
        self._listed = bool(plan.shards)
        self.readings, self.read, self.estimated = 0, 0, False

    def cost(self, phase: PlannedPhase) -> list[str]:
        """What is to be said of the phase."""
        if "text" not in phase.columns:
            return []
        if not self._listed:
            return ["text read again"]
        self.readings += 1
        self.read += self._bytes
        self.estimated |= not self._known
        size = f"{'' if self._known else 'about '}{human_bytes(self._bytes)}"
        return [f"{size} of text read again" + (" and written" if "text" in phase.written else "")]

    def done(self, kept: Sequence[Counts]) -> None:
        """A phase is done: what is kept by its verdicts, of all shards or in all; nothing where it gives none."""
        if kept:
            self._bytes, self._known = sum(counts.bytes for counts in kept), True


def _phases(plan: Plan, texts: _Texts) -> tuple[Table, bool]:
    """The phases with their state, and whether all of them are done."""
    table = Table("Phases", ("phase", "tasks", "state", "what it does"), frozenset({1}))
    store = Store(plan.config.output) if not plan.unreachable else None
    state = empty_state(plan)
    known = store is not None
    whole = find_whole(store, plan) if store is not None else None
    ended = {summary.name: summary for summary in whole[0].phases} if whole is not None else {}
    for phase in plan.phases:
        tasks, status, costs = "?", "unknown", texts.cost(phase)
        if plan.shards:
            tasks, status = f"{plan.tasks(phase):,}", "waits"
        if phase.name in ended:
            status = "done"
            texts.done([entry.kept for entry in ended[phase.name].funnel[-1:]])
        elif known and store is not None:
            try:
                specs = task_specs(plan, phase, state, store)
                done = absorb_committed(plan, phase, specs, state, store)
                known = len(done) == len(specs)
                status = "done" if known else f"{len(done):,} done" if done else "to do"
                if known:
                    verdicts = [manifest["funnel"][-1] for manifest in done if manifest["funnel"]]
                    texts.done([Counts(*entry["kept"]) for entry in verdicts])
            except DamagedFileError:  # of an earlier phase, which is to make it again
                known = False
        table.rows.append((phase.name, tasks, status, _what_it_does(plan, phase, costs)))
    return table, known


def _what_it_does(plan: Plan, phase: PlannedPhase, costs: list[str]) -> str:
    parts = [phase.title, *costs, *phase.notes]
    if phase.emits and phase.over != "sender_groups" and (partitions := phase.partitions or len(plan.shards)):
        parts.append(f"sends to {count_of(partitions, 'partition')}")
    if phase.decides and phase.over == "shards" and len(phase.stages) == 1:
        parts.append("verdicts")
    return "; ".join(parts)
