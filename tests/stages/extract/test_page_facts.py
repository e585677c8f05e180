"""What pages say of themselves."""

import numpy as np
import pytest

from dspipe.kernels.html.page_scan import scan_page
from dspipe.stages.extract.page_facts import PageFacts, page_facts


def facts(page: str) -> PageFacts:
    data = page.encode()
    return page_facts(data, scan_page(np.frombuffer(data, np.uint8)).spans)


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<title>\n A &lt;b&gt;\n c </title>", "A <b> c"),
        ("<title></title><meta property=og:title content='Shared'>", "Shared"),
        ("<title>First</title><svg><title>icon</title></svg>", "First"),
        ("<p>no title", None),
        ("<title>" + "x" * 5000 + "</title>", None),
    ],
)
def test_titles(page: str, title: str | None) -> None:
    assert facts(page).title == title


@pytest.mark.parametrize(
    ("page", "date"),
    [
        ("<meta property=article:published_time content=2024-05-06T07:08:09+02:00>", "2024-05-06"),
        ("<meta name=date content='2019/01/31'>", "2019-01-31"),
        ("<meta name=DC.date content=20190131>", "2019-01-31"),
        ("<time datetime='2020-02-03 10:00'>yesterday</time><time datetime=2021-01-01>", "2020-02-03"),
        ("<time datetime=2020-02-03>x</time><meta itemprop=datePublished content=2018-01-02>", "2018-01-02"),
        ("<time datetime=2020-02-03>x</time><time itemprop=datePublished datetime=2018-01-02>x</time>", "2018-01-02"),
        ('<script type="application/ld+json">{"datePublished": "2017-06-05", "x": 1}</script>', "2017-06-05"),
        ("<time datetime=PT10M>ten minutes</time>", None),
        ("<meta name=date content=2019-13-31>", None),
        ("<p>2020-01-01", None),
    ],
)
def test_dates(page: str, date: str | None) -> None:
    assert facts(page).date == date


@pytest.mark.parametrize(
    ("page", "language"),
    [
        ("<html lang=zh-CN>", "zh-CN"),
        ("<HTML class=x LANG='de'>", "de"),
        ("<html lang=''>", None),
        ("<html lang='not a language'>", None),
        ("<p lang=fr>", None),
    ],
)
def test_languages(page: str, language: str | None) -> None:
    assert facts(page).language == language


def test_addresses() -> None:
    assert facts("<link rel=canonical href='https://a.example/?b=1&amp;c=2'>").canonical == "https://a.example/?b=1&c=2"
    assert facts("<link rel=stylesheet href=x.css>").canonical is None


@pytest.mark.parametrize(
    ("script", "types"),
    [
        ('{"@type": "Product", "offers": {"@type":"Offer"}}', {"product": 1}),
        (
            '[{"@type": ["Article", "NewsArticle"]}, {"@type" : "WebPage"}]',
            {"article": 1, "newsarticle": 1, "webpage": 1},
        ),
        ('{"@type": ', {}),
        ('{"@type": 5}', {}),
    ],
)
def test_types_in_json_ld_are_counted(script: str, types: dict[str, int]) -> None:
    from dspipe.kernels.html.tags import PAGE_TYPES

    page = f'<script type="application/ld+json">{script}</script>'.encode()
    counts = scan_page(np.frombuffer(page, np.uint8)).types
    assert {name: int(n) for name, n in zip(PAGE_TYPES, counts, strict=True) if n} == types
