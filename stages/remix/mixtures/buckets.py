"""What makes a domain what it is, as a hash: the stage that labels documents with it, its model, settings and cuts.

A mixture that was tried is evidence for the domains as they were then. Where a label's model, a threshold or the cuts
of quality buckets have changed, a domain of the same name holds other documents, and what was learned of it doesn't
count.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from dspipe.pipeline.document import DOCUMENT
from dspipe.pipeline.plan.plan import Plan
from dspipe.pipeline.run.run_file import RunFile
from dspipe.pipeline.stage import MapStage
from dspipe.pipeline.storage.store import Store
from dspipe.stages.remix.settings import Grouping, RemixConfig

_GIVEN = frozenset({*DOCUMENT.names, "reason", "tokens"}) - {"domain", "source", "language"}
"""columns that documents have anyway: what is in them makes no domains"""


def identify_domains(
    plan: Plan, remix: RemixConfig, names: Sequence[str], run: RunFile, store: Store
) -> dict[str, str]:
    """16 hexadecimal digits for each domain that `remix` mixes, by its name.

    They cover the settings of what writes the column, and of what writes the columns that this reads; models, by their
    checksums; and the artifacts of one task that it reads, such as cuts, as they were in the run. Code and the
    documents themselves aren't covered: more pages, or a newer version, leave a domain what it was.
    """
    by = Grouping(by=remix.by, groups=remix.groups, unit="tokens", by_importance=False).keys
    definitions = [_definition(column, plan, run, store, set()) for column in by]
    made = definitions[0] if len(by) == 1 else definitions
    described = {"by": remix.by, "groups": remix.groups, "made": made}
    return {name: _hash({**described, "domain": name}) for name in names}


def hash_buckets(identities: Mapping[str, str]) -> str:
    """12 hexadecimal digits for all domains together."""
    return _hash(dict(identities))[:12]


def _definition(column: str, plan: Plan, run: RunFile, store: Store, seen: set[str]) -> Any:
    """What decides the values of a column, as JSON values; None: nothing of the config."""
    if column in _GIVEN or column in seen:
        return None
    seen.add(column)
    for stage in plan.config.stages:
        if isinstance(stage, MapStage) and column in [field.name for field in stage.measured_columns()]:
            return {"stage": stage.name, "settings": dict(stage.measure_settings())}
    writing = [phase for phase in plan.phases if column in phase.written and "settings" in phase.payload]
    if not writing:
        # what sources say: their domain, their name, or a column of their files
        sources = [source.config.model_dump(mode="json") for source in plan.config.sources]
        keys = ("name", "domain", "domains", "language", "columns", "fields")
        return [{key: source.get(key) for key in keys} for source in sources]
    return [
        {
            "phase": phase.name,
            "settings": phase.payload["settings"],
            "columns": {name: _definition(name, plan, run, store, seen) for name in phase.columns},
            "artifacts": {name: _sha256(name, plan, run, store) for name in phase.artifacts},
        }
        for phase in writing
    ]


def _sha256(artifact: str, plan: Plan, run: RunFile, store: Store) -> str | None:
    """Of an artifact that one task made, in the run; None of others."""
    maker = next((phase for phase in plan.phases if artifact in phase.makes_artifacts), None)
    if maker is None or maker.over != "once" or len(run.artifacts.get(artifact, ())) != 1:
        return None
    return hashlib.sha256(store.read_bytes(run.artifacts[artifact][0])).hexdigest()


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
