"""What `dspipe whatif` prints."""

import io

from rich.console import Console

from dspipe.pipeline.funnel import Counts
from dspipe.pipeline.inspection.edited_stages import Change
from dspipe.pipeline.inspection.rejudge import StageVerdicts
from dspipe.pipeline.inspection.what_if_answer import Answer, Flow, GroupChange, Held, Sample
from dspipe.pipeline.report.show_whatif import print_answer

EDIT = "stages.heuristics.gopher.min_words=30"


def answer_of(changed: int) -> Answer:
    """An answer in which so many documents come in."""
    come = Counts(changed, 1000 * changed, 250 * changed)
    held = Held("heuristics.words", 43, "gopher.too_few_words", "at least 50", "at least 30")
    sample = Sample("a\x1b[2Jb", None, "web", "en", 0, 7, "gopher.too_few_words", None, True, (held,), "Some\ntext")
    flow = Flow("gopher.too_few_words", "heuristics", None, None, come, 1)
    mixture = {"domain": "web", "share before": 0.25, "share after": 0.3, "tokens drawn before": 123_456_789}
    stages = (
        StageVerdicts("heuristics", True, (50, 50), (20, 20 - changed)),
        StageVerdicts("minhash", False, (30, 30 + changed), (9, 9), changed, ["it isn't known"]),
        StageVerdicts("remix", False, (21, 21 + changed), (0, 0), 0, (), {"mixture": [mixture]}),
    )
    return Answer(
        edits=(EDIT,),
        changes=(Change("stages.heuristics.gopher.min_words", 50.0, 30.0),),
        documents=50,
        kept_before=Counts(21, 21_000, 5000),
        kept_after=Counts(21 + changed, 25_000, 6000),
        kept_least=Counts(21, 21_000, 5000),
        kept_most=Counts(21 + changed, 25_000, 6000),
        changed=come,
        unsure=changed,
        tokens_estimated=changed,
        flows=(flow,) * bool(changed),
        groups=tuple(GroupChange(f"d{n}", None, come, Counts(), 2) for n in range(30 * bool(changed))),
        stages=stages,
        samples=(sample,) * bool(changed),
        remarks=("it isn't known",),
        seconds=0.1,
    )


def printed(answer: Answer) -> str:
    out = io.StringIO()
    print_answer(answer, Console(file=out, width=80))
    return out.getvalue()


def test_an_answer() -> None:
    text = printed(answer_of(4))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert max(len(line) for line in text.splitlines()) <= 80
    assert lines[0] == "stages.heuristics.gopher.min_words: 50 -> 30"
    assert "kept after 25 25.0 kB 6,000" in lines and "at least 21 21.0 kB 5,000" in lines
    assert "newly kept 4 4.0 kB 1,000" in lines
    assert "gopher.too_few_words kept 4 4.0 kB" in lines
    assert "d0 unknown 4 4.0 kB 0 0 B 2" in lines and "and 10 more" in lines
    assert "minhash 30 34 9 9 but for 4" in lines and "heuristics 50 50 20 16 exactly" in lines
    assert "web 0.25 0.3 123,456,789" in lines
    assert "heuristics.words is 43; at least 50 -> at least 30" in lines
    assert "note: it isn't known" in lines
    assert "a\\x1b[2Jb" in text and "\x1b" not in text


def test_nothing_changes() -> None:
    assert "No document changes its verdict." in printed(answer_of(0))
    same = Answer(**{**vars(answer_of(0)), "changes": ()})
    assert printed(same) == "The config says this already: nothing changes.\n"
