"""documents in = documents out + dropped by reason + quarantined: checked on every task and every phase of a run."""

import math

from dspipe.pipeline.errors import ConservationError, RunFailedError
from dspipe.pipeline.funnel import Counts
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.plan.planned_phase import PlannedPhase
from dspipe.pipeline.run.summary import PhaseSummary
from dspipe.pipeline.tasks.quarantine import QuarantineFile, named_errors
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
        _check_quarantined(phase, manifests, plan)
        return
    for entry in summary.funnel:
        if not entry.balanced():
            raise ConservationError(
                f"{phase.name}, stage {entry.stage}: {entry.entered} in, {entry.kept} kept: {entry.dropped}"
            )
    if not summary.funnel:
        return
    entered = summary.funnel[0].entered
    _check_quarantined(phase, manifests, plan)
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


def _check_quarantined(phase: PlannedPhase, manifests: list[Manifest], plan: Plan) -> None:
    """Of all records, and of each source's, no larger share may be bad than `engine.max_quarantined` allows."""
    if phase.over not in ("inputs", "shards"):
        return
    by_source: dict[str, list[Manifest]] = {}
    for manifest, source in zip(manifests, plan.source_names(phase), strict=True):
        by_source.setdefault(source, []).append(manifest)
    _check_share(phase, manifests, "", plan)
    for source, of_it in by_source.items():
        _check_share(phase, of_it, f" of the source {source}", plan)


def _check_share(phase: PlannedPhase, manifests: list[Manifest], of: str, plan: Plan) -> None:
    bad = sum(manifest["counters"].get("quarantined", 0) for manifest in manifests)
    records = sum(_records(manifest) for manifest in manifests)
    limit, output = plan.config.engine.max_quarantined, plan.config.output
    # a handful of bad records in a small input is no sign of anything, unless there are no others
    if bad <= limit * records or (bad <= 100 and bad < records):
        return
    why = named_errors([group for manifest in manifests for group in QuarantineFile.of(manifest).groups])
    raise RunFailedError(
        f"{bad:,} of {records:,} records{of} are bad, more than engine.max_quarantined={limit} allows: {why}. "
        f"All of them are in {output}/{phase.name}/*.quarantine.jsonl. Mend the cause and run again; what was a "
        f"machine's trouble and has passed: dspipe retry-quarantine {output}; or allow that many: --set "
        f"engine.max_quarantined={math.ceil(100 * bad / records) / 100:g}",
        resumes=False,
    )


def _records(manifest: Manifest) -> int:
    """Records that a task has read, or documents that came into the first of its stages."""
    if "read" in manifest["counters"]:
        return int(manifest["counters"]["read"])
    return int(manifest["funnel"][0]["entered"][0]) if manifest["funnel"] else 0
