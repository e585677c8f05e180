"""Rates of the text pass as a sample has them here and now (`dspipe plan --sample`)."""

from dataclasses import replace

from dspipe.pipeline.estimate.estimate import stored_and_documents
from dspipe.pipeline.estimate.rates import Rates, rates_of_run
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.run.run_file import RunFile


def rates_of_sample(run: RunFile, plan: Plan, base: Rates) -> Rates:
    """What the sample says of reading, of each stage, of sizes and of what is kept; of the other phases, which so few
    documents say nothing of, what `base` says. Raises UnfitRatesError."""
    stored, documents = stored_and_documents(plan, base)
    text_pass = run.text_pass()
    read = text_pass.counters.get("read", 0) if text_pass else 0
    measured = f"the text pass: {read:,} documents of the sample, on this machine; what is behind it: {base.measured}"
    found = rates_of_run(run, plan, measured, read * stored / max(1.0, documents))
    return replace(found, phases=base.phases)
