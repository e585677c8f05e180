"""Exact duplicates dump after dump, each a run of its own."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from tests.engine import rows_of
from tests.stages.dedup_corpus import run_dump, words


def test_exact_duplicates_of_earlier_runs_by_text_and_address(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    texts = [" ".join(words(rng, 3)) for _ in range(60)]
    pages = [f"https://x.example/{number}" for number in range(80)]
    seen_urls: dict[str, tuple[str, str]] = {}
    seen_texts: dict[str, tuple[str, str]] = {}
    against: list[str] = []
    counts: dict[str | None, int] = defaultdict(int)
    for dump in ("d0", "d1", "d2", "d3"):
        documents: list[dict[str, Any]] = [
            {
                "id": f"{dump}-{row}",
                "text": texts[rng.integers(60)],
                "url": pages[rng.integers(80)] if row % 2 else None,
            }
            for row in range(50)
        ]
        result = run_dump(tmp_path, dump, documents, "exact_dedup", by=["url", "text"], against=against)
        prefixes = ("exact_dedup.url.earlier", "exact_dedup.earlier") if against else ()
        names = [f"{prefix}.{name}" for prefix in prefixes for name in ("run", "id")]
        rows = rows_of(result, ["id", "reason", *names])
        reasons = []
        own_urls: dict[str, tuple[str, str]] = {}
        own_texts: dict[str, tuple[str, str]] = {}
        for row, document in zip(rows, documents, strict=True):
            url, key = document["url"], (dump, document["id"])
            where: dict[str, Any] = dict.fromkeys(names)
            reason = None
            if url in seen_urls:
                reason = "exact_dedup.url_in_earlier_run"
                where |= dict(zip(names[:2], seen_urls[url], strict=True))
            elif url is not None and own_urls.setdefault(url, key) != key:
                reason = "exact_dedup.same_url"
            elif document["text"] in seen_texts:
                reason = "exact_dedup.in_earlier_run"
                where |= dict(zip(names[2:], seen_texts[document["text"]], strict=True))
            elif own_texts.setdefault(document["text"], key) != key:
                reason = "exact_dedup.duplicate"
            reasons.append(reason)
            counts[reason] += 1
            assert row == {"id": document["id"], "reason": reason, **where}
        # a round's index has what the round kept
        seen_urls |= own_urls
        seen_texts |= own_texts
        against.append(str(tmp_path / dump / "run"))
    assert len(counts) == 5 and min(counts.values()) >= 5
