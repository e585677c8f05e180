"""Near-duplicate removal with dictionaries: what the stage must say too."""

from collections import Counter, defaultdict
from typing import Any

import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.minhash import band_keys, signatures
from tests.kernels.dedup.test_components import components_slowly


def dedup_slowly(
    shards: dict[str, list[dict[str, Any]]],
    bands: int,
    rows: int,
    least: int,
    per_dump: bool,
    newest: bool,
    min_cluster: int | None = None,
) -> dict[int, tuple[int, int, int]]:
    """Per document number of a component: (kept copy, component, places that agree), with dictionaries."""
    numbers, texts, dumps = [], [], []
    for shard, (dump, documents) in enumerate(shards.items()):
        for row, document in enumerate(documents):
            numbers.append(shard << 32 | row)
            texts.append(document["text"])
            dumps.append(dump if per_dump else "")
    signed, units = signatures(*text_buffers(pa.array(texts, pa.large_string())), 5, bands * rows)
    keys = band_keys(signed, bands, rows).tolist()

    def agree(a: int, b: int) -> int:
        return int((signed[a] == signed[b]).sum())

    groups: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place in range(len(texts)):
        if units[place]:
            for key in keys[place]:
                for within in {dumps[place], dumps[place] if min_cluster is None else ""}:
                    groups[key, within].append(place)
    pairs = {
        (place, first) for group in groups.values() for i, place in enumerate(group) for first in group[: min(i, 2)]
    }
    label = components_slowly([pair for pair in sorted(pairs) if agree(*pair) >= least])
    sizes = Counter(label.values())
    verdicts: dict[int, tuple[int, int, int]] = {}
    kept: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place in sorted(label, reverse=newest):
        apart = min_cluster is not None and sizes[label[place]] < min_cluster
        others = kept[label[place], dumps[place] if apart else ""]
        alike = [copy for copy in others if agree(place, copy) >= least]
        keeper = alike[0] if alike else place
        if not alike:
            others.append(place)
        verdicts[numbers[place]] = (numbers[keeper], numbers[label[place]], agree(place, keeper))
    return verdicts
