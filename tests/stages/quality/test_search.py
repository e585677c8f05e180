from collections import Counter

import numpy as np
import pytest

from dspipe.stages.quality.measures import Float64
from dspipe.stages.quality.search import LARGE, SMALL, Choice, Given, choose, list_first, scale_up

OPEN = Given(None, None, None, None, 2, None, None)
WORDS = Counter({"a": 5, "bc": 2})


def table(values: dict[tuple[float, int, int], float], asked: list[Choice], noise: float = 0.0) -> object:
    """Losses by rate, epochs and dim, and what is asked for."""

    def losses_of(choice: Choice) -> Float64:
        asked.append(choice)
        base = np.full(100, values.get((choice.learning_rate, choice.epochs, choice.dim), 0.69))
        return base + noise * np.random.default_rng(len(asked)).normal(size=100)

    return losses_of


def chosen(values: dict[tuple[float, int, int], float], given: Given = OPEN, noise: float = 0.0) -> tuple[Choice, int]:
    asked: list[Choice] = []
    losses_of = table(values, asked, noise)
    return choose(given, list_first(given, WORDS, 1.0), losses_of), len(asked)  # type: ignore[arg-type]


def test_the_least_loss_is_chosen() -> None:
    best, tried = chosen({(0.5, 25, 16): 0.4, (1.0, 25, 16): 0.2})
    assert (best.learning_rate, best.epochs, best.dim, best.buckets) == (1.0, 25, *SMALL)
    assert tried == 6


def test_settings_that_are_as_good_are_not_changed_for() -> None:
    best, _ = chosen({(0.5, 5, 16): 0.3, (0.5, 25, 16): 0.299, (0.5, 60, 16): 0.298})
    assert best.epochs == 5


@pytest.mark.parametrize(("loss", "noise", "larger"), [(0.2, 0.0, True), (0.298, 0.0, False), (0.29, 1.0, False)])
def test_a_larger_model_must_pay(loss: float, noise: float, larger: bool) -> None:
    best, _ = chosen({(0.5, 5, 16): 0.3, (0.5, 5, 64): loss}, Given(0.5, 5, None, None, 2, None, None), noise)
    assert (best.dim, best.buckets) == (LARGE if larger else SMALL)


def test_nothing_more_is_tried_where_the_model_is_certain() -> None:
    assert chosen({(0.5, 5, 16): 0.004})[1] == 1


def test_what_is_given_is_kept() -> None:
    given = Given(0.3, None, 10, 2000, 1, False, 4)
    for choice in list_first(given, WORDS, 1.0):
        assert (choice.learning_rate, choice.dim, choice.buckets, choice.min_count) == (0.3, 10, 2000, 4)
    assert len(list_first(given, WORDS, 1.0)) == 3  # 5, 25 and 60 epochs
    best, tried = chosen({}, Given(0.3, 7, 10, 2000, 1, None, None))
    assert tried == 0 and best.epochs == 7


def test_words_with_vectors_are_few_and_more_are_asked_of_more_text() -> None:
    counts = Counter({f"{number}": 2 + 60_000 // (number + 1) for number in range(60_000)})
    (first, *_) = list_first(OPEN, counts, 1.0)
    assert sum(count >= first.min_count for count in counts.values()) <= 50_000
    assert list_first(OPEN, counts, 0.1)[0].min_count == 10 * first.min_count
    assert list_first(OPEN, WORDS, 1.0)[0].min_count == 2


def test_character_ngrams_where_there_are_no_blanks() -> None:
    assert not list_first(OPEN, Counter({"hello": 9}), 1.0)[0].subwords
    assert list_first(OPEN, Counter({"深度学习是机器学习的一个分支": 9}), 1.0)[0].subwords


def test_as_many_steps_on_all_documents_as_on_a_share() -> None:
    choice = list_first(OPEN, WORDS, 1.0)[1]
    assert [scale_up(choice, OPEN, share).epochs for share in (1.0, 0.5, 0.01)] == [25, 12, 3]
    assert scale_up(choice, Given(None, 25, None, None, 2, None, None), 0.1).epochs == 25
