"""Perplexities against the packages' own scores and plain arithmetic over a small model written by hand."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from dspipe.pipeline.config.problems import InvalidConfigError
from dspipe.pipeline.errors import ConfigError
from dspipe.pipeline.run.run import RunResult
from dspipe.stages.perplexity.scorer import Change, Scorer, normalized
from dspipe.stages.perplexity.stage import PerplexityConfig, PerplexityStage
from tests.engine import rows_of, run_inline, tasks_run

kenlm = pytest.importorskip("kenlm", reason="the package kenlm is not installed")

UNIGRAMS = {"<unk>": (-2.0, 0.0), "<s>": (-99.0, -0.3), "</s>": (-1.2, 0.0), "the": (-0.5, -0.2), "cat": (-0.9, -0.1)}
UNIGRAMS |= {"0": (-1.5, -0.05), '"': (-1.7, 0.0), "é": (-1.1, -0.4)}
BIGRAMS = {("<s>", "the"): -0.2, ("the", "cat"): -0.4, ("cat", "</s>"): -0.3, ("the", "the"): -0.6, ("0", "é"): -0.1}
CCNET: tuple[Change, ...] = ("lower", "accents", "digits", "punctuation")


def write_model(path: Path, worse: float = 0.0) -> Path:
    """An ARPA file; with `worse` all its probabilities are lower."""
    lines = ["\\data\\", f"ngram 1={len(UNIGRAMS)}", f"ngram 2={len(BIGRAMS)}", "", "\\1-grams:"]
    lines += [f"{score - worse}\t{word}\t{backoff}" for word, (score, backoff) in UNIGRAMS.items()]
    lines += [
        "",
        "\\2-grams:",
        *(f"{score - worse}\t{' '.join(pair)}" for pair, score in BIGRAMS.items()),
        "",
        "\\end\\",
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def plain(text: str) -> float | None:
    """The perplexity of words between blanks, from the tables above."""
    total, count = 0.0, 0
    for line in text.split("\n"):
        words = [word for word in line.split() if word not in ("<s>", "</s>", "<unk>")]
        if not words:
            continue
        before = "<s>"
        for word in [*words, "</s>"]:
            known = word if word in UNIGRAMS else "<unk>"
            alone = UNIGRAMS[before][1] + UNIGRAMS[known][0]
            total += BIGRAMS.get((before, known), alone)
            count += 1
            before = known
    return 10 ** (-total / count) if count else None


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("lm") / "en.arpa")


WORDS = st.sampled_from(
    ["the", "cat", "0", "é", '"', "dog", " ", "\n", "\n\n", "\u3000", "<s>", "</s>", "<unk>", "<s>x"]
)


@settings(deadline=None)
@given(words=st.lists(WORDS, max_size=20))
def test_against_plain_arithmetic(model: Path, words: list[str]) -> None:
    text = " ".join(words)
    found, wanted = Scorer(model, None, ()).perplexity(text), plain(text)
    assert found is wanted is None or found == pytest.approx(wanted, rel=1e-5)


def test_against_the_package(model: Path) -> None:
    text = "the cat sat on the cat"
    assert Scorer(model, None, ()).perplexity(text) == pytest.approx(kenlm.Model(str(model)).perplexity(text))


@settings(deadline=None)
@given(st.text())
def test_any_text_has_a_score(model: Path, text: str) -> None:
    found = Scorer(model, None, CCNET).perplexity(text)
    assert found is None or 1 <= found <= 1e30


def test_normal_form() -> None:
    line = " Été № 19６٣： «Ça\0 va？» — naïve… "
    assert normalized(line, CCNET) == 'ete № 0000: "ca va?"  -  naive...'
    assert normalized(line, ()) == "Été № 19６٣： «Ça va？» — naïve…"
    assert normalized("한 ки́", ("accents",)) == "\u1112\u1161\u11ab ки"


def test_words_without_any_probability(tmp_path: Path) -> None:
    scorer = Scorer(write_model(tmp_path / "en.arpa", worse=40), None, ())
    assert scorer.perplexity("dog dog") == 1e30


def run(folder: Path, documents: list[dict[str, Any]], **settings: Any) -> tuple[RunResult, list[dict[str, Any]]]:
    for shard in range(2):
        path = folder / "in" / f"{shard}.jsonl"
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_text("".join(json.dumps(document) + "\n" for document in documents[shard::2]))
    result = run_inline(
        {
            "output": str(folder / "out"),
            "sources": [{"name": "a", "format": "jsonl", "path": str(folder / "in" / "*.jsonl"), "domain": "web"}],
            "stages": [{"perplexity": settings}],
        }
    )
    reason = ["reason"] if settings.get("keep") else []
    return result, rows_of(result, ["id", "language", "perplexity", "perplexity.bucket", *reason])


def test_thirds_by_language(tmp_path: Path) -> None:
    """60 documents that are ever less like the model, in two languages whose models differ."""
    write_model(tmp_path / "lm" / "en.arpa")
    write_model(tmp_path / "lm" / "de.arpa", worse=1.0)
    texts = ["The CAT " * 20 + "dog " * dogs for dogs in range(30)]
    documents = [
        {"id": f"{language}-{number:02}", "language": language, "text": text}
        for language in ("en", "de")
        for number, text in enumerate(texts)
    ]
    documents += [{"id": "fr", "language": "fr", "text": "the cat"}, {"id": "none", "text": "the cat"}]
    documents += [{"id": "blank", "language": "en", "text": " \n "}, {"id": "empty", "language": "en", "text": ""}]
    models = str(tmp_path / "lm" / "{language}.arpa")
    result, rows = run(tmp_path, documents, models=models)
    by_id = {row["id"]: row for row in rows}
    for number, text in enumerate(texts):
        assert by_id[f"en-{number:02}"]["perplexity"] == pytest.approx(plain(text.lower()), rel=1e-5)
        for language in ("en", "de"):
            assert by_id[f"{language}-{number:02}"]["perplexity.bucket"] == ("head", "middle", "tail")[number // 10]
    for other in ("fr", "none", "blank", "empty"):
        assert by_id[other]["perplexity"] is None and by_id[other]["perplexity.bucket"] is None

    result, rows = run(tmp_path, documents, models=models, keep=["head", "middle"], head=0.1, middle=0.5)
    assert set(tasks_run(result)) == {"perplexity.thresholds", "perplexity.judge"}
    for row in rows:
        number = int(row["id"][3:]) if row["id"][2:3] == "-" else 0
        assert row["reason"] == (None if number < 18 else "perplexity.tail")
        assert row["perplexity.bucket"] in (None, "head" if number < 3 else "middle" if number < 18 else "tail")
    (noted,) = [phase for phase in result.phases if phase.name == "perplexity.thresholds"]
    notes = result.store.read_json(noted.manifests[0])["notes"]["perplexities"]
    assert [(row["language"], row["documents"]) for row in notes] == [("de", 30), ("en", 30)]
    assert notes[1]["tail from"] == pytest.approx(by_id["en-18"]["perplexity"], rel=1e-3)


def test_only_a_prefix_is_read(tmp_path: Path, model: Path) -> None:
    documents = [{"id": "a", "language": "en", "text": "the cat éé " + "dog " * 99}]
    _, rows = run(tmp_path, documents * 2, models={"en": str(model)}, prefix_bytes=11, normalize=[])
    assert rows[0]["perplexity"] == pytest.approx(plain("the cat é"), rel=1e-5)


def test_sentencepiece_cuts_the_words(tmp_path: Path, model: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece", reason="the package sentencepiece is not installed")
    lines = (f"the cat and the dog number {number}" for number in range(200))
    prefix = str(tmp_path / "en.sp")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines, model_prefix=prefix, vocab_size=40, hard_vocab_limit=False, minloglevel=2
    )
    cut = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model").encode_as_pieces("the cat 0")
    assert len(cut) >= 3
    scorer = Scorer(model, Path(f"{prefix}.model"), CCNET)
    assert scorer.perplexity("The cat 7\n") == pytest.approx(plain(" ".join(cut)), rel=1e-5)
    with pytest.raises(ConfigError, match="not a SentencePiece model"):
        Scorer(model, model, CCNET)
    with pytest.raises(InvalidConfigError, match="no SentencePiece model for en"):
        run(tmp_path, [], models={"en": str(model)}, sentencepiece={"de": f"{prefix}.model"})


def test_bad_settings(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for models, message in [
        ("lm/en.bin", r"\{language\} in it once"),
        (str(tmp_path / "{language}.bin"), "no such file"),
        ({"en": "absent.bin"}, "no such file: absent.bin"),
        ({"en": __file__}, "not a KenLM model"),
    ]:
        with pytest.raises(InvalidConfigError, match=message):
            run(tmp_path, [], models=models)
    cut = tmp_path / "cut.arpa"
    cut.write_bytes(model.read_bytes()[:-80])
    with pytest.raises(InvalidConfigError, match="not a KenLM model"):
        run(tmp_path, [], models={"en": str(cut)})
    with pytest.raises(ValidationError, match="nothing for the tail"):
        PerplexityConfig(models="x", head=0.5, middle=0.5)
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(ConfigError, match=r"package kenlm is missing: pip install 'dspipe\[kenlm\]'"):
        PerplexityStage("perplexity", PerplexityConfig(models={"en": str(model)})).check()
