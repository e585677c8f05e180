"""Fill-in-the-middle with cuts at characters: the parts of a document are encoded anew, each by itself.

Cuts at tokens never fall within a word that is one token, so a model would never see the beginning of a word before a
gap. Here a cut may stand anywhere in the text, as in the paper that proposed it (Bavarian et al. 2022): evenly over its
bytes, moved back to the beginning of a character. The parts' tokens joined are no longer the document's own, but they
decode to it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers, text_column
from dspipe.pipeline.errors import UnfitSettingError
from dspipe.pipeline.tasks.artifact_file import ArtifactFile
from dspipe.stages.pack.fim import plan_layout
from dspipe.stages.pack.settings import FillInTheMiddle
from dspipe.tokenizer.encoder import AnyEncoder, load

Int64 = npt.NDArray[np.int64]
_PART_BYTES = 16 << 20
"""of text that is encoded at a time"""


@dataclass(frozen=True)
class Rearranged:
    """Documents with cuts at characters. `tokens` are their ids as bytes (large_binary), `layout` uint8[n] and `cuts`
    int64[n, 2] as in `stages.pack.fim.Layout`, in tokens."""

    tokens: pa.Array
    layout: npt.NDArray[np.uint8]
    cuts: Int64


class CharacterCuts:
    """Cuts documents at characters, with the run's tokenizer."""

    def __init__(self, settings: FillInTheMiddle, tokenizer: ArtifactFile) -> None:
        """Raises UnfitSettingError for a tokenizer that doesn't give back what it has encoded."""
        self._settings = settings
        self._encoder = _load_once(tokenizer.sha256, tokenizer.path())
        if self._encoder.engine != "dspipe":
            message = f"asks for byte-level BPE that dspipe's kernels run; {self._encoder.engine}"
            raise UnfitSettingError(message, ("fill_in_the_middle", "cuts"))

    def rearrange(
        self, keys: npt.NDArray[np.uint64], domains: pa.Array, texts: pa.Array, tokens: pa.Array, width: int
    ) -> Rearranged:
        """Cut documents with these order keys, domains (string), texts, and tokens of `width` bytes each
        (large_binary); those that aren't chosen keep their tokens."""
        texts = texts.cast(pa.large_string())
        _, offsets = text_buffers(texts)
        codes = domains.dictionary_encode()
        numbers = codes.indices.to_numpy().astype(np.int32)
        planned = plan_layout(self._settings, keys, np.diff(offsets), numbers, codes.dictionary.to_pylist())
        chosen = np.flatnonzero(planned.layout)
        cuts = np.zeros((len(keys), 2), np.int64)
        made = []
        for rows in _in_parts(chosen, offsets):
            data, bounds = text_buffers(texts.take(pa.array(rows)))
            starts = bounds[:-1, None] + np.pad(planned.cuts[rows], ((0, 0), (1, 0)))
            starts = _character_starts(data, starts, bounds[1:, None])
            ids, ends = self._encoder.encode(text_column(data, np.append(starts, bounds[-1])))
            begins, middles, suffixes = ends[:-1:3], ends[1::3], ends[2::3]
            cuts[rows] = np.column_stack([middles - begins, suffixes - begins])
            packed = pa.py_buffer(ids.astype(f"<u{width}").tobytes())
            ends_of = pa.py_buffer(np.ascontiguousarray(ends[::3] * width))
            made.append(pa.Array.from_buffers(pa.large_binary(), len(rows), [None, ends_of, packed]))
        if made:
            tokens = pc.replace_with_mask(tokens, pa.array(planned.layout > 0), pa.concat_arrays(made))
        return Rearranged(tokens, planned.layout, cuts)


def _character_starts(data: npt.NDArray[np.uint8], places: Int64, ends: Int64) -> Int64:
    """The places (int64[n, 3]), moved back to where a character begins; the ends of texts (int64[n, 1]) are such
    places."""
    places = places.copy()
    for _ in range(3):
        within = places < ends
        within[within] = data[places[within]] & 0xC0 == 0x80
        places -= within
    return places


def _in_parts(rows: npt.NDArray[np.int64], offsets: Int64) -> list[npt.NDArray[np.int64]]:
    """The rows in groups of about _PART_BYTES of text."""
    sizes = offsets[rows + 1] - offsets[rows]
    cuts = np.flatnonzero(np.diff(np.cumsum(sizes) // _PART_BYTES)) + 1
    return np.split(rows, cuts) if len(rows) else []


@lru_cache(maxsize=2)
def _load_once(sha256: str, path: str) -> AnyEncoder:
    """The encoder, kept from shard to shard of a worker; the hash tells files of the same path apart."""
    return load(path)
