"""All pages in a real browser: opened, clicked through, a threshold moved. Nothing that documents say is run."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from dspipe.pipeline.run.run_progress import STATUS_FILE, PhaseProgress, RunProgress
from dspipe.serve.server import listen
from tests.serve.conftest import HOSTILE, RUN
from tests.serve.test_server import serving

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

playwright = pytest.importorskip("playwright.sync_api", reason="playwright isn't installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
BASE = f"run/{quote(RUN, safe='')}/"


@pytest.fixture(scope="module")
def page(runs: Path) -> Iterator["Page"]:
    """A page that knows the server's address; whatever a browser complains of, or asks of others, is a failure."""
    # chromium's own sandbox doesn't work for root
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with serving(runs, listen("127.0.0.1", 0, ask_token=True)) as listening, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        found = browser.new_page(base_url=f"http://127.0.0.1:{listening.port}/")
        complaints: list[str] = []
        found.on("pageerror", lambda error: complaints.append(str(error)))
        found.on(
            "console", lambda said: complaints.append(f"{said.text} {said.location}") if is_complaint(said) else None
        )
        own = (f"http://127.0.0.1:{listening.port}/", "data:,")
        found.on("request", lambda asked: None if asked.url.startswith(own) else complaints.append(asked.url))
        found.on("dialog", lambda dialog: complaints.append(dialog.message))
        found.goto(listening.address)
        yield found
        browser.close()
    assert complaints == []


def is_complaint(said: "ConsoleMessage") -> bool:
    """Pages that say a mistake have the status 400."""
    return said.type in ("error", "warning") and "400 (Bad Request)" not in said.text


def assert_whole(page: "Page") -> None:
    """As wide as the screen, and what documents say isn't run."""
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for _ in range(100):  # until it is laid out anew
            found = page.evaluate("[innerWidth, document.documentElement.scrollWidth]")
            if found[0] == width and found[1] <= width:
                break
            page.wait_for_timeout(50)
        assert found[0] == width and found[1] <= width, (page.url, found)
    assert "PWNED" not in page.title().replace("\\x1b]0;PWNED\\x07", "").replace("document.title='PWNED'", "")


def test_clicked_through(page: "Page") -> None:
    page.goto("/")
    assert_whole(page)
    page.get_by_role("link", name=RUN, exact=True).click()
    assert_whole(page)
    assert page.locator("#state").inner_text() == "finished"
    for tab in ("documents", "thresholds", "compare", "shards", "statistics", "progress"):
        page.get_by_role("link", name=tab, exact=True).click()
        assert_whole(page)
        assert page.locator("nav.tabs a.here").inner_text() == tab


def test_documents(page: "Page") -> None:
    page.goto(f"{BASE}documents")
    everything = page.locator("#count").inner_text()
    page.get_by_label("verdict").select_option("dropped")
    page.get_by_label("where").fill("heuristics.words < 9")
    page.get_by_role("button", name="show").click()
    assert int(page.locator("#count").inner_text()) < int(everything) == 120
    assert page.get_by_label("where").input_value() == "heuristics.words < 9"
    page.get_by_label("where").fill("heuristics.wordz < 9")
    page.get_by_role("button", name="show").click()
    assert "did you mean heuristics.words" in page.locator("#mistake").inner_text()
    page.goto(f"{BASE}documents")
    page.locator("#next").click()
    assert_whole(page)
    page.locator("article.card a").first.click()
    assert_whole(page)
    assert "<script>document.title='PWNED'</script>" in page.locator("#text").inner_text()
    for path in ("document?at=0.39", f"rows?id={quote('d10' + HOSTILE)}"):  # a duplicate beside its kept copy
        page.goto(BASE + path)
        assert_whole(page)


def test_a_threshold_is_dragged(page: "Page") -> None:
    page.goto(f"{BASE}thresholds")
    page.get_by_role("link", name="heuristics.gopher.min_words").click()
    page.wait_for_selector("#tiles")
    assert page.locator("#changed").inner_text() == "0"
    assert page.locator("#number").input_value() == "12"
    outline = page.locator("#chart").bounding_box()
    assert outline is not None
    x, y, width = outline["x"], outline["y"] + outline["height"] / 2, outline["width"]
    page.mouse.move(x + width * 0.3, y)
    page.mouse.down()
    for step in range(10):
        page.mouse.move(x + width * (0.3 + 0.04 * step), y)
    page.mouse.up()
    page.wait_for_selector("#answer:not(.asking) #flows")
    dragged = float(page.locator("#number").input_value())
    assert dragged > 15
    assert f"value={dragged:g}" in page.url
    assert int(page.locator("#changed").inner_text()) > 0
    text = page.locator("#answer article").first.inner_text()
    assert "<img src=x" in text and f"at least 12 → at least {dragged:g}" in text
    assert_whole(page)
    page.locator("#slider").focus()
    page.keyboard.press("End")
    page.wait_for_selector("#answer:not(.asking)")
    assert float(page.locator("#number").input_value()) > dragged
    page.get_by_role("button", name="back to what it was").click()
    page.wait_for_selector("#answer:not(.asking) #nothing")
    page.locator("#number").fill("20")
    page.get_by_role("button", name="ask").click()
    page.wait_for_selector("#answer:not(.asking) #flows")
    assert "value=20" in page.url


def test_progress_moves_while_it_is_looked_at(page: "Page", runs: Path) -> None:
    root = runs / "live"

    def say(done: int) -> None:
        phase = PhaseProgress("documents", state="running", tasks=10, done=done, share=done / 10, documents=1000 * done)
        now = time.time()
        said = RunProgress(
            "live", "running" if done < 10 else "interrupted", now, now, 600.0, "somebody", "local", [phase]
        )
        (root / ".new").write_text(json.dumps(said.as_json()))
        (root / ".new").replace(root / STATUS_FILE)  # whole or not at all

    root.mkdir()
    try:
        (root / "config.yaml").write_text("name: live\n")
        values = {"finished": False, "shards": 10, "left_out": {}, "phases": [], "to_come": ["documents"]}
        (root / "run.json").write_text(json.dumps({"name": "live", **values, "artifacts": {}}))
        say(2)
        page.goto("run/live/")
        assert page.locator("#state").inner_text() == "running"
        assert "2 of 10" in page.locator("#phases").inner_text()
        say(7)
        page.get_by_text("7 of 10").wait_for()
        assert "7,000" in page.locator("#phases").inner_text()
        page.goto("/")
        assert page.locator("tr[data-key=live] progress").get_attribute("value") == "0.7"
        say(10)
        page.locator("tr[data-key=live] .state.interrupted").wait_for()
    finally:
        shutil.rmtree(root)


def test_rows(page: "Page") -> None:
    page.goto(f"{BASE}shards")
    page.get_by_role("button", name="open").click()
    page.locator("#next").click()
    assert_whole(page)
    page.locator("article.segment a").first.click()
    assert "document?at=" in page.url


def test_two_runs(page: "Page") -> None:
    page.goto(f"{BASE}compare")
    page.get_by_label("with").select_option("other")
    page.get_by_role("button", name="compare").click()
    page.locator("#flows").wait_for()
    assert_whole(page)


def test_statistics(page: "Page") -> None:
    page.goto(f"{BASE}statistics")
    frame = page.frame_locator("iframe")
    frame.locator("h1").wait_for()
    assert frame.locator("h1").inner_text() == "hostile"
    assert frame.locator("svg").count() > 0
