"""Parquet files of a recall's output, with errors that name the file."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.storage.columns import naming_damage
from dspipe.pipeline.storage.store import Store


def read_stored(store: Store, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """A whole file, or some columns of it. Raises DamagedFileError."""
    try:
        with store.reading(name) as file, naming_damage(store.path(name)):
            return pq.read_table(file, columns=None if columns is None else list(columns))
    except FileNotFoundError:
        raise DamagedFileError(store.path(name), "is gone") from None
