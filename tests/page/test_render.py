"""The page: nothing of a document runs, nothing is loaded, and it shows what it should in a browser."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.page.gather import Contents
from dspipe.page.reasons import Reason
from dspipe.page.render import html_page, render, script_json
from dspipe.pipeline.run.run_file import RunFile, read_run
from dspipe.pipeline.visible_text import visible_line

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def page_file(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(html_page(*read_run(str(run_folder))), "utf-8")
    return file


@pytest.fixture
def opened(browser: "Browser", page_file: Path) -> "Page":
    return open_page(browser, page_file, 390)


def open_page(browser: "Browser", file: Path, width: int, **options: bool) -> "Page":
    """The page in the browser, which asks for nothing else; what goes wrong in scripts stands in `window.trouble`."""
    page = browser.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce", **options)  # type: ignore[arg-type]
    page.add_init_script("window.trouble = []; addEventListener('error', (e) => trouble.push(String(e.message)))")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    assert asked == [file.as_uri()]
    return page


@given(st.text() | st.sampled_from(["</script>", "<!--", "\u2028", "\ud800", "&lt;", "\x1b[2J"]))
def test_json_in_a_script_says_the_same_and_ends_nothing(text: str) -> None:
    inside = script_json({text: [text, 1.5, None]})
    assert not set("<>&\u2028\u2029") & set(inside)
    assert json.loads(inside) == {visible_line(text): [visible_line(text), 1.5, None]}


def test_no_markup_of_a_document_is_markup(page_file: Path) -> None:
    page = page_file.read_text("utf-8")
    assert "&lt;/script&gt;&lt;script&gt;window.ran=1" in page
    assert "<img" not in page and "<svg" not in page and "<script>window.ran" not in page
    assert page.count("<script") == page.count("</script") == 3
    assert "49" not in re.findall(r"{{7\*7}}|49(?='&#34;)", page) and "{{7*7}}" in page
    assert not set("\x1b\x9b\u202e\u2066\u2028") & set(page)
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'' in page.replace("&#39;", "'")
    assert not re.search(r"<[^>]*\b(src|href)=\"(?!#)", page)


def test_nothing_runs_and_everything_is_plotted(opened: "Page") -> None:
    opened.wait_for_selector("#flow svg")
    opened.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
    opened.evaluate("dispatchEvent(new Event('beforeprint'))")  # all plots, also those out of sight
    opened.wait_for_function("[...document.querySelectorAll('.plot')].every((plot) => plot.querySelector('svg'))")
    assert opened.evaluate("[window.ran ?? null, window.trouble]") == [None, []]
    # nothing is wider than the screen
    assert opened.evaluate("document.documentElement.scrollWidth") == 390
    words = opened.locator("figure", has_text="heuristics.words").first
    assert "at least 50" in (words.locator("svg").text_content() or "")
    assert opened.locator(".plot.dumps svg").count() == 2


def test_the_flow_in_bytes_and_tokens(opened: "Page") -> None:
    opened.wait_for_selector("#flow svg")
    documents = opened.locator("#flow").text_content()
    opened.get_by_role("button", name="bytes").click()
    shown = opened.locator("#flow").text_content() or ""
    assert documents != shown and "kB" in shown
    opened.get_by_role("button", name="tokens").click()
    assert opened.locator("#flow").text_content() not in (documents, shown)
    assert opened.get_by_role("button", name="tokens").get_attribute("aria-pressed") == "true"
    assert opened.evaluate("window.trouble") == []


def test_a_reason_opens_to_its_samples(opened: "Page") -> None:
    reason = opened.locator("details.reason", has_text="gopher.too_few_words")
    assert not reason.locator(".sample").first.is_visible()
    reason.locator("summary").click()
    assert reason.locator(".sample").first.is_visible()
    assert "at least 50" in reason.locator(".measured").first.inner_text()


def test_without_scripts_the_tables_say_it(browser: "Browser", page_file: Path) -> None:
    page = open_page(browser, page_file, 1280, java_script_enabled=False)
    assert not page.locator("#flow").is_visible() and not page.get_by_role("button", name="bytes").is_visible()
    assert "heuristics" in page.locator("section", has=page.locator("#funnel")).inner_text()


def test_fifty_thousand_reasons(browser: "Browser", tmp_path: Path) -> None:
    reasons = [Reason(f"own.reason {n}", "own", 50_000 - n, 10, 10**6) for n in range(50_000)]
    run = RunFile("many", True, 1, {}, [], [], {})
    file = tmp_path / "many.html"
    file.write_text(render(run, Contents(reasons=reasons)), "utf-8")
    assert file.stat().st_size < 1_500_000
    page = open_page(browser, file, 390)
    assert page.locator(".reason").count() == 500
    others = "and 49,500 others with 1,225,149,750 documents"
    assert others in page.content() and page.evaluate("window.trouble") == []


def test_a_run_of_which_nothing_is_known_yet() -> None:
    page = render(RunFile("new", False, 3, {}, [], ["documents"], {}), Contents())
    assert "not finished; to come: documents" in page and "Nothing is far from the others" in page
