"""A page and its translations keep the same blocks: what is kept doesn't rest on the words of one language."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from dspipe.kernels.html.page_arrays import END, START
from dspipe.stages.extract.main_content import find_main_content

PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{title}</title></head><body>
<header><a href="/">{home}</a><nav><ul>
<li><a href="/news">{news}</a></li><li><a href="/sport">{sport}</a></li><li><a href="/contact">{contact}</a></li>
</ul></nav></header>
<main><article><h1>{title}</h1>
<p>{p1}</p>
<p>{p2}</p>
<h2>{section}</h2>
<p>{p3}</p>
<ul><li>{item1}</li><li>{item2}</li><li>{item3}</li></ul>
<table><tr><th>{column1}</th><th>{column2}</th></tr><tr><td>2024</td><td>8200</td></tr><tr><td>2025</td><td>10400</td></tr>
</table>
<p>{p4}</p></article></main>
<aside class="related"><h3>{related}</h3><ul>
<li><a href="/1">{link1}</a></li><li><a href="/2">{link2}</a></li><li><a href="/3">{link3}</a></li></ul></aside>
<section class="comments" id="comments"><h3>{comments}</h3>
<div class="comment"><p>{comment1}</p></div><div class="comment"><p>{comment2}</p></div></section>
<footer><p>{rights}</p><ul><li><a href="/privacy">{privacy}</a></li><li><a href="/terms">{terms}</a></li></ul></footer>
</body></html>"""
KEPT = ("title", "p1", "p2", "section", "p3", "item1", "item2", "item3", "column1", "column2", "p4")
TRANSLATIONS = json.loads(Path(__file__).with_name("translations.json").read_text(encoding="utf-8"))
"""the parts of the page by language"""
LAYOUTS = {
    "semantic": PAGE,
    "of divs": re.sub(r"(</?)(header|nav|main|article|aside|section|footer)\b", r"\1div", PAGE),
}


def kept_parts(language: str, layout: str) -> list[str]:
    """The names of the parts of the page whose blocks are kept, numbers by themselves."""
    parts = TRANSLATIONS[language]
    page = LAYOUTS[layout].format(language=language, **parts)
    found = find_main_content(np.frombuffer(page.encode(), np.uint8))
    text, names = found.arrays.text.tobytes(), {part: name for name, part in parts.items()}
    blocks = [text[row[START] : row[END]].decode().strip() for row in found.arrays.blocks[found.keep]]
    return [names.get(block, block) for block in blocks]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_page_and_its_translations_keep_the_same_blocks(language: str, layout: str) -> None:
    assert kept_parts(language, layout) == kept_parts("en", layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_kept_is_the_article(layout: str) -> None:
    kept = kept_parts("en", layout)
    assert [name for name in kept if not name.isdigit()] == list(KEPT)
