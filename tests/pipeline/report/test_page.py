"""The statistics as a page."""

from dspipe.pipeline.report.page import html_page


def test_a_page_puts_alarms_first_and_shows_what_documents_say_as_text() -> None:
    notes = {
        "cluster sizes": [{"at least": 2, "clusters": 8}, {"at least": 4, "clusters": 2}],
        "alarms": [{"name": "<script>alert(1)</script>", "share": 0.95}],
    }
    counts = {"tasks": 1, "reused": 0, "seconds": 1.0, "bytes_written": 1, "counters": {}, "funnel": []}
    phases = [{"name": "dedup.report", "notes": notes, **counts}]
    run = {"name": "a & b", "finished": False, "shards": 1, "to_come": ["pack"], "phases": phases}
    page = html_page(run)
    assert "<h1>a &amp; b</h1>" in page
    assert "<script>" not in page
    assert page.index("&lt;script&gt;alert(1)") < page.index("Funnel") < page.index("dedup.report: cluster sizes")
    assert '--share:95.00%">0.95' in page
    assert '--share:25.00%">2<' in page  # a quarter of the highest bar
