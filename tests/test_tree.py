"""The tree: every test stands at the path of what it tests, and all folders of code are installed below `dspipe`."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = ("kernels", "pipeline", "stages", "tokenizer")
"""the folders of code at the top"""
FACE = ("cli", "page", "serve")
"""the folders of the face, beside its modules"""
NOT_MIRRORED = {
    "tests/docker/test_docker.py": "the files of the image and of clusters",
    "tests/chaos/test_bad_inputs.py": "runs over hostile inputs",
    "tests/chaos/test_chaos.py": "runs that are disturbed",
    "tests/chaos/test_fuzz.py": "readers and config on damaged files",
    "tests/serve/test_browser.py": "all pages in a real browser",
    "tests/pipeline/config/test_mistakes.py": "mistakes in configs, from all that looks for them",
    "tests/stages/extract/test_chinese_pages.py": "the main content of real pages without spaces between words",
    "tests/stages/extract/test_fuzz.py": "the fuzzer of the engine dspipe, which stands with its tests",
    "tests/stages/extract/test_translations.py": "that a page and its translations keep the same blocks",
    "tests/stages/minhash/test_exact.py": "near-duplicates decided by texts, through whole runs",
    "tests/stages/shared/dedup/test_keep_none.py": "both deduplication stages, where no copy is kept",
    "tests/test_bad_input.py": "bad input through the whole text pass",
    "tests/test_classifiers.py": "the commands of docs/classifiers.md, one after the other",
    "tests/test_configs.py": "the configs in configs/",
    "tests/test_damage.py": "runs whose files were damaged",
    "tests/test_docs.py": "the documentation",
    "tests/test_docs_commands.py": "that every command in the documentation runs",
    "tests/test_end_to_end.py": "whole runs through every kind of stage",
    "tests/test_hostile_text.py": "what documents say, through every command",
    "tests/test_losses.py": "runs over damaged inputs",
    "tests/test_memory.py": "the peak memory of a run",
    "tests/test_recipes.py": "the recipes in configs/recipes",
    "tests/test_order.py": "that stages see what those before them left",
    "tests/test_rerun_added_shard.py": "what runs again when a shard is added",
    "tests/test_rerun_exact_dedup.py": "what runs again after an edit of exact_dedup",
    "tests/test_rerun_minhash.py": "what runs again after an edit of minhash",
    "tests/test_tree.py": "this",
    "tests/tokenizer/test_memory.py": "the peak memory of training",
}
"""test modules that are of no one module or folder, and what they test"""


def places_of(test: Path) -> list[Path]:
    """Where the module or folder that a test module names would stand."""
    folder, name = test.relative_to(ROOT / "tests").parent, test.stem.removeprefix("test_")
    in_face = folder == Path() or folder.parts[0] in FACE
    below = ROOT / "src" / "dspipe" / folder if in_face else ROOT / folder
    return [below / f"{name}.py", below / name]


TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("test", TESTS, ids=lambda test: str(test.relative_to(ROOT)))
def test_a_test_stands_at_the_path_of_what_it_tests(test: Path) -> None:
    if str(test.relative_to(ROOT)) in NOT_MIRRORED:
        return
    places = places_of(test)
    assert any(place.exists() for place in places), (
        f"there is no {' or '.join(str(p.relative_to(ROOT)) for p in places)}"
    )


def test_the_exceptions_are_there_and_are_exceptions() -> None:
    for name in NOT_MIRRORED:
        test = ROOT / name
        assert test.exists(), name
        assert not any(place.exists() for place in places_of(test)), f"{name} is no exception"


def test_folders_of_tests_are_packages() -> None:
    # pytest gives modules of one name in folders that are none the same name
    for test in TESTS:
        assert (test.parent / "__init__.py").exists(), test.parent


def test_dspipe_links_to_every_folder_of_code() -> None:
    links = {path.name: path for path in (ROOT / "src" / "dspipe").iterdir() if path.is_symlink()}
    assert links.keys() == set(CODE)
    for name, link in links.items():
        assert link.resolve() == ROOT / name


def test_every_folder_of_code_is_installed() -> None:
    setuptools = pytest.importorskip("setuptools")
    packages = set(setuptools.find_packages(str(ROOT / "src")))
    folders = {
        ".".join(("dspipe", *module.parent.relative_to(ROOT).parts))
        for name in CODE
        for module in (ROOT / name).rglob("*.py")
    }
    face = {f"dspipe.{name}" for name in FACE}
    assert packages == {"dspipe", *face, "dspipe.serve.views", *folders}


def test_no_other_folder_at_the_top_holds_code_of_the_package() -> None:
    beside = {"benchmarks", "docker", "docs", "examples", "src", "tests", "tools"}
    found = {
        path.parts[0] for path in (p.relative_to(ROOT) for p in ROOT.glob("[a-z]*/*.py")) if path.parts[0] != "build"
    }
    assert found - beside == set(CODE)
