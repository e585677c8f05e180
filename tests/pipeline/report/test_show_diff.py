"""What `dspipe diff` prints."""

import io

from rich.console import Console

from dspipe.pipeline.funnel import Counts
from dspipe.pipeline.inspection.diff.difference import (
    Difference,
    DiffFlow,
    DiffGroup,
    DiffSample,
    Measures,
    Verdict,
)
from dspipe.pipeline.report.show_diff import print_difference

FEW, GONE, KEPT = Verdict("dropped", "gopher.too_few_words", "heuristics"), Verdict("absent"), Verdict("kept")


def difference_of(flows: tuple[DiffFlow, ...]) -> Difference:
    group = DiffGroup("web", "en", Measures(5), Measures(4, bytes_a=4000), Measures(), Measures(2))
    return Difference(
        runs=("one", "other"),
        settings=(("stages.heuristics.gopher.min_words", 30, None),),
        documents=(Counts(12, 12_000, 3000), Counts(9, 9000, 2000)),
        kept=(Counts(9, 9000, 2000), Counts(5, 5000, 1000)),
        flows=flows,
        groups=(group,),
        aligned=0,
        changed_texts=(),
        remarks=("texts are compared by their length",),
        seconds=0.1,
    )


def printed(difference: Difference) -> str:
    out = io.StringIO()
    print_difference(difference, Console(file=out, width=80))
    return out.getvalue()


def test_a_difference() -> None:
    held = ("heuristics.words: 43 in a, which asks at least 30",)
    sample = DiffSample("a", "an\u202eid", "http://x/", "web", "en", 0, 3, held, "Some\ntext")
    flows = (
        DiffFlow(KEPT, FEW, Measures(4, 4000, 800, 6, 4000, 0, 0, 0), (sample,)),
        DiffFlow(FEW, GONE, Measures(3, 3000, 0, 0), ()),
        DiffFlow(KEPT, KEPT, Measures(5, 5000, 1000, 7, 5100, 1000, 5, 1)),
    )
    text = printed(difference_of(flows))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "stages.heuristics.gopher.min_words: 30 -> not set" in lines
    assert "a kept 9 9.0 kB 2,000 13" in lines and "b kept 5 5.0 kB 1,000 5" in lines
    assert (
        "only in a 3" in lines and "only in b 0" in lines and "another verdict 4" in lines and "another text 1" in lines
    )
    assert "kept gopher.too_few_words 4 4.0 kB 800" in lines
    assert "gopher.too_few_words not there 3 3.0 kB 0" in lines
    assert "heuristics 3 4 0" in lines
    assert "web en 5 4 4.0 kB 0 0 B" in lines
    assert "kept -> gopher.too_few_words, for example" in lines
    assert held[0] in lines and "an\\u202eid http://x/" in lines and "Some text" in lines


def test_no_difference() -> None:
    text = printed(difference_of((DiffFlow(KEPT, KEPT, Measures(9, 9000, 2000, 9, 9000, 2000, 9)),)))
    assert "Every document has the same verdict in both runs." in text
