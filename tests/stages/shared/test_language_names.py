"""Which language somebody means who writes its name, its country or another code."""

import pytest

from dspipe.stages.shared.language_names import meant_language

LID = ["en", "zh", "ja", "ko", "uk", "cs", "de", "fr", "fa", "sv", "no", "nn"]
GLOT = ["eng_Latn", "cmn_Hani", "zho_Hans", "jpn_Jpan", "deu_Latn"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("cn", "zh"), ("english", "en"), ("English", "en"), ("EN", "en"), ("en-US", "en"), ("zh_CN", "zh"),
        ("zh-Hans", "zh"), ("chinese", "zh"), ("jp", "ja"), ("kr", "ko"), ("cz", "cs"), ("ua", "uk"), ("deu", "de"),
        ("german", "de"), ("farsi", "fa"), ("eng", "en"), ("nb", "no"),
    ],
)  # fmt: skip
def test_what_is_meant(written: str, meant: str) -> None:
    assert meant_language(written, LID) == meant


@pytest.mark.parametrize(("written", "meant"), [("en", "eng_Latn"), ("english", "eng_Latn"), ("jp", "jpn_Jpan")])
def test_other_labels(written: str, meant: str) -> None:
    assert meant_language(written, GLOT) == meant


@pytest.mark.parametrize("written", ["klingon", "", "xx", "-"])
def test_what_is_none(written: str) -> None:
    assert meant_language(written, LID) is None
