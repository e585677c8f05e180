"""documents in = documents out + dropped by reason + quarantined: checked on every task and every phase of a run."""

from dspipe.pipeline.errors import ConservationError, RunFailedError
from dspipe.pipeline.funnel import Counts
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.run.summary import PhaseSummary
from dspipe.pipeline.tasks.spec import Manifest


def check_conservation(
    phase: PlannedPhase, manifests: list[Manifest], summary: PhaseSummary, before: list[PhaseSummary], plan: Plan
) -> None:
    """documents in = documents out + dropped by reason + quarantined, in every task and over the phase."""
    if phase.over == "inputs":
        for manifest in manifests:
            rows, counters = sum(manifest["groups"]), manifest["counters"]
            if counters["read"] != rows + counters["quarantined"]:
                raise ConservationError(
                    f"{phase.name} {manifest['task']}: {counters['read']:,} documents were read, {rows:,} came out and "
                    f"{counters['quarantined']:,} were quarantined"
                )
        _check_quarantined(phase, summary, summary.counters.get("read", 0), plan)
        return
    for entry in summary.funnel:
        if not entry.balanced():
            raise ConservationError(
                f"{phase.name}, stage {entry.stage}: {entry.entered} in, {entry.kept} kept: {entry.dropped}"
            )
    if not summary.funnel:
        return
    entered = summary.funnel[0].entered
    _check_quarantined(phase, summary, entered.documents, plan)
    last = max((index for index, other in enumerate(before) if other.funnel), default=0)
    if before[last].funnel:
        earlier = before[last].funnel[-1].kept
    else:
        read = before[0].counters
        earlier = Counts(read["read"] - read["quarantined"], entered.bytes, entered.tokens)
    if entered.documents != earlier.documents or entered.bytes != earlier.bytes:
        raise ConservationError(
            f"{phase.name}: {earlier.documents:,} documents ({earlier.bytes:,} bytes) were kept before it, "
            f"{entered.documents:,} ({entered.bytes:,} bytes) came in"
        )


def _check_quarantined(phase: PlannedPhase, summary: PhaseSummary, records: int, plan: Plan) -> None:
    bad, limit = summary.counters.get("quarantined", 0), plan.config.engine.max_quarantined
    # a handful of bad records in a small input is no sign of anything, unless there are no others
    if bad > limit * records and (bad > 100 or bad == records):
        raise RunFailedError(
            f"{bad:,} of {records:,} records are bad, more than engine.max_quarantined={limit} allows; "
            f"see the *.quarantine.jsonl files in {plan.config.output}/{phase.name}"
        )
