"""The statistics as a page."""

from dspipe.pipeline.report.page import html_page
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.run.summary import PhaseSummary


def test_a_page_puts_alarms_first_and_shows_what_documents_say_as_text() -> None:
    notes = {
        "cluster sizes": [{"at least": 2, "clusters": 8}, {"at least": 4, "clusters": 2}],
        "alarms": [{"name": "<script>alert(1)</script>", "share": 0.95}],
    }
    report = PhaseSummary("dedup.report", "once", ["dedup"], 1, 0, 1.0, 1, {}, [], [], notes, None)
    run = RunFile("a & b", False, 1, {}, [report], ["pack"], {})
    page = html_page(run)
    assert "<h1>a &amp; b</h1>" in page
    assert "<script>" not in page
    assert page.index("&lt;script&gt;alert(1)") < page.index("Funnel") < page.index("dedup.report: cluster sizes")
    assert '--share:95.00%">0.95' in page
    assert '--share:25.00%">2<' in page  # a quarter of the highest bar
