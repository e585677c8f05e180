"""Who is a copy of whom: the curve, and plans that keep to it."""

import numpy as np
import pytest

from tools.crawl.plan import EXACT, NEAR, ORIGINAL, Curve, hosts_of, plan_crawl


def test_the_curve_goes_through_the_paper_s_ends() -> None:
    curve = Curve()
    assert curve.removed(1) == pytest.approx(0.222)
    assert curve.removed(91) == pytest.approx(0.898)
    shares = [curve.removed(dumps) for dumps in range(1, 92)]
    assert shares == sorted(shares)


def test_every_dump_repeats_and_recurs_as_the_curve_says() -> None:
    curve, size = Curve(), 5000
    crawl = plan_crawl(3, 4 * size, 4, curve, near=0.25, broken=0.01)
    seen = np.array([], np.int64)
    for number, dump in enumerate(crawl.dumps, 1):
        assert len(dump.page) == size
        assert 1 - len(np.unique(dump.page)) / size == pytest.approx(0.222, abs=1e-3)
        assert dump.repeat.sum() == size - len(np.unique(dump.page))
        seen = np.concatenate([seen, dump.page])
        assert 1 - len(np.unique(seen)) / len(seen) == pytest.approx(curve.removed(number), abs=1e-3)
    kinds = np.concatenate([dump.kind for dump in crawl.dumps])
    assert (kinds == ORIGINAL).sum() == len(crawl.original) == len(np.unique(seen))
    assert (kinds == NEAR).sum() / (kinds != ORIGINAL).sum() == pytest.approx(0.25, abs=0.02)
    assert np.array_equal(seen[crawl.original], np.arange(len(crawl.original)))
    assert (kinds[crawl.original] == ORIGINAL).all()
    assert (kinds == EXACT).any()
    assert not np.concatenate([dump.elsewhere for dump in crawl.dumps])[kinds != NEAR].any()


def test_few_hosts_have_most_pages() -> None:
    hosts = hosts_of(1, np.arange(100_000), 5000)
    sizes = np.sort(np.bincount(hosts, minlength=5000))[::-1]
    assert hosts.max() < 5000
    assert sizes[:50].sum() > 0.2 * 100_000
    assert sizes[2500:].sum() < 0.2 * 100_000
    assert sizes[0] < 0.02 * 100_000
