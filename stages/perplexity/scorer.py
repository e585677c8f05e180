"""Perplexity of one text under a KenLM model, in the form of text that CCNet's models read."""

import sys
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from dspipe.pipeline.errors import ConfigError

Change = Literal["lower", "accents", "digits", "punctuation"]
_SYMBOLS = frozenset({"<s>", "</s>", "<unk>"})
"""what a model has for the ends of sentences and for unknown words; in a text they are left out, as in training
(KenLM's lmplz --skip_symbols)"""
_LARGEST = 1e30
"""perplexities are cut there: that of words which a model gives no probability at all has no float32"""


class Scorer:
    """A language's model with the form of text that it reads. Raises ConfigError for files of another kind."""

    def __init__(self, model: Path, pieces: Path | None, normalize: tuple[Change, ...]) -> None:
        kenlm = import_extra("kenlm")
        reading = kenlm.Config()
        # mapped, so that the machine's workers share it; what is never asked for is never read
        reading.load_method = kenlm.LoadMethod.LAZY
        reading.show_progress, reading.arpa_complain = False, kenlm.ARPALoadComplain.NONE
        try:
            self.model = kenlm.Model(str(model), reading)
        except (OSError, RuntimeError) as error:
            raise ConfigError(f"{model}: not a KenLM model: {error}", ("models",)) from error
        self.normalize = normalize
        self.units: Callable[[str], list[str]] = str.split
        if pieces is not None:
            try:
                self.units = (
                    import_extra("sentencepiece").SentencePieceProcessor(model_file=str(pieces)).encode_as_pieces
                )
            except (OSError, RuntimeError) as error:
                raise ConfigError(f"{pieces}: not a SentencePiece model: {error}", ("sentencepiece",)) from error

    def perplexity(self, text: str) -> float | None:
        """10 to the mean negative log10 probability of a text's units and line ends, each line a sentence; None where
        no line has a unit. CCNet takes a document without its line breaks for one sentence."""
        score, count = 0.0, 0
        for line in text.split("\n"):
            units = [unit for unit in self.units(normalized(line, self.normalize)) if unit not in _SYMBOLS]
            if units:
                score += self.model.score(" ".join(units))
                count += len(units) + 1
        if count == 0:
            return None
        exponent = -score / count
        return 10.0**exponent if exponent < 30 else _LARGEST


def normalized(line: str, changes: tuple[Change, ...]) -> str:
    """A line as CCNet's models read it (cc_net, text_normalizer.normalize), with those of its `changes`."""
    line = line.strip()
    if "lower" in changes:
        line = line.lower()
    if "accents" in changes and not line.isascii():
        line = unicodedata.normalize("NFD", line)
    return line.translate(_replacements(changes))


@lru_cache
def _replacements(changes: tuple[Change, ...]) -> dict[int, str | None]:
    """str.translate's table."""
    table: dict[int, str | None] = dict.fromkeys([*range(32), *range(127, 160)])
    every = range(sys.maxunicode + 1)
    if "accents" in changes:
        table |= dict.fromkeys(code for code in every if unicodedata.category(chr(code)) == "Mn")
    if "digits" in changes:
        table |= {code: "0" for code in every if unicodedata.category(chr(code)) == "Nd"}
    if "punctuation" in changes:
        ascii_forms = zip("，。、∶：？！（）；～％【】〈〉–━►´’", ",.,::?!();~%[]<>---''", strict=True)
        table |= {ord(mark): form for mark, form in ascii_forms}
        table |= {ord(quote): '"' for quote in "„“”«»「」《》"}
        table |= {ord("—"): " - ", ord("．"): ". ", ord("…"): "..."}
    return table


def import_extra(package: str) -> Any:
    """A package of the extra `kenlm`. Raises ConfigError where it is missing."""
    import importlib

    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ConfigError(f"the package {package} is missing: pip install 'dspipe[kenlm]'") from error
