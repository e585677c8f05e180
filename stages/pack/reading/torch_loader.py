"""torch's DataLoader over packed shards, with the state of what it has given to the trainer.

    from dspipe.stages.pack.reading.torch_loader import PackedLoader

    loader = PackedLoader(PackedDataset("runs/quickstart", rank, world_size, seed=17), batch_size=8, num_workers=4)
    for batch in loader:
        ...
        state = loader.state_dict()         # after the batch that was given last
    loader.load_state_dict(state)           # before the next iteration; in another process too

A state holds for any number of workers and ranks and any batch size, which those of torchdata's `StatefulDataLoader`
don't: it is the position in the line of all samples.
"""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader

from dspipe.stages.pack.reading.reader import PackedDataset
from dspipe.stages.pack.reading.torch_data import PackedIterable


class PackedLoader(DataLoader[Any]):  # type: ignore[misc, unused-ignore]
    """A loader whose `state_dict()` is the position after the last batch that it has given.

    options     those of DataLoader, but what changes the order: the data set's `seed` shuffles

    Raises ValueError for such an option, and for a PackedIterable made for another batch size.
    """

    def __init__(self, data: PackedDataset | PackedIterable, batch_size: int | None = 1, **options: Any) -> None:
        for name in ("shuffle", "sampler", "batch_sampler"):
            if options.get(name):
                raise ValueError(
                    f"{name} would give samples in another order than the state counts; set the data set's seed"
                )
        if isinstance(data, PackedIterable) and data.batch_size != (batch_size or 1):
            raise ValueError(f"the loader has batch_size {batch_size}, the data set was made for {data.batch_size}")
        super().__init__(data, batch_size=batch_size, **options)
        self._samples = 0

    def __iter__(self) -> Iterator[Any]:
        self._samples = 0
        left = None if _epochs(self.dataset) is None else len(self.dataset)
        for batch in super().__iter__():
            self._samples += self.batch_size or 1
            if left is not None:
                self._samples = min(self._samples, left)
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """The position after the last batch, in the line of all samples."""
        state: dict[str, Any] = self.dataset.state_dict(self._samples)
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state; the next iteration begins there. Raises ValueError as the data set does."""
        self.dataset.load_state_dict(state)
        self._samples = 0


def _epochs(data: PackedDataset | PackedIterable) -> int | None:
    return data.data.epochs if isinstance(data, PackedIterable) else data.epochs
