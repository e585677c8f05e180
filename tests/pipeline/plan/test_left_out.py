"""What of the inputs is left out is counted, with the first names."""

from dspipe.pipeline.plan.left_out import LeftOut


def test_kinds_are_counted_and_a_few_are_named() -> None:
    left_out = LeftOut()
    assert str(left_out) == ""
    for name in ("_SUCCESS", ".part", "_log", "_more"):
        left_out.add("hidden", name)
    left_out.add("not named like jsonl", "README.md")
    assert left_out.counts == {"hidden": 4, "not named like jsonl": 1}
    assert str(left_out) == "4 hidden (_SUCCESS, .part, _log, ...), 1 not named like jsonl (README.md)"
