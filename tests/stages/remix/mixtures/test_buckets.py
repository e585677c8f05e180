from pathlib import Path

import pytest

from dspipe.pipeline.config.run_config import parse_file
from dspipe.stages.remix.mixtures.buckets import hash_buckets
from dspipe.stages.remix.mixtures.sample import read_configured
from tests.engine import run_inline, write_config
from tests.stages.pack.runs import make_config, make_documents
from tests.stages.remix.mixtures.sweeps import configured_run


def identities(config: Path, *edits: str) -> dict[str, str]:
    return dict(read_configured(parse_file(config, edits)).domains.identities or {})


def test_what_makes_the_domains_makes_their_identity(tmp_path: Path) -> None:
    config = configured_run(tmp_path, by="domain")
    found = identities(config)
    assert {*found} == {"web", "books", "code"} and len({*found.values()}) == 3
    # weights, budgets and caps leave a domain what it is
    same = ("stages.remix.weights={web: 0.2, books: 0.3, code: 0.5}", "stages.remix.max_epochs=9", "seed=5")
    assert identities(config, *same) == found
    other = identities(config, "sources.made.domain=web2")
    assert {*other} == {*found} and not {*other.values()} & {*found.values()}
    assert hash_buckets(other) != hash_buckets(found)


@pytest.fixture(scope="module")
def bucketed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run by buckets that an ensemble makes of a column of the files."""
    folder = tmp_path_factory.mktemp("bucketed")
    documents = [{**d, "score": i % 17, "text": d["text"] + " more"} for i, d in enumerate(make_documents(120))]
    values = make_config(folder, documents, remix={"by": "good.bucket"}, length=64)  # type: ignore[arg-type]
    values["sources"][0]["columns"] = {"score": "score"}
    values["stages"].insert(0, {"ensemble": {"name": "good", "of": ["score"], "buckets": 2}})
    values = {"name": "mixed", "engine": {"kind": "inline", "index": False}, **values}
    run_inline(values)
    return write_config(folder / "config.yaml", values)


def test_cuts_and_settings_of_the_stage_that_buckets_count(bucketed: Path) -> None:
    found = identities(bucketed)
    assert len(found) == 2
    values = parse_file(bucketed).values
    shifted = write_config(bucketed.with_name("shifted.yaml"), values)
    assert identities(shifted) == found
    path = Path(values["sources"][0]["path"]).parent / "part-1.jsonl"
    before = path.read_text()
    path.write_text(before.replace('"score": 16', '"score": 1'))
    try:
        run_inline(values)
        assert identities(bucketed) != found  # the cuts are others
    finally:
        path.write_text(before)
        run_inline(values)
    assert identities(bucketed) == found
