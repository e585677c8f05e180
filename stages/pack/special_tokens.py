"""The special tokens that packing writes, found in the tokenizer by their names."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.pack import tokenizer_json as tokenizer_file
from dspipe.stages.pack.fim import find_sentinels
from dspipe.stages.pack.settings import RowSettings


@dataclass(frozen=True)
class Special:
    """The ids that packing adds; begin is -1 where no begin token is wanted."""

    end: int
    begin: int
    pad: int
    sentinels: npt.NDArray[np.int64]

    @property
    def around(self) -> int:
        """How many tokens are put around each document."""
        return 2 if self.begin >= 0 else 1


def find_special(config: RowSettings, tokenizer: bytes) -> Special:
    """The ids in a tokenizer.json of the tokens that the config wants. Raises ConfigError for one that isn't there."""
    added, _ = tokenizer_file.added_tokens(tokenizer)

    def find(key: str, name: str | None, usual: tuple[str, ...]) -> int:
        try:
            return tokenizer_file.find_token(added, (name,) if name else usual)
        except KeyError as error:
            raise ConfigError(str(error.args[0]), (key,)) from None

    end = find("end_token", config.end_token, tokenizer_file.END)
    begin = find("begin_token", config.begin_token, tokenizer_file.BEGIN) if config.begin else -1
    pads = [name for name in tokenizer_file.PAD if name in added]
    pad = find("pad_token", config.pad_token, tokenizer_file.PAD) if config.pad_token or pads else end
    sentinels = np.empty(0, np.int64)
    if config.fill_in_the_middle is not None:
        try:
            sentinels = find_sentinels(added, config.fill_in_the_middle.tokens)
        except KeyError as error:
            raise ConfigError(str(error.args[0]), ("fill_in_the_middle", "tokens")) from None
    return Special(end, begin, pad, sentinels)
