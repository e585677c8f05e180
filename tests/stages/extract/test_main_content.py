"""The main content of real pages, and the model's file."""

from pathlib import Path

import numpy as np

from dspipe.stages.extract.main_content import MODEL, find_main_content, load_model, probe_digest, save_model
from tests.shared import shared


def test_the_model_was_trained_on_the_numbers_that_are_made_now() -> None:
    with np.load(MODEL) as stored:
        assert str(stored["probe"]) == probe_digest(), "train the model anew: python -m benchmarks.extract_train"


def test_a_saved_model_is_the_same_file(tmp_path: Path) -> None:
    save_model(load_model(), tmp_path / "model.npz")
    assert (tmp_path / "model.npz").read_bytes() == MODEL.read_bytes()


def test_pages_of_every_kind_are_found_as_well_as_the_model_card_says() -> None:
    """On pages that the model was trained on: it finds damage to the code, not how good the model is."""
    from benchmarks.extract import main_content, pages, score, words
    from dspipe.stages.extract.stage import decode_page

    archive, truth = shared("web/wcxb-dev.warc.gz"), shared("web/wcxb-dev-truth.jsonl.zst")
    wanted = main_content(str(truth))
    results = []
    for url, payload, media_type in pages([str(archive)], 10):
        page = find_main_content(np.frombuffer(decode_page(payload, media_type).encode(), np.uint8))
        results.append(score(words(page.text()), words(wanted[url]))[2])
    assert len(results) > 50
    assert np.mean(results) > 0.93


def test_pages_without_text() -> None:
    for page in (b"", b"<html><body></body></html>", b"<script>x</script>"):
        found = find_main_content(np.frombuffer(page, np.uint8))
        assert (found.text(), found.confidence, found.kept_share) == ("", 0.0, 0.0)


def test_the_lines_of_code_are_told() -> None:
    words = "There is a text that is long enough to be taken for the main content of a page. " * 5
    page = f"<main><h1>Code</h1><p>{words}<pre>if x:\n    <b>y()</b>\n}}\nif x:</pre><p>{words}z()</main>"
    assert find_main_content(np.frombuffer(page.encode(), np.uint8)).code_lines() == {"if x:", "    y()"}


def test_what_is_shown_twice_is_kept_once() -> None:
    words = "There is a text that is long enough to be taken for the main content of a page, with care. " * 3
    page = f"<main><h1>A thing</h1><div class=small>{words}</div><p>About it.<div class=wide>{words}</div></main>"
    found = find_main_content(np.frombuffer(page.encode(), np.uint8))
    assert found.text().count(words.strip()) == 1
