"""What `dspipe plan` says of what a run will take."""

import io

from rich.console import Console

from dspipe.pipeline.estimate.estimate import Estimate, PhaseEstimate
from dspipe.pipeline.estimate.rates import shipped_rates
from dspipe.pipeline.report.show_estimate import print_estimate


def shown(found: Estimate, prices: dict[str, float]) -> str:
    stream = io.StringIO()
    print_estimate(found, prices, Console(file=stream, width=120))
    return stream.getvalue()


def test_totals_phases_rates_and_what_is_unknown_are_shown() -> None:
    phases = [
        PhaseEstimate("documents", 10, 36_000, 3e9, 500, 20),
        PhaseEstimate("odd.phase", 10, 3600, 1e9, 500, 20, known=False),
    ]
    found = Estimate(1e12, 41_234_567, 1e11, 4, shipped_rates(), phases, no_rate=("own",))
    text = shown(found, {"core-hour": 0.5, "tb-month": 25.0})
    for part in ("1.0 TB", "41,200,000", "4.0 GB", "1,000", "wall time, 4 workers", "2h45m", "5.6"):
        assert part in text, part
    assert "Rates: one core" in text
    assert "No rate is known for own, odd.phase" in text


def test_without_prices_nothing_is_said_of_dollars() -> None:
    assert "dollars" not in shown(Estimate(1, 1, 1, 1, shipped_rates()), {})
