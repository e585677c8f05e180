"""The references of a batch of files, without a copy of their texts."""

import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.stages.repositories.imports import LANGUAGE_OF, references_in


def references_of(texts: pa.Array, endings: pa.Array) -> pa.Array:
    """list of string: what each file refers to, by its ending; null for languages whose imports aren't known."""
    data, offsets = text_buffers(texts)
    view, bounds = data.data, offsets.tolist()
    found: list[list[str] | None] = [None] * len(texts)
    for row, ending in enumerate(endings.to_pylist()):
        language = LANGUAGE_OF.get(ending)
        if language is not None:
            found[row] = references_in(view[bounds[row] : bounds[row + 1]], language)
    return pa.array(found, pa.list_(pa.string()))
