"""Records in a run's quarantine, drawn as documents are: with their error in place of a reason."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from dspipe.pipeline.errors import DamagedFileError
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.draw import Draw
from dspipe.pipeline.inspection.sample import DocumentSample, Part, SampledDocument
from dspipe.pipeline.plan.phase_record import read_phase_manifests
from dspipe.pipeline.tasks.quarantine import place_of, quarantined_records

QUARANTINED = "quarantined"
BY = "stage"
"""strata: the stage that failed on a record, `read` where it couldn't be read"""


def sample_quarantined(table: DocumentTable, each: int, seed: int = 0, by_stage: bool = False) -> DocumentSample:
    """So many records, or of each stage that failed on some. Raises DamagedFileError."""
    draw, records = Draw(each), dict[int, Mapping[str, Any]]()
    for number, entry in enumerate(_records(table)):
        rank = xxhash.xxh3_64_intdigest(f"{entry['file']}\n{entry['place']}\n{entry['stage']}".encode(), seed)
        records[number] = entry
        strata = [pa.array([entry["stage"]])] if by_stage else []
        draw.add(strata, np.array([rank], np.uint64), np.array([number], np.uint64))
    parts = []
    for stratum, drawn in draw.drawn().items():
        names = dict(zip((BY,), stratum, strict=False))
        documents = [_document(records[number], names) for number in drawn.numbers]
        parts.append(Part(names, None, drawn.of, documents))
    return DocumentSample(parts)


def _records(table: DocumentTable) -> Iterator[Mapping[str, Any]]:
    if not table.run.phases:
        manifests = [table.text_pass_manifests()]
    else:
        by_shard = [phase for phase in table.run.phases if phase.by_shard]
        manifests = [read_phase_manifests(table.store, phase.names, phase.manifests) for phase in by_shard]
    try:
        for of_phase in manifests:
            for manifest in of_phase:
                yield from quarantined_records(table.store, manifest)
    except FileNotFoundError as error:
        raise DamagedFileError(str(error.filename or error), "is gone") from None


def _document(entry: Mapping[str, Any], stratum: Mapping[str, str | None]) -> SampledDocument:
    text = entry.get("text")
    if text is None and "base64" in entry:
        text = base64.b64decode(entry["base64"]).decode("utf-8", "replace")
    kept = len((text or "").encode())
    what = f"the record in the quarantine: {place_of(entry)}"
    if text is None:
        what = f"not kept: {place_of(entry)}"
    elif entry.get("bytes", 0) > kept:
        what += f"; the first {kept:,} of {entry['bytes']:,} bytes"
    return SampledDocument(
        id=entry["id"],
        url=entry["url"],
        domain=None,
        language=None,
        verdict=QUARANTINED,
        stage=entry["stage"],
        reason=entry["error"],
        stratum=stratum,
        text=text,
        text_is=what,
    )
