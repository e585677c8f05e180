"""The measures of a text pass's stages, one after the other, on one batch of documents."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.document import document_batch, document_schema, example_batch
from dspipe.pipeline.keys import key_of
from dspipe.pipeline.tasks.halving import guarded, setting_up
from dspipe.pipeline.tasks.measure import MeasureStep

_compiled: set[str] = set()
"""keys of the chains whose kernels this process has compiled or loaded"""


class MeasureChain:
    """The stages of a text pass. `descriptions` are what `pipeline.plan.compile_stages.measure_step` gives of each."""

    def __init__(
        self,
        descriptions: Sequence[Mapping[str, Any]],
        seed: int,
        at: Callable[[str], None] = lambda stage: None,
        see_dropped: Callable[[pa.RecordBatch, pa.Array], None] = lambda dropped, reasons: None,
        taken: Sequence[pa.Field] = (),
    ) -> None:
        """
        at           called with the name of each stage before it measures a batch
        see_dropped  called with documents that are dropped early, while they have their texts, and why; with some
                     twice where a batch is halved
        taken        columns that documents bring along from the sources' files
        """
        self._at, self._see_dropped, self._taken = at, see_dropped, taken
        self._steps = [MeasureStep(description, seed) for description in descriptions]
        self._key = key_of([dict(description) for description in descriptions])
        self.schema = document_schema([step.stage for step in self._steps], taken)
        """of what `measure` gives"""

    def set_up(self) -> None:
        """Make every stage ready before there is a document that could be blamed: what is read at first use is read
        for a batch of no rows, and kernels are compiled. Raises MachineError, StageContractError."""
        none = self._with_taken(document_batch([]))
        for step in self._steps:
            with setting_up(step.name):
                step.set_up()
                none = step.measure(none)
                if step.drops_early:
                    step.judge(none)
        if self._key not in _compiled:
            _compiled.add(self._key)
            self._compile()

    def _compile(self) -> None:
        """Measure an example, before a deadline runs. Where the driver has compiled for this machine kernels are loaded
        from its disk; a node with an empty cache needs seconds for each, which no document is to blame for."""
        example = self._with_taken(example_batch())
        with suppress(Exception):  # what goes wrong here goes wrong in the work again, where it has a document to name
            for step in self._steps:
                example = step.measure(example)
                if step.drops_early:
                    step.judge(example)

    def _with_taken(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        for field in self._taken:
            batch = batch.append_column(field, pa.nulls(batch.num_rows, field.type))
        return batch

    def measure(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Every stage's measure in turn. Rows dropped early leave the batch and come back at the end without text.

        Raises RecordError where a stage fails on documents of the batch.
        """
        rows, positions = batch.num_rows, None
        finished: list[tuple[pa.Array, pa.RecordBatch]] = []
        for step in self._steps:
            self._at(step.name)
            batch = guarded(step.name, partial(step.measure, batch))
            if step.drops_early:
                verdicts = guarded(step.name, partial(step.judge, batch))
                dropped = pc.is_valid(verdicts)
                if pc.any(dropped).as_py():
                    current = positions if positions is not None else pa.array(range(batch.num_rows))
                    finished.append((current.filter(dropped), batch.filter(dropped)))
                    self._see_dropped(finished[-1][1], verdicts.filter(dropped))
                    kept = pc.invert(dropped)
                    positions, batch = current.filter(kept), batch.filter(kept)
        if not finished:
            return self._conform(batch, keep_text=True)
        parts = [self._conform(batch, keep_text=True)]
        parts += [self._conform(part, keep_text=False) for _, part in finished]
        order = pc.sort_indices(pa.concat_arrays([positions, *[row for row, _ in finished]]))
        together = pa.Table.from_batches(parts).take(order).combine_chunks()
        assert together.num_rows == rows
        return together.to_batches()[0]

    def _conform(self, batch: pa.RecordBatch, keep_text: bool) -> pa.RecordBatch:
        """The columns of the output in order; null where the document was dropped before they were measured."""
        arrays = []
        for field in self.schema:
            if field.name == "text_bytes":
                array = pc.binary_length(batch.column("text")).cast(pa.int64())
            elif (field.name == "text" and not keep_text) or field.name not in batch.schema.names:
                array = pa.nulls(batch.num_rows, field.type)
            else:
                array = batch.column(field.name).cast(field.type)
            arrays.append(array)
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)
