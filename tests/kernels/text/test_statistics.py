"""The statistics against a few plain lines that say the same thing slowly.

With them are tested kernels/text/statistics_pass.py, statistic_columns.py, duplicate_lines.py and line_scan.py, which
have no results of their own.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.jit import INTERPRETED
from dspipe.kernels.text.statistic_columns import COUNTS, SHARES
from dspipe.kernels.text.statistics import LineSettings, text_statistics
from dspipe.kernels.text.stop_words import make_stop_words
from dspipe.kernels.text.unicode_classes import LETTER, SYMBOL, TERMINAL, character_classes
from tests.kernels.text.test_word_tokens import tokens

STOP_WORDS = {"en": ["the", "be", "to", "of", "and", "that", "have", "with"], "zh": ["的", "是", "我们"]}
EXAMPLES = 20 if INTERPRETED else 300


def statistics(
    texts: list[str], languages: list[int] | None = None, lines: LineSettings | None = None
) -> list[dict[str, float]]:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    known = np.array(languages or [-1] * len(texts), np.int16)
    found = text_statistics(data, offsets, make_stop_words(STOP_WORDS, ["latin", "han"]), known, lines)
    return [
        dict(zip(COUNTS, map(int, counts), strict=True)) | dict(zip(SHARES, map(float, shares), strict=True))
        for counts, shares in zip(found.counts, found.shares, strict=True)
    ]


def duplicates(parts: list[str]) -> tuple[int, int]:
    before, count, characters = set(), 0, 0
    for part in parts:
        if part in before:
            count, characters = count + 1, characters + len(part)
        before.add(part)
    return count, characters


def expected(text: str, by_tokens: bool) -> dict[str, float]:
    """Gopher's and FineWeb's statistics of a text in Latin script."""
    table, words, size = character_classes(), tokens(text) if by_tokens else text.split(), len(text)
    real = [word for word in words if any(not table.of(c) & SYMBOL for c in word)] if by_tokens else words
    lines, parts = text.splitlines(), re.split("\n+", text)
    paragraphs = re.split("\n{2,}", text.strip())
    filled = [line for line in text.split("\n") if line.strip()]
    share: dict[str, float] = {"characters": size, "words": len(real)}
    share["mean_word_length"] = sum(map(len, real)) / max(1, len(real))
    share["hashes_per_word"] = text.count("#") / max(1, len(words))
    share["ellipses_per_word"] = (text.count("...") + text.count("…")) / max(1, len(words))
    share["bullet_lines"] = sum(line.lstrip().startswith(("•", "-")) for line in lines) / max(1, len(lines))
    share["ellipsis_lines"] = sum(line.rstrip().endswith(("...", "…")) for line in lines) / max(1, len(lines))
    share["alphabetic_words"] = sum(any(table.of(c) & LETTER for c in w) for w in words) / max(1, len(words))
    count, characters = duplicates(parts)
    share["duplicate_lines"] = count / len(parts) if text else 0
    share["duplicate_line_characters"] = characters / max(1, size)
    count, characters = duplicates(paragraphs)
    share["duplicate_paragraphs"] = count / len(paragraphs)
    share["duplicate_paragraph_characters"] = characters / max(1, size)
    for n in (2, 3, 4):
        grams = Counter(" ".join(words[i : i + n]) for i in range(len(words) - n + 1))
        gram, times = grams.most_common(1)[0] if grams else ("", 0)
        share[f"top_{n}_gram"] = len(gram) * times / max(1, size)
    for n in range(5, 11):
        before, i, repeated = set(), 0, 0
        while i + n <= len(words):
            window = tuple(words[i : i + n])
            repeated += sum(map(len, window)) if window in before else 0
            i += n if window in before else 1
            before.add(window)
        share[f"duplicate_{n}_grams"] = repeated / max(1, size)
    share["terminal_lines"] = sum(bool(table.of(line[-1]) & TERMINAL) for line in filled) / max(1, len(filled))
    share["short_lines"] = sum(len(line) <= 30 for line in filled) / max(1, len(filled))
    share["duplicate_text_line_characters"] = duplicates(filled)[1] / max(1, size - text.count("\n"))
    share["newlines_per_word"] = text.count("\n") / max(1, len(tokens(text))) if words else 0
    return share


def assert_as_expected(text: str) -> None:
    for by_tokens in (True, False):
        (found,) = statistics([text], lines=LineSettings(by_tokens=by_tokens))
        for name, value in expected(text, by_tokens).items():
            assert found[name] == pytest.approx(value, rel=1e-6), (name, by_tokens, text)


WORDS = "the end of it, a don't #tag ... - • naïve Привет “so” (x) 3.5kg e.g. U.S. a\x00b u\u0301"
words = st.sampled_from(WORDS.split(" "))
gaps = st.sampled_from(
    [" ", " ", " ", "  ", "\n", "\n", "\n\n", "\r\n", "\t", "\u2028", "\x0b", "\x85", "\u00a0", ".\n", "\n \n"]
)


@given(st.lists(st.tuples(words, gaps), max_size=120).map(lambda pairs: "".join(a + b for a, b in pairs)))
@settings(max_examples=EXAMPLES, deadline=None)
@example("\n")
@example("\n\nthe end\n\n")
@example("a\r\na\r\n")
@example("the end of it the end of it the end of it the end of it the end of it")
def test_statistics_are_what_the_plain_lines_say(text: str) -> None:
    assert_as_expected(text)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=8))
@settings(max_examples=EXAMPLES // 4, deadline=None)
def test_a_document_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    assert statistics(texts) == [statistics([text])[0] for text in texts]


def test_stop_words_are_of_the_language() -> None:
    text = "The lay of the land, and that is all. 我们是的"
    english, chinese, unlisted, unknown = statistics([text] * 4, [0, 1, -2, -1])
    assert (english["stop_words"], unlisted["stop_words"], unknown["stop_words"]) == (4, -1, 4)
    assert chinese["stop_words"] == 4  # of the language with most: the document is in Latin script
    assert statistics(["我们是好的朋友"], [1])[0]["stop_words"] == 3


def test_stop_words_of_a_script_without_a_list_are_not_asked_for() -> None:
    assert [found["stop_words"] for found in statistics(["ሰው ልጅ ቤት ውሃ", "ქალაქი და სახლი", "12 34", "дом и сад"])] == [
        -1, -1, 0, -1
    ]  # fmt: skip


def test_stop_words_are_found_with_vowel_signs_and_without() -> None:
    data, offsets = text_buffers(pa.array(["مِنْ البَيْتِ إِلَى", "من البيت إلى", "הַבַּיִת שֶׁל", "الـى مـن"], pa.large_string()))
    words = make_stop_words({"ar": ["من", "إلى", "مِن"], "he": ["של", "הוּא"]}, ["arabic", "hebrew"])
    found = text_statistics(data, offsets, words, np.full(4, -1, np.int16)).counts[:, COUNTS.index("stop_words")]
    assert found.tolist() == [3, 3, 1, 2]


def test_words_between_white_space_and_letters() -> None:
    """A comma between Chinese characters is no word, one between spaces is; figures are words without a letter."""
    by_words = LineSettings(by_tokens=False)
    texts = ["word, (12) - e.g. | don't", "我们，2024年。 | 好", "ไทย 12 ไทย, ไทย"]
    latin, han, thai = statistics(texts, lines=by_words)
    assert latin["words"] == 6 and latin["alphabetic_words"] == pytest.approx(3 / 6)
    assert han["words"] == int(4 / 1.5 + 2) and han["alphabetic_words"] == pytest.approx(4 / 1.5 / (4 / 1.5 + 2))
    assert thai["alphabetic_words"] == pytest.approx(9 / 4 / (9 / 4 + 1))
    # word , ( 12 ) - e.g. | do n't
    assert statistics(texts)[0]["words"] == 5 and statistics(texts)[0]["alphabetic_words"] == pytest.approx(4 / 10)


def test_n_grams_are_of_words_in_spaced_scripts() -> None:
    text = "(a) [b] (a) [b] (a) [b] c"
    by_words, by_tokens = statistics([text], lines=LineSettings(by_tokens=False)) + statistics([text])
    assert by_words["top_2_gram"] == pytest.approx(3 * 7 / len(text))
    assert by_tokens["top_2_gram"] == pytest.approx(3 * 3 / len(text))


def test_broken_bytes_are_judged_and_nothing_is_read_beyond_them() -> None:
    rng = np.random.default_rng(3)
    for _ in range(5 if INTERPRETED else 300):
        data = rng.integers(0, 256, rng.integers(0, 300), dtype=np.uint8)
        offsets = np.sort(np.concatenate([[0, len(data)], rng.integers(0, len(data) + 1, 4)])).astype(np.int64)
        found = text_statistics(data, offsets, make_stop_words(STOP_WORDS, ["latin", "han"]), np.full(5, -1, np.int16))
        assert np.isfinite(found.shares).all()


@pytest.mark.skipif(INTERPRETED, reason="long documents take too long uncompiled")
@pytest.mark.parametrize(
    "text",
    [
        "a" * 5_000_000,
        "!" * 5_000_000,
        "the end of it. " * 300_000,
        "a\n" * 1_000_000,
        "中" * 1_500_000,
        "\n" * 3_000_000,
    ],
    ids=["one word", "one run of punctuation", "one line", "many lines", "one line of Chinese", "no line"],
)
def test_a_long_document_is_measured_in_bounded_memory(text: str) -> None:
    resource = pytest.importorskip("resource")
    statistics(["warm up."])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (found,) = statistics([text])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert found["characters"] == len(text)
    assert grown < 150_000, f"{grown} KiB for a document of {len(text)} characters"


@pytest.mark.skipif(INTERPRETED, reason="many documents take too long uncompiled")
def test_many_tiny_documents() -> None:
    found = statistics(["", "A few words in a tiny document, and no more than that."] * 50_000)
    assert found[-1] == found[1] and found[0]["words"] == 0 and found[1]["words"] == 12


def test_the_kernel_says_the_same_uncompiled() -> None:
    texts = ["The end.\n\nThe end. Don't! 我们是的。", "", "ab\r\n" * 9, "e.g. {x} [1] ... lorem ipsum."]
    program = f"from tests.kernels.text.test_statistics import statistics; print(statistics({texts!r}))"
    answers = [
        subprocess.check_output(
            [sys.executable, "-c", program],
            env=os.environ | {"NUMBA_DISABLE_JIT": disabled},
            cwd=Path(__file__).parents[3],
            text=True,
        )
        for disabled in ("0", "1")
    ]
    assert answers[0] == answers[1] != ""
