"""Everything of a run, of one at work, of one that lost files."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dspipe.page.gather import Contents, gather
from dspipe.pipeline.inspection.document_table import DocumentTable
from dspipe.pipeline.inspection.sample import Wanted
from dspipe.pipeline.inspection.sample import sample as draw
from dspipe.pipeline.run.run_file import RunFile, configured_stages, read_run
from dspipe.pipeline.storage.store import Store
from tests.engine import run_inline
from tests.page.conftest import HOSTILE, config_of, write_documents
from tests.pipeline.inspection.looked_at import looked_at


@pytest.fixture(scope="module")
def contents(run_folder: Path) -> Contents:
    return gather(*read_run(str(run_folder)))


def test_documents_add_up_everywhere(contents: Contents) -> None:
    assert contents.problems == []
    assert contents.documents == 105 and contents.flow is not None
    assert contents.flow.read.documents == 105 and contents.flow.quarantined == 2
    for grouping in contents.groupings:
        assert sum(group.documents for group in grouping.groups) == 105, grouping.by
    (size,) = [one for one in contents.histograms if one.column == "text_bytes"]
    assert sum(size.kept) + sum(size.dropped) == 105
    assert sum(size.dropped) == sum(reason.documents for reason in contents.reasons)
    assert [group.name for group in contents.groupings[-1].groups] == [f"host{n}.example" for n in range(3)]


def test_reasons_open_to_documents_dropped_for_them(contents: Contents) -> None:
    (short,) = [reason for reason in contents.reasons if reason.name == "gopher.too_few_words"]
    assert short.documents == 16 and short.of == 105 and len(short.samples) == 3
    for sample in short.samples:
        assert sample.text is not None and sample.text[0].text.startswith("few words") and sample.text_is == ""
        (said,) = sample.measured
        assert said.startswith("heuristics.words ") and said.endswith(", at least 50")


def test_thresholds_of_columns(contents: Contents) -> None:
    asked = {(one.asks, one.value) for one in contents.thresholds["heuristics.words"]}
    assert ("at least", 50) in asked


def test_rounds_of_deduplication(contents: Contents) -> None:
    exact, near = contents.rounds
    assert [row.dump for row in exact.by_dump] == ["2024-10", "2024-18"]
    assert [row.dropped for row in exact.by_dump] == [6, 11] and exact.by_dump[1].share_so_far > exact.by_dump[0].share
    assert len(exact.clusters) == 12 and exact.clusters[0].documents == 3
    assert all(cluster.true == 1 for cluster in exact.clusters)
    assert near.clusters
    for cluster in near.clusters:
        assert cluster.kept is not None and cluster.dropped is not None
        assert cluster.true is not None and cluster.estimated is not None
        assert 0.5 < cluster.true < 1 and abs(cluster.true - cluster.estimated) < 0.25
        assert ("only" in {piece.kind for piece in cluster.kept.pieces}) and HOSTILE[:9] not in cluster.kept.id[:9]


def test_mixture_tokenizer_and_work(contents: Contents) -> None:
    assert contents.mixture is not None and contents.fertility is not None and contents.work is not None
    assert {row.domain for row in contents.mixture.rows} == {"2024-10", "2024-18"}
    assert sum(row.got for row in contents.mixture.rows) == pytest.approx(1)
    (english,) = contents.fertility.languages
    assert english.name == "en" and english.tokens == contents.flow.stages[-1].kept.tokens  # type: ignore[union-attr]
    assert english.tokens_per_word is not None and english.tokens_per_word > 1
    (text,) = contents.fertility.texts
    assert sum(number for _, number in text.pieces) == text.tokens
    assert sum(stage.share for stage in contents.work.stages) == pytest.approx(1)
    assert contents.work.bad[0].records == 2


def test_the_same_seed_draws_the_same(run_folder: Path, contents: Contents) -> None:
    again = gather(*read_run(str(run_folder)))
    assert {**again.as_json(), "seconds": 0} == {**contents.as_json(), "seconds": 0}
    other = gather(*read_run(str(run_folder)), seed=1)
    assert other.reasons != contents.reasons and other.histograms == contents.histograms


def test_a_sample_of_the_same_seed_shows_the_same(run_folder: Path, tmp_path: Path) -> None:
    early = run_inline(looked_at(tmp_path, early=True)).store.root
    for root, seed in ((str(run_folder), 0), (str(run_folder), 3), (early, 0), (early, 3)):
        reasons = gather(*read_run(root), seed=seed).reasons
        assert reasons
        for reason in reasons:
            wanted = Wanted(each=3, dropped_by=(reason.name,), seed=seed)
            drawn = draw(DocumentTable.open(root), wanted, configured_stages(Store(root), False).known)
            assert [one.id for one in reason.samples] == [one.id for one in drawn.documents], (reason.name, seed)


def test_a_run_at_work_has_what_is_known_so_far(tmp_path: Path) -> None:
    write_documents(tmp_path / "in")
    config = config_of(tmp_path)
    config["stages"] = config["stages"][:1]
    run_inline(config)
    store = Store(str(tmp_path / "out"))
    whole = RunFile.read(store)
    reading = RunFile("x", False, 2, {}, [], [phase.name for phase in whole.phases], {})
    contents = gather(store, reading)
    assert contents.problems == [] and contents.flow is None and contents.reasons == []
    assert contents.documents == 105 and {one.column for one in contents.histograms} >= {
        "text_bytes",
        "heuristics.words",
    }
    for manifest in (tmp_path / "out" / "documents").glob("*.manifest.json"):
        manifest.unlink()
    assert gather(store, reading).documents == 0


def test_what_is_gone_is_told_and_the_rest_is_shown(run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run_folder, copy)
    next((copy / "documents").glob("*.parquet")).unlink()
    contents = gather(*read_run(str(copy)))
    assert len(contents.problems) == 1 and "is gone" in contents.problems[0]
    assert contents.flow is not None and contents.mixture is not None and contents.work is not None
    (copy / "config.yaml").unlink()
    assert any("config.yaml" in problem for problem in gather(*read_run(str(copy))).problems)
    for made in (copy / "remix.plan").glob("*.json"):
        if "mixture" in made.name:
            made.unlink()
    contents = gather(*read_run(str(copy)))
    assert contents.flow is not None and contents.mixture is None


def test_a_file_that_was_cut_is_told(run_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run_folder, copy)
    file = next((copy / "documents").glob("*.parquet"))
    assert pq.read_metadata(file).num_rows
    file.write_bytes(file.read_bytes()[:-100])
    (problem,) = gather(*read_run(str(copy))).problems
    assert "is cut or was changed" in problem


def test_stages_of_the_runs_own_are_asked_only_when_they_may_be_imported(tmp_path: Path) -> None:
    write_documents(tmp_path / "in")
    config = config_of(tmp_path)
    config["stages"] = [{"tests.toys.lengths": {}}]
    run_inline(config)
    run = read_run(str(tmp_path / "out"))
    (problem,) = gather(*run).problems
    assert "tests.toys.lengths" in problem and "import_own" in problem
    assert gather(*run, import_own=True).problems == []
