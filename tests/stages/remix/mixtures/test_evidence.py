import json
from pathlib import Path

import pytest

from dspipe.stages.remix.mixtures.domains_file import DomainsFileError, MixedDomains
from dspipe.stages.remix.mixtures.evidence import Asked, Caps, read_evidence
from dspipe.stages.remix.mixtures.simplex import BoundsError
from dspipe.stages.remix.mixtures.tables import TableError, write_table

DOMAINS = MixedDomains({"web": 900, "code": 100}, identities={"web": "11", "code": "22"}, budget=50)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [("a", {"web": 0.9, "code": 0.1}), ("b", {"web": 0.5, "code": 0.5}), ("c", {"web": 0.0, "code": 1.0})]
    write_table(tmp_path / "ratios.csv", ["web", "code"], rows, name=f"buckets-{DOMAINS.buckets}")
    write_table(tmp_path / "metrics.csv", ["loss", "accuracy"], [("c", {"loss": 3, "accuracy": 0.5})])
    DOMAINS.write(tmp_path / "domains.json")
    return tmp_path


def asked(
    folder: Path, available: MixedDomains | None = None, caps: Caps | None = None, objective: Path | None = None
) -> Asked:
    return read_evidence(folder / "ratios.csv", folder / "metrics.csv", objective, available, caps or Caps())


def test_what_lies_beside_the_ratios_says_what_there_is(folder: Path) -> None:
    found = asked(folder, caps=Caps(1000, {"web": 1, "code": 2}, {"code": 50}))
    assert found.natural == pytest.approx([0.9, 0.1])
    assert found.bounds.caps == pytest.approx([0.9, 0.2], rel=1e-5)
    assert found.bounds.floors == pytest.approx([0, 0.05])
    assert found.evidence.values.tolist() == [[3, 0.5]]
    assert found.evidence.objective.tolist() == [0.5, 0.5] and found.evidence.runs == ("c",)
    assert found.remarks == ("2 of 3 mixtures have no metrics, the first a",)
    assert "no cap binds" in asked(folder).remarks[-1]
    with pytest.raises(BoundsError, match=r"the largest weights that the caps allow sum to 0\.4"):
        asked(folder, caps=Caps(1e4))


def test_without_what_there_is(folder: Path) -> None:
    (folder / "domains.json").unlink()
    found = asked(folder)
    assert found.natural.tolist() == [0, 1]  # of the one that was measured
    assert "isn't known" in found.remarks[1]
    with pytest.raises(TableError, match="a budget needs what there is"):
        asked(folder, caps=Caps(1000))


def test_evidence_of_other_buckets_is_refused(folder: Path) -> None:
    assert asked(folder, DOMAINS).evidence.domains == ("web", "code")
    changed = MixedDomains(DOMAINS.tokens, identities={"web": "11", "code": "23", "math": "5"})
    with pytest.raises(TableError, match=r"code hold other documents now.*; math are new"):
        asked(folder, changed)
    (folder / "domains.json").unlink()
    with pytest.raises(TableError, match="the hash of the config's domains is another"):
        asked(folder, changed)
    changed.write(folder / "domains.json")
    with pytest.raises(TableError, match=r"other mixtures than the domains.json beside it"):
        asked(folder)
    (folder / "ratios.csv").write_text("run,web,code\nc,0,1\n")
    with pytest.raises(TableError, match="doesn't say which domains it is of"):
        asked(folder, DOMAINS)


def test_domains_that_the_run_does_not_have(folder: Path) -> None:
    with pytest.raises(TableError, match="has weights of code, but the run's domains are web, books"):
        asked(folder, MixedDomains({"web": 5, "books": 5}))
    found = asked(folder, MixedDomains({"web": 5, "code": 5, "books": 5}))
    assert "no mixture names books: left out of the proposal too" in found.remarks
    assert found.natural.tolist() == [0.5, 0.5]


def test_a_runs_plan_says_what_there_is(folder: Path) -> None:
    with pytest.raises(DomainsFileError, match="says nothing of domains"):
        MixedDomains.read(folder / "metrics.csv")
    (folder / "other.json").write_text('{"tokens": 1}')
    with pytest.raises(DomainsFileError, match="says nothing of domains"):
        MixedDomains.read(folder / "other.json")
    with pytest.raises(DomainsFileError, match="can't be read"):
        MixedDomains.read(folder / "mixture.json")
    assert MixedDomains.read(folder / "domains.json") == DOMAINS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"loss": 1, "speed": 2}, "there is no metric 'speed'; there are loss, accuracy"),
        ({"loss": "much"}, "the weight of loss is 'much'"),
        ({"loss": 0}, "gives every metric the weight 0"),
        ([], "is to be a mapping"),
    ],
)
def test_bad_objectives(folder: Path, content: object, message: str) -> None:
    (folder / "objective.yaml").write_text(json.dumps(content))
    with pytest.raises(TableError, match=message):
        asked(folder, objective=folder / "objective.yaml")


def test_an_objective(folder: Path) -> None:
    (folder / "objective.yaml").write_text("accuracy: -2\n")
    found = asked(folder, objective=folder / "objective.yaml").evidence
    assert (found.metrics, found.objective.tolist(), found.values.tolist()) == (("accuracy",), [-2], [[0.5]])
