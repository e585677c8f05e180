"""Whole recalls over a small web."""

import io
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow.parquet as pq
import pytest

from dspipe.kernels.fasttext.classify import Classifier
from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import ConfigError, DamagedFileError
from dspipe.pipeline.storage.failures import UnavailableError
from dspipe.pipeline.storage.store import Store
from dspipe.stages.quality.recall import scoring
from dspipe.stages.quality.recall.annotations import SKIP, accept_above
from dspipe.stages.quality.recall.rounds import RANDOM, Outcome
from dspipe.stages.quality.recall.state import RecallError
from tests.engine import rows_of, run_inline
from tests.stages.quality.recall.conftest import World
from tests.stages.quality.recall.world import make_run


def sites(outcome: Outcome, number: int) -> Counter[str]:
    """Pages that a round recalled, by host and first folder."""
    folder = Path(outcome.recalled).parent / f"recalled-round-{number}"
    urls = [url for file in sorted(folder.iterdir()) for url in pq.read_table(file).column("url").to_pylist()]
    return Counter("/".join(url.split("/")[2:4]) if url.count("/") > 3 else url.split("/")[2] for url in urls)


def files(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def only_wiki(host: str, prefix: str, share: float) -> bool | str:
    """What a person would say of the small web."""
    return True if (host, prefix) == ("algebra.example", "/wiki/") else SKIP


@pytest.fixture(scope="module")
def done(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder: Path = tmp_path_factory.mktemp("done") / "out"
    return folder, world.go_on(folder, only_wiki)


def test_a_second_round_finds_what_the_first_does_not(done: tuple[Path, Outcome]) -> None:
    _, outcome = done
    first, second = sites(outcome, 1), sites(outcome, 2)
    assert first["algebra.example/wiki"] >= 10 and first["rings.example"] == 0
    assert second["algebra.example/wiki"] == 30 and second["rings.example"] >= 12
    assert second.total() <= 65 and first.total() <= 20
    assert outcome.waiting is None and outcome.why == "all 2 rounds are done"
    one, two = outcome.rounds
    assert two.positives > one.positives and two.new == two.recalled - sum((first & second).values())
    assert (one.recalled, two.recalled) == (first.total(), second.total())
    assert two.new_hosts >= 1 and one.listed == 1


def test_the_same_bytes_again_and_nothing_is_done_twice(
    world: World, done: tuple[Path, Outcome], tmp_path: Path
) -> None:
    folder, outcome = done
    again = world.go_on(tmp_path / "out", only_wiki)
    assert again.rounds == outcome.rounds
    assert files(tmp_path / "out") == files(folder)
    states = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert world.go_on(folder).rounds == outcome.rounds
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == states


def test_it_waits_for_a_person_and_goes_on(world: World, done: tuple[Path, Outcome], tmp_path: Path) -> None:
    output = tmp_path / "out"
    outcome = world.go_on(output)
    assert outcome.waiting == str(output / "hosts-round-1.yaml") and outcome.undecided == 1
    assert world.go_on(output) == outcome
    listed = (output / "hosts-round-1.yaml").read_text()
    start, wiki, rest = listed.partition('  - prefix: "/wiki/"\n')
    answered = start.replace('take: "?"', "take: skip") + wiki + rest.replace("take: host", "take: true", 1)
    (output / "hosts-round-1.yaml").write_text(answered)
    assert world.go_on(output).rounds == done[1].rounds


def test_a_scoring_pass_that_was_stopped_goes_on_shard_by_shard(
    world: World, done: tuple[Path, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = scoring.Scores._score_shard
    scored: list[int] = []
    stops_at = {1}

    def score(self: scoring.Scores, shard: int, name: str, classifier: Classifier) -> None:
        if shard in stops_at:
            raise KeyboardInterrupt
        scored.append(shard)
        real(self, shard, name, classifier)

    monkeypatch.setattr(scoring.Scores, "_score_shard", score)
    monkeypatch.setattr("dspipe.stages.quality.recall.corpus.cpu_count", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        world.go_on(tmp_path / "out", only_wiki)
    assert scored == [0]
    stops_at.clear()
    world.go_on(tmp_path / "out", only_wiki)
    assert scored == [0, 1, 0, 1]
    assert files(tmp_path / "out") == files(done[0])


def test_refused_hosts_are_never_recalled_and_the_rest_is_theirs_to_train_on(world: World, tmp_path: Path) -> None:
    outcome = world.go_on(tmp_path / "out", lambda host, prefix, share: prefix != "/wiki/" and SKIP)
    first, second = (sites(outcome, number) for number in (1, 2))
    assert first["algebra.example/wiki"] >= 10 and second["algebra.example/wiki"] == 0
    assert outcome.rounds[1].negatives > outcome.rounds[0].negatives


def test_it_ends_where_another_round_would_find_the_same(world: World, tmp_path: Path) -> None:
    outcome = world.go_on(tmp_path / "out", lambda host, prefix, share: SKIP)
    assert "nothing was taken or refused" in outcome.why and len(outcome.rounds) == 1
    assert "no host is left" in world.go_on(tmp_path / "none", host_share=0.99).why


def test_it_ends_where_little_is_new(world: World, done: tuple[Path, Outcome], tmp_path: Path) -> None:
    shutil.copytree(done[0], tmp_path / "out")
    assert "less than stop_below" in world.go_on(tmp_path / "out", rounds=3, stop_below=0.99).why


def test_the_best_pages_that_make_so_many_tokens(world: World, tmp_path: Path) -> None:
    outcome = world.go_on(tmp_path / "out", accept_above(0.9), at_least=None, keep_tokens=1000, host_share=1.0)
    assert 700 < outcome.rounds[0].tokens <= 1000
    assert set(sites(outcome, 1)) == {"algebra.example/wiki"}


def test_a_run_without_urls_has_one_round(world: World, tmp_path: Path) -> None:
    run = make_run(tmp_path, urls=False)
    outcome = World(run, world.seeds).go_on(tmp_path / "out")
    assert "no URLs" in outcome.why and outcome.rounds[0].recalled > 5 and outcome.waiting is None


def test_what_was_changed_since_is_refused(world: World, done: tuple[Path, Outcome], tmp_path: Path) -> None:
    output = tmp_path / "out"
    shutil.copytree(done[0], output)
    with pytest.raises(RecallError, match=r"host_pages: is 11 here, and .* was begun with 10"):
        world.go_on(output, host_pages=11)
    other = tmp_path / "seeds.jsonl"
    other.write_text('{"text": "ring"}\n')
    with pytest.raises(RecallError, match="seed: the seeds are others"):
        World(world.run, str(other)).go_on(output)
    listed = output / "hosts-round-1.yaml"
    before = listed.read_text()
    listed.write_text(before.replace("take: true", "take: false"))
    with pytest.raises(RecallError, match=r"a list of hosts was changed after round 2.*remove .*round-2\.json"):
        world.go_on(output)
    listed.write_text(before.replace("take: true", "take: treu"))
    with pytest.raises(InvalidConfigError, match=r"hosts-round-1.yaml:\d+: hosts.0.prefixes.0.take: "):
        world.go_on(output)
    listed.write_text(before)
    (output / "models" / "round-1.bin").write_bytes(b"another")
    with pytest.raises(RecallError, match=r"round-1.bin is gone or isn't the model"):
        world.go_on(output)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine").write_text("")
    with pytest.raises(RecallError, match="holds mine and is no recall"):
        world.go_on(tmp_path / "folder")


def test_a_round_is_made_anew_with_another_list_when_its_record_is_removed(
    world: World, done: tuple[Path, Outcome], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    shutil.copytree(done[0], output)
    listed = output / "hosts-round-1.yaml"
    listed.write_text(listed.read_text().replace("take: true", "take: false"))
    (output / "round-2.json").unlink()
    outcome = world.go_on(output)
    assert sites(outcome, 2)["algebra.example/wiki"] == 0


def test_bad_input(world: World, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text('{"text": " "}\n')
    with pytest.raises(ConfigError, match="no document with a text"):
        World(world.run, str(empty)).go_on(tmp_path / "out")
    with pytest.raises(ConfigError, match="holds no run"):
        World(str(tmp_path), world.seeds).go_on(tmp_path / "out")
    shutil.copytree(world.run, tmp_path / "run")
    record = tmp_path / "run" / "run.json"
    record.write_text(record.read_text().replace('"finished": true', '"finished": false'))
    with pytest.raises(ConfigError, match="isn't finished"):
        World(str(tmp_path / "run"), world.seeds).go_on(tmp_path / "out")
    record.write_text(record.read_text().replace('"finished": false', '"finished": true'))
    for file in (tmp_path / "run" / "documents").glob("*.parquet"):
        file.unlink()
    with pytest.raises(ConfigError, match="is gone; run the run's config again"):
        World(str(tmp_path / "run"), world.seeds).go_on(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_takes_what_is_recalled(done: tuple[Path, Outcome], world: World, tmp_path: Path) -> None:
    source = {"name": "web", "format": "jsonl", "path": f"{Path(world.run).parent}/*.jsonl"}
    columns = {"rings": "score", "taken": {"field": "taken", "type": "boolean"}}
    annotate = {"path": f"{done[1].recalled}/*.parquet", "columns": columns}
    stages = [{"annotate": annotate}, {"where": {"keep": "rings is not null or taken"}}]
    result = run_inline({"output": str(tmp_path / "run"), "sources": [source], "stages": stages})
    kept = [row for row in rows_of(result, ["id", "reason"]) if row["reason"] is None]
    assert len(kept) == done[1].rounds[-1].recalled


def test_settings_can_be_searched_for(world: World, tmp_path: Path) -> None:
    model = {"search": True, "dim": 4, "buckets": 1000, "min_count": 1, "learning_rate": 0.5, "word_ngrams": 1}
    outcome = world.go_on(tmp_path / "out", model=model, rounds=1)
    assert outcome.rounds[0].recalled >= 5
    assert "learning rate 0.5" in (tmp_path / "out" / "models" / "round-1.json").read_text()


def test_damaged_and_missing_files_are_named(world: World, done: tuple[Path, Outcome], tmp_path: Path) -> None:
    output = tmp_path / "out"
    shutil.copytree(done[0], output)
    (output / "round-2.json").unlink()
    for name, error in (
        ("recalled-round-1/00000.parquet", DamagedFileError),
        ("hosts-round-1.parquet", DamagedFileError),
        ("hosts-round-1.yaml", InvalidConfigError),
    ):
        content = (output / name).read_bytes()
        if error is DamagedFileError:
            (output / name).write_bytes(content[:-7])
            with pytest.raises(error, match=f"{name} is cut or was changed"):
                world.go_on(output)
        (output / name).unlink()
        with pytest.raises(error, match=f"{name}:? is gone"):
            world.go_on(output)
        (output / name).write_bytes(content)
    assert world.go_on(output).rounds == done[1].rounds


def test_random_pages_that_cannot_be_read(
    world: World, done: tuple[Path, Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out"
    shutil.copytree(done[0], output)
    for gone in ("round-2.json", "models/round-2.json"):
        (output / gone).unlink()
    reading = Store.reading

    @contextmanager
    def away(store: Store, name: str) -> Iterator[BinaryIO]:
        with reading(store, name) as file:
            yield cast(BinaryIO, Away(bytes(1000))) if name == RANDOM else file

    with monkeypatch.context() as patched, pytest.raises(UnavailableError, match="no answer"):
        patched.setattr(Store, "reading", away)
        world.go_on(output)
    (output / RANDOM).write_bytes((output / RANDOM).read_bytes()[:-7])
    with pytest.raises(DamagedFileError, match=f"{RANDOM} is cut or was changed"):
        world.go_on(output)


class Away(io.BytesIO):
    """A file of a storage that doesn't answer."""

    def read(self, size: int | None = -1) -> bytes:
        raise UnavailableError("cannot read x: no answer")
