"""The special tokens that packing writes, found in the tokenizer by their names."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.errors import UnfitSettingError
from dspipe.stages.pack.settings import RowSettings
from dspipe.stages.pack.tokenizer_json import BEGIN, END, FIM_SENTINELS, PAD, AddedTokens, find_token, read_added_tokens


@dataclass(frozen=True)
class SpecialTokens:
    """The ids that packing adds."""

    end: int
    begin: int
    """-1 where no begin token is wanted"""
    pad: int
    sentinels: npt.NDArray[np.int64]
    """before prefix, suffix and middle; empty without fill-in-the-middle"""

    @property
    def tokens_added_per_document(self) -> int:
        """How many tokens stand before and behind each document."""
        return 2 if self.begin >= 0 else 1


def find_special_tokens(config: RowSettings, tokenizer: bytes) -> SpecialTokens:
    """The ids in a tokenizer.json of the tokens the config wants. Raises UnfitSettingError where one is missing."""
    return choose_special_tokens(config, read_added_tokens(tokenizer)[0])


def choose_special_tokens(config: RowSettings, added: AddedTokens) -> SpecialTokens:
    """The ids, among added tokens, of those the config wants. Raises UnfitSettingError where one is missing."""

    def find(key: tuple[str, ...], name: str | None, usual: Sequence[str]) -> int:
        try:
            return find_token(added, (name,) if name else usual)
        except KeyError as error:
            raise UnfitSettingError(str(error.args[0]), key) from None

    end = find(("end_token",), config.end_token, END)
    begin = find(("begin_token",), config.begin_token, BEGIN) if config.begin else -1
    has_pad = bool(config.pad_token) or any(name in added for name in PAD)
    pad = find(("pad_token",), config.pad_token, PAD) if has_pad else end
    sentinels: list[int] = []
    if config.fill_in_the_middle is not None:
        names = config.fill_in_the_middle.tokens or (None, None, None)
        key = ("fill_in_the_middle", "tokens")
        sentinels = [find(key, name, usual) for name, usual in zip(names, FIM_SENTINELS, strict=True)]
    return SpecialTokens(end, begin, pad, np.array(sentinels, np.int64))
