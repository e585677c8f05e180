"""Small domains put together."""

import numpy as np

from dspipe.stages.remix.epochs import Domain, Scores
from dspipe.stages.remix.settings import Tail
from dspipe.stages.remix.tail import merge_tail
from tests.stages.remix.domains import ALL, BOOKS, CODE, make_domain


def test_small_domains_have_one_name() -> None:
    assert merge_tail(ALL, None) == (ALL, {})
    domains, merged = merge_tail(ALL, Tail(min_tokens=200_000))
    assert [(domain.name, domain.tokens) for domain in domains] == [("other", 150_000), ("web", 1_000_000)]
    assert merged == {"books": "other", "code": "other"}
    assert (domains[0].bins == BOOKS.bins + CODE.bins).all() and domains[0].documents == 2000


def test_a_large_domain_of_that_name_takes_them_in() -> None:
    domains, merged = merge_tail([*ALL, make_domain("other", 300_000)], Tail(min_tokens=60_000))
    assert [(domain.name, domain.tokens) for domain in domains] == [
        ("books", 100_000),
        ("other", 350_000),
        ("web", 1_000_000),
    ]
    assert merged == {"code": "other"}
    assert merge_tail([make_domain("other", 1)], Tail(min_tokens=10))[1] == {}


def test_names_by_domain() -> None:
    tail = Tail(min_tokens=200_000, into={"books": "prose", "*": "rest"})
    assert merge_tail(ALL, tail)[1] == {"books": "prose", "code": "rest"}
    assert Tail(min_tokens=1, into={"books": "prose"}).name_of("code") == "other"
    assert tail.names == {"prose", "rest", "other"}


def test_their_quality_orders_become_one() -> None:
    def scored(name: str, bins: list[int], tokens: list[int]) -> Domain:
        scores = Scores(np.array(bins), len(bins), np.array(tokens, float))
        return Domain(name, len(bins), sum(tokens), np.array(tokens), scores)

    domains, _ = merge_tail([scored("a", [1, 5], [10, 20]), scored("b", [-3, 5, 9], [1, 2, 3])], Tail(min_tokens=100))
    (other,) = domains
    assert other.scores is not None and other.scores.bins.tolist() == [-3, 1, 5, 9]
    assert other.bins.tolist() == [1, 10, 22, 3] and (other.documents, other.scores.scored) == (5, 5)
