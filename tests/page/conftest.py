"""A run with something of everything, whose documents try to be scripts; and a browser."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine import run_inline

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SCRIPT = "</script><script>window.ran=1</script><img src=x onerror=window.ran=2><svg/onload=window.ran=3>"
CONTROLS = "\x1b]0;t\x07\x9b1m\u202egnp.exe\u2066\u2028\u2029<!--<script>"
HOSTILE = f"{SCRIPT}{CONTROLS}{{{{7*7}}}}'\"`&amp;"
WORDS = [
    "the",
    "be",
    "to",
    "of",
    "and",
    "that",
    "have",
    "with",
    "this",
    "but",
    "his",
    "by",
    "from",
    "they",
    "we",
    "say",
]


def write_documents(folder: Path) -> None:
    """In two dumps 30 documents of their own each, 6 copies, 6 near-copies, 8 that are short; and a bad record."""
    random, folder_of = Random(3), {dump: folder / dump for dump in ("2024-10", "2024-18")}
    texts: list[str] = []
    for dump, target in folder_of.items():
        target.mkdir(parents=True)
        own = [f"{' '.join(random.choices(WORDS, k=120))} {HOSTILE} {n} {dump}." for n in range(30)]
        near = [text.replace(" to ", " for ", 2) for text in own[6:12]]
        every = [*own, *(own[:6]), *near, *(f"few words {HOSTILE} {n} {dump}" for n in range(8)), *texts[:5]]
        rows = [
            {
                "id": f"{dump}/{n} {HOSTILE}",
                "url": f"http://host{n % 3}.example/{n}{HOSTILE}",
                "text": text,
                "domain": f"domain {n % 2} {HOSTILE}",
                "language": "en",
            }
            for n, text in enumerate(every)
        ]
        lines = [*(json.dumps(row) for row in rows), f"no JSON {HOSTILE}"]
        (target / "a.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
        texts = own


def config_of(folder: Path) -> dict[str, Any]:
    """A config over these documents."""
    return {
        "name": "run",
        "output": str(folder / "out"),
        "engine": {"kind": "inline", "max_quarantined": 0.5},
        "sources": [
            {"name": dump, "format": "jsonl", "path": str(folder / "in" / dump / "*.jsonl"), "dump": dump}
            for dump in ("2024-10", "2024-18")
        ],
        "stages": [
            {"heuristics": {"rules": ["gopher"], "gopher": {"max_mean_word_length": 30, "min_words": 50}}},
            {"exact_dedup": {}},
            {"minhash": {"threshold": 0.6}},
            {"remix": {"by": "source", "temperature": 2, "max_epochs": 2}},
            {"tokenizer": {"train": {"vocab": 400, "special": 3, "pad_to": 512, "sample_bytes": 1e6}}},
        ],
    }


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a finished run, which nobody changes."""
    folder = tmp_path_factory.mktemp("page")
    write_documents(folder / "in")
    run_inline(config_of(folder))
    return folder / "out"


@pytest.fixture(scope="module")  # its event loop would be in the way of other modules
def browser() -> "Iterator[Browser]":
    """Chromium without a window; skips where it or playwright isn't there."""
    api = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()
