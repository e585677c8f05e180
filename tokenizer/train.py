"""Training a vocabulary from word counts."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Thread

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.symbols import MAX_POSITIONS
from dspipe.kernels.bpe.train import train_merges
from dspipe.tokenizer.arrays import Bytes, Offsets
from dspipe.tokenizer.byte_alphabet import CHARACTER_OF, ID_OF, to_text
from dspipe.tokenizer.counting import WordCounts

POLL_SECONDS = 0.2
BYTES_PER_POSITION = 5
"""Of memory: a position (kernels.bpe.symbols) is a byte of a distinct word, or the border after it. 4.5 to 5.1 were
measured, beside the program's own 250 MB."""


def max_positions(memory: int) -> int:
    """How many positions may be trained on in so many bytes of memory."""
    return min(memory // BYTES_PER_POSITION, MAX_POSITIONS * 49 // 50)


class TrainingError(Exception):
    """Settings or words that no vocabulary can be trained from; the message says why."""


@dataclass(frozen=True)
class Trained:
    """A trained vocabulary: the 256 bytes have the ids 0 to 255, row r of `merges` makes id 256 + r."""

    merges: npt.NDArray[np.int32]
    """rows (left id, right id)"""
    counts: npt.NDArray[np.int64]
    """how often each pair was seen when it was merged; never rises"""

    def tokens(self) -> list[bytes]:
        """The bytes of every id."""
        tokens = [bytes([byte]) for byte in sorted(range(256), key=ID_OF.__getitem__)]
        for left, right in self.merges.tolist():
            tokens.append(tokens[left] + tokens[right])
        return tokens

    def vocabulary(self) -> dict[str, int]:
        """The vocabulary as tokenizer.json writes it."""
        return {to_text(token): number for number, token in enumerate(self.tokens())}


def train(
    words: WordCounts | Iterable[WordCounts],
    vocab: int,
    min_count: int = 2,
    progress: Callable[[int], None] | None = None,
) -> Trained:
    """A vocabulary of up to `vocab` tokens, bytes included, with the merges of Hugging Face's trainer in its order.

    words: all of them, or parts, which are gone through more than once, one after the other, and need not be in memory.
    min_count: pairs seen fewer times are not merged. progress: called now and then with the number of merges done.
    There are fewer tokens than asked for when no such pair is left. Raises TrainingError.
    """
    if vocab < len(CHARACTER_OF):
        raise TrainingError(f"a vocabulary of {vocab} tokens is smaller than the 256 bytes that it must hold")
    if min_count < 1:
        raise TrainingError(f"min_count is {min_count}; it must be at least 1")
    parts = [words] if isinstance(words, WordCounts) else words
    if not any(len(part) for part in parts):
        raise TrainingError("there is no text to train on")
    done = np.zeros(1, np.int64)
    results: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            results.append(train_merges(_Arrays(parts), np.array(ID_OF, np.int64), vocab - 256, min_count, done))
        except Exception as error:
            errors.append(error)

    worker = Thread(target=work, daemon=True)
    worker.start()
    while worker.is_alive():
        if progress is not None:
            progress(int(done[0]))
        worker.join(POLL_SECONDS)
    for error in errors:
        raise TrainingError(str(error)) if isinstance(error, ValueError) else error
    if progress is not None:
        progress(int(done[0]))
    return Trained(*results[0])


class _Arrays:
    """Parts as the kernels take them, as often as they are asked for."""

    def __init__(self, parts: Iterable[WordCounts]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[tuple[Bytes, Offsets, Offsets]]:
        for part in self._parts:
            yield part.data, part.offsets, part.counts
