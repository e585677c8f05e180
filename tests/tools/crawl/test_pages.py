"""Main text and its near-duplicates: what is said of their similarity is so."""

import numpy as np

from tests.tools.crawl.made import SHARES, sentences
from tools.crawl.draws import key
from tools.crawl.pages import count_sentences, write_main
from tools.crawl.sentences import Pool, make_pools

POOLS = make_pools((language, "\n".join(sentences(language, 5500))) for language in SHARES)


def shingles(paragraphs: list[str], pool: Pool) -> set[tuple[str, ...]]:
    units = " ".join(paragraphs).split() if pool.spaced else list("".join(paragraphs))
    return {tuple(units[i : i + 5]) for i in range(len(units) - 4)}


def test_a_page_is_always_the_same_and_no_other() -> None:
    pool = POOLS["en"]
    assert write_main(1, 7, pool) == write_main(1, 7, pool)
    texts = {"\n".join(write_main(1, page, pool).paragraphs) for page in range(300)}
    assert len(texts) == 300


def test_a_near_duplicate_is_as_much_alike_as_it_says() -> None:
    for pool in POOLS.values():
        errors = []
        for page in range(150):
            original, changed = write_main(1, page, pool), write_main(1, page, pool, 10_000 + page)
            before, after = shingles(original.paragraphs, pool), shingles(changed.paragraphs, pool)
            assert original.alike == 1
            assert changed.paragraphs != original.paragraphs
            errors.append(changed.alike - len(before & after) / len(before | after))
        # a changed word stands at a sentence's end, two changed words stand side by side: fewer shingles than counted
        assert np.abs(np.mean(errors)) < 0.03
        assert np.mean(np.abs(errors)) < 0.05


def test_sizes_have_a_heavy_tail() -> None:
    sizes = np.array([count_sentences(1, page) for page in range(20_000)])
    assert sizes.min() >= 4
    assert 13 <= np.median(sizes) <= 19
    largest = np.sort(sizes)[-200:]
    assert largest.sum() > 0.1 * sizes.sum()
    assert largest[-1] > 50 * np.median(sizes)


def test_pages_of_other_seeds_are_others() -> None:
    assert key(1, 4, 3) != key(2, 4, 3)
    assert write_main(1, 3, POOLS["zh"]) != write_main(2, 3, POOLS["zh"])
