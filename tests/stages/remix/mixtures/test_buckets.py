from pathlib import Path
from typing import Any

import pytest

from dspipe.pipeline.config.run_config import parse_file
from dspipe.stages.remix.mixtures.buckets import hash_buckets
from dspipe.stages.remix.mixtures.evidence import Caps, read_evidence
from dspipe.stages.remix.mixtures.sample import read_configured
from dspipe.stages.remix.mixtures.tables import TableError, read_ratios, write_table
from tests.engine import run_inline, write_config
from tests.stages.pack.runs import make_config, make_documents
from tests.stages.remix.mixtures.sweeps import configured_run, sampled

TOPICS = {"cooking": "salt oven butter onion recipe", "sports": "goal match team score league"}


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


def train_model(path: Path, epochs: int) -> None:
    """A classifier that tells cooking from sports."""
    import fasttext

    lines = [f"__label__{topic} {words} {n}\n" for n in range(40) for topic, words in TOPICS.items()]
    path.with_suffix(".txt").write_text("".join(lines))
    options: dict[str, Any] = {"dim": 4, "epoch": epochs, "lr": 0.1, "bucket": 1000, "thread": 11, "verbose": 0}
    fasttext.train_supervised(str(path.with_suffix(".txt")), **options).save_model(str(path))


def test_mixtures_of_topics_of_another_model_are_refused(tmp_path: Path) -> None:
    train_model(tmp_path / "topics.bin", 5)
    documents = [{"id": str(n), "text": f"{[*TOPICS.values()][n % 2]} {n} " * 20} for n in range(60)]
    values = make_config(tmp_path, documents, remix={"by": "topic"}, length=64)
    values["stages"].insert(0, {"label": {"name": "topic", "model": str(tmp_path / "topics.bin")}})
    values = {"name": "mixed", "engine": {"kind": "inline", "index": False}, **values}
    run_inline(values)
    config, folder = write_config(tmp_path / "config.yaml", values), tmp_path / "mixtures"
    sampled(config, folder, tokens=500)
    rows = [(run, {"loss": 1.0 + number}) for number, run in enumerate(read_ratios(folder / "ratios.csv").runs)]
    write_table(folder / "metrics.csv", ["loss"], rows)

    def fitted() -> tuple[str, ...]:
        domains = read_configured(parse_file(config)).domains
        return read_evidence(folder / "ratios.csv", folder / "metrics.csv", None, domains, Caps()).evidence.domains

    assert {*fitted()} == {*TOPICS}
    train_model(tmp_path / "topics.bin", 6)
    with pytest.raises(TableError, match="cooking, sports hold other documents now: the model, settings or cuts"):
        fitted()
