"""The stage: config, verdicts, and real texts in many languages."""

import json
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from dspipe.kernels.text.unicode_classes import FIRST_UNSPACED, SCRIPTS
from dspipe.pipeline.errors import ConfigError
from dspipe.stages.heuristics.stage import HeuristicsConfig, HeuristicsStage
from tests.kernels.text.script_texts import WRITINGS, make_text
from tests.shared import shared

ENGLISH = """The heron stood at the edge of the pond for most of the morning, and nobody who passed had any idea why.
It would have been easy to think that the bird was asleep. Its eyes were open, though, and every few minutes it turned
its head toward the reeds. A boy with a red cap counted the turns and wrote the number down in his notebook.
By noon he had counted forty. His sister said that he should be careful with his conclusions, because a bird may have
reasons that are not ours. He agreed to watch again tomorrow!
"""


def stage(**settings: Any) -> HeuristicsStage:
    return HeuristicsStage("heuristics", HeuristicsConfig(**settings))


def batch(texts: list[str], languages: Sequence[str | None] | str | None = None) -> pa.RecordBatch:
    known = [languages] * len(texts) if languages is None or isinstance(languages, str) else list(languages)
    return pa.record_batch({"text": pa.array(texts, pa.large_string()), "language": pa.array(known, pa.string())})


def verdicts(
    texts: list[str], languages: Sequence[str | None] | str | None = None, **settings: Any
) -> list[str | None]:
    judge = stage(**settings)
    measured = judge.measure(batch(texts, languages)).select(list(judge.judge_columns()))
    reasons: list[str | None] = judge.judge(measured).to_pylist()
    return reasons


def test_good_prose_passes_and_each_fault_has_its_reason() -> None:
    lines = ENGLISH.splitlines()
    menu = "\n".join(f"Menu item {n}." for n in range(40))
    faults = {
        "": "gopher.too_few_words",
        "Too short.": "gopher.too_few_words",
        " ".join(["a", "bc"] * 200): "gopher.words_too_short",
        " ".join(f"{'x' * 30}{n}" for n in range(100)): "gopher.words_too_long",
        ENGLISH.replace(" ", " #"): "gopher.too_many_hashes",
        ENGLISH.replace(" ", " ... "): "gopher.too_many_ellipses",
        "\n".join("- " + line for line in lines): "gopher.too_many_bullet_lines",
        "\n".join(line + "..." for line in lines): "gopher.too_many_ellipsis_lines",
        ENGLISH.replace(" ", " 1234 "): "gopher.too_few_alphabetic_words",
        " ".join(f"word{n:03}" for n in range(300)): "gopher.too_few_alphabetic_words",
        " ".join(chr(97 + n // 26) * 4 + chr(97 + n % 26) for n in range(300)): "gopher.too_few_stop_words",
        ENGLISH * 2: "gopher.duplicate_lines",
        ENGLISH.replace("\n", " ") * 3: "gopher.top_2_gram",
        ENGLISH.replace("\n", " {\n", 1).replace("why. {", "why {."): "c4.curly_bracket",
        ENGLISH + "Lorem ipsum dolor sit amet.": "c4.lorem_ipsum",
        ENGLISH.replace(".", ";").replace("!", ";"): "c4.too_few_sentences",
    }
    found = dict(zip(faults, verdicts(list(faults), "en"), strict=True))
    assert verdicts([ENGLISH], "en") == [None]
    assert found.pop(ENGLISH.replace("\n", " ") * 3) in {"gopher.top_4_gram", "gopher.duplicate_5_grams"}
    assert found.pop(" ".join(f"word{n:03}" for n in range(300))) == "gopher.too_few_stop_words"
    assert found == {text: reason for text, reason in faults.items() if text in found}
    assert verdicts([menu + "\n" + ENGLISH], "en", rules=["fineweb"]) == ["fineweb.too_many_short_lines"]
    assert verdicts([ENGLISH.replace(".\n", "\n")], "en", rules=["fineweb"]) == [None]
    assert verdicts([ENGLISH.replace(".\n", "\n").replace("!\n", "\n")], "en", rules=["fineweb"]) == [
        "fineweb.too_few_terminal_lines"
    ]
    assert verdicts([ENGLISH + lines[0]], "en", rules=["fineweb"]) == ["fineweb.duplicate_characters"]
    assert verdicts(["A b.\n" * 3 + "C d e."], "en", rules=["fineweb"], fineweb={"max_short_lines": None}) == [
        "fineweb.duplicate_characters"
    ]
    torn = ENGLISH.replace(" ", "\n")
    alone = {"max_newlines_per_word": 0.3} | dict.fromkeys(
        ("max_short_lines", "min_terminal_lines", "max_duplicate_characters")
    )
    assert verdicts([torn], "en", rules=["fineweb"], fineweb=alone) == ["fineweb.too_many_newlines"]


def test_where_papers_and_datatrove_differ() -> None:
    """Technical prose, whose marks and figures are words in datatrove; and the rules of C4 and FineWeb."""
    technical = "\n".join(
        f'The call (of "one" {kind}), with [{kind}], returns `{kind}.x`; and that is (see "{kind}"), to be "safe", all.'
        for kind in ("list", "tuple", "array", "table", "string", "number", "column", "row")
    )
    gopher: dict[str, Any] = {"rules": ["gopher"], "gopher": {f"max_duplicate_{n}_grams": None for n in range(5, 11)}}
    gopher["gopher"] |= {f"max_top_{n}_gram": None for n in (2, 3, 4)}
    assert verdicts([technical], "en", **gopher) == [None]
    assert verdicts([technical], "en", **gopher, like="datatrove") == ["gopher.too_few_alphabetic_words"]
    three = "One line of five words.\nThe line has five words.\nA third line of words."
    assert verdicts([three], "en", rules=["c4"]) == [None]
    assert verdicts([three], "en", rules=["c4"], like="datatrove") == ["c4.too_few_sentences"]
    assert verdicts([three], "en", rules=["c4"], like="datatrove", c4={"min_sentences": 3}) == [None]
    assert verdicts(["a { b\n" + ENGLISH], "en", rules=["c4"]) == ["c4.curly_bracket"]
    assert verdicts(["a { b\n" + ENGLISH], "en", rules=["c4"], like="datatrove") == [None]


def test_where_the_fineweb_paper_and_datatrove_differ() -> None:
    repeated, torn = ENGLISH + "It was all of it.\n" * 2, ENGLISH.replace(" ", "\n")
    short = "It has thirty characters here.\n"
    lenient: dict[str, Any] = {"rules": ["fineweb"], "fineweb": {"max_duplicate_characters": None}}
    assert len(short) == 31
    assert verdicts([repeated], "en", rules=["fineweb"]) == [None]
    assert verdicts([repeated], "en", rules=["fineweb"], like="datatrove") == ["fineweb.duplicate_characters"]
    assert verdicts([short * 9], "en", **lenient) == [None]
    assert verdicts([short * 9], "en", **lenient, like="datatrove") == ["fineweb.too_many_short_lines"]
    lenient["fineweb"] |= {"max_short_lines": None, "min_terminal_lines": None}
    assert verdicts([torn], "en", **lenient) == [None]
    assert verdicts([torn], "en", **lenient, like="datatrove") == ["fineweb.too_many_newlines"]
    # other languages have thresholds of their own either way
    assert verdicts([torn, repeated], "de", **lenient)[0] == "fineweb.too_many_newlines"
    assert verdicts([repeated], "de", rules=["fineweb"], like="datatrove") == [None]


def test_rules_are_tuned_and_turned_off() -> None:
    lenient = {"min_words": 2, "min_stop_words": 0, "max_top_2_gram": None, "max_top_3_gram": None}
    assert verdicts(["Too short."], rules=["gopher"], gopher={**lenient, "min_alphabetic_words": 0.5}) == [None]
    long_words = " ".join(["the", "of"] + [f"{'x' * 30}{n}" for n in range(100)])
    assert verdicts([long_words], "en", rules=["gopher"]) == ["gopher.words_too_long"]
    assert verdicts([long_words], "en", rules=["gopher"], gopher={"max_mean_word_length": None}) == [None]
    by_language = {"languages": {"de": {"max_mean_word_length": 40}}}
    german = long_words.replace("the of", "der und")
    assert verdicts([german], "de", rules=["gopher"], gopher=by_language) == [None]
    assert verdicts([german], "fr", rules=["gopher"], gopher=by_language) == ["gopher.words_too_long"]


def test_the_order_of_rules_is_the_order_of_reasons() -> None:
    text = ENGLISH.replace(" ", " #").replace(".", ";").replace("!", ";")
    assert verdicts([text], rules=["gopher", "c4"]) == ["gopher.too_many_hashes"]
    assert verdicts([text], rules=["c4", "gopher"]) == ["c4.too_few_sentences"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rules": ["goper"]}, "gopher"),
        ({"rules": []}, "at least 1"),
        ({"rules": ["c4", "c4"]}, "each rule set once"),
        ({"rules": ["c4"], "gopher": {"min_words": 3}}, "gopher is set but not one of rules: c4"),
        ({"gopher": {"min_word": 3}}, "Extra inputs are not permitted"),
        ({"gopher": {"min_words": "many"}}, "valid number"),
        ({"gopher": {"min_words": 10, "max_words": 5}}, "would drop every document"),
        ({"gopher": {"languages": {"xx": {"min_words": 3}}}}, "no profile for 'xx'"),
        ({"gopher": {"languages": {"zh": {"min_word": 3}}}}, "no rule min_word"),
    ],
)
def test_wrong_settings_say_what_is_wrong(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        HeuristicsConfig(**settings)


def test_wrong_stop_words_are_found_before_any_work() -> None:
    with pytest.raises(ConfigError, match="no profile for 'xx'"):
        stage(gopher={"stop_words": {"xx": ["a"]}}).check()
    with pytest.raises(ConfigError, match="not one word"):
        stage(gopher={"stop_words": {"en": ["of the"]}}).check()
    stage(gopher={"stop_words": {"en": ["of", "the"]}}).check()


def test_config_needs_no_heavy_import() -> None:
    import subprocess

    heavy = "{'numba', 'pyarrow', 'numpy'} & set(sys.modules)"
    program = f"import sys, stages.heuristics.stage as h; h.HeuristicsConfig(); print(sorted({heavy}))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


def test_only_what_the_text_pass_needs_is_in_its_settings() -> None:
    plain = stage().measure_settings()
    assert stage(gopher={"min_words": 5}, fineweb={"max_short_lines": None}).measure_settings() == plain
    assert stage(fineweb={"short_line_length": 20}).measure_settings() != plain
    assert stage(c4={"policy": False}).measure_settings() != plain
    assert stage(like="datatrove").measure_settings() != plain
    assert stage(gopher={"stop_words": {"en": ["the"]}}).measure_settings() != plain
    json.dumps(plain)


def test_fewer_rules_judge_what_more_have_measured() -> None:
    every, gopher, short = (
        HeuristicsStage("heuristics", HeuristicsConfig.model_validate(settings))
        for settings in ({}, {"rules": ["gopher"]}, {"fineweb": {"short_line_length": 10}})
    )
    assert gopher.judges_measured_by(every) and not every.judges_measured_by(gopher)
    assert not short.judges_measured_by(every)


def test_columns() -> None:
    used = stage(rules=["fineweb"])
    measured = used.measure(batch([ENGLISH, ""], "en"))
    assert measured.schema.names[2:] == [field.name for field in used.measured_columns()]
    assert [measured.schema.field(field.name) for field in used.measured_columns()] == list(used.measured_columns())
    assert "heuristics.short_lines" in measured.schema.names and "heuristics.words" not in measured.schema.names
    empty = stage()
    assert len(empty.judge(empty.measure(batch([])).select(list(empty.judge_columns())))) == 0


def test_rows_dropped_before_have_null_columns() -> None:
    used = stage()
    columns = used.measure(batch([ENGLISH, ENGLISH], "en")).select(list(used.judge_columns()))
    nulls = pa.record_batch([pa.nulls(2, field.type) for field in columns.schema], schema=columns.schema)
    mixed = pa.Table.from_batches([columns.slice(0, 1), nulls.slice(0, 1), columns.slice(1, 1)]).combine_chunks()
    assert used.judge(mixed.to_batches()[0]).take([0, 2]).to_pylist() == [None, None]


def test_language_tags_of_both_kinds_of_model_and_a_wrong_language() -> None:
    german = ("Der Reiher stand am Rand des Teichs und nicht auf der Wiese, wie es sonst die Regel ist. " * 2).strip()
    for tag in ("de", "deu_Latn", "de-AT", None):
        (row,) = stage().measure(batch([german], tag)).column("heuristics.stop_words").to_pylist()
        assert row >= 5, tag
    assert stage().measure(batch([german], "sw")).column("heuristics.stop_words").to_pylist() == [-1]
    chinese = "\n".join(passages("zh")[:10])
    assert verdicts([chinese, chinese], ["en", "zh"]) == [None, None]


def documents(name: str) -> list[dict[str, Any]]:
    import zstandard

    with zstandard.open(shared(name), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def passages(language: str) -> list[str]:
    return [row["text"] for row in documents("text/pud-parallel-8lang.jsonl.zst") if row["lang"].startswith(language)]


@pytest.mark.parametrize("language", ["zh", "en", "de", "fr", "ru", "ko", "ar", "hi"])
@pytest.mark.parametrize("known", [True, False])
def test_good_prose_passes_in_every_language(language: str, known: bool) -> None:
    """News and Wikipedia passages, the same ones in each language, eight to a document."""
    texts = passages(language)
    pages = ["\n".join(texts[start : start + 8]) for start in range(0, len(texts) - 7, 8)]
    assert len(pages) > 10
    assert verdicts(pages, language if known else None) == [None] * len(pages)


@cache
def sentence_pages(language: str) -> list[list[str]]:
    """Real sentences of the news and the web, sixteen to a page."""
    rows = documents("text/langid-sentences.jsonl.zst")
    sentences = [row["text"] for row in rows if row["lang"] == language]
    return [sentences[start : start + 16] for start in range(0, len(sentences) - 15, 16)]


def fragments(sentence: str) -> list[str]:
    """A sentence in pieces of two words, or of four characters where words aren't spaced, without punctuation."""
    kept = "".join(
        character if unicodedata.category(character)[0] in "LMN" or character.isspace() else " "
        for character in sentence
    ).split()
    if len(kept) > len(sentence) / 20:
        return [" ".join(kept[start : start + 2]) for start in range(0, len(kept), 2)]
    joined = "".join(kept)
    return [joined[start : start + 4] for start in range(0, len(joined), 4)]


@pytest.mark.parametrize("language", ["zh", "ja", "ko", "ru", "ar", "hi", "de", "en"])
@pytest.mark.parametrize("known", [True, False])
def test_sentences_pass_and_what_is_made_of_them_for_a_list_does_not(language: str, known: bool) -> None:
    """Lines of sentences, and paragraphs of them, are prose; their fragments as a cloud of tags, or their beginnings as
    a list of teasers, are none."""
    tag, pages = language if known else None, sentence_pages(language)
    prose = ["\n".join(page) for page in pages]
    assert len(prose) >= 11
    assert Counter(verdicts(prose, tag))[None] >= 0.95 * len(prose)
    paragraphs = [" ".join(page) for page in pages]
    assert Counter(verdicts(paragraphs, tag))[None] >= 0.85 * len(paragraphs)
    clouds = ["\n".join(fragment for sentence in page for fragment in fragments(sentence)) for page in pages]
    teasers = ["\n".join(f"• {sentence[:40]}…" for sentence in page) for page in pages]
    headlines = ["\n\n".join(" ".join(fragments(sentence))[:60] for sentence in page) for page in pages]
    for boilerplate in (clouds, teasers, headlines):
        assert Counter(verdicts(boilerplate, tag))[None] <= 0.02 * len(boilerplate)


def test_what_stands_around_real_news_does_not_pass() -> None:
    """Chinese news pages: their main content, and all the rest of the same pages (menus, lists, forms, footers)."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    from dspipe.stages.sources.reading.charset import decode

    articles, around = [], []
    with shared("web/zh-news-pages.warc.gz").open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
            html = decode(record.reader.read(), html=True)
            article = extract_plain_text(html, main_content=True)
            lines = {line.strip() for line in article.split("\n")}
            rest = extract_plain_text(html).split("\n")
            articles.append(article)
            around.append("\n".join(line for line in rest if line.strip() not in lines))
    long = [number for number, text in enumerate(articles) if len(text) > 500]
    assert len(long) >= 40
    assert Counter(verdicts([articles[number] for number in long], "zh"))[None] >= 0.75 * len(long)
    assert Counter(verdicts([around[number] for number in long], "zh"))[None] <= 0.15 * len(long)


@pytest.mark.parametrize("script", WRITINGS)
@pytest.mark.parametrize("like", ["papers", "datatrove"])
def test_prose_passes_in_every_script(script: str, like: str) -> None:
    """The language unknown. Like datatrove, the words of Hindi are too few beside its commas and full stops."""
    text = make_text(script, SCRIPTS.index(script) < FIRST_UNSPACED)
    reason = "gopher.too_few_alphabetic_words" if like == "datatrove" and script in ("devanagari", "khmer") else None
    assert verdicts([text], like=like) == [reason]


def test_the_declaration_passes_where_no_list_of_stop_words_is_known() -> None:
    rows = {row["lang"]: row["text"] for row in documents("text/udhr.jsonl.zst")}
    tags = ["am", "ti", "hy", "ka", "ta", "te", "ml", "dv", "chr", "csw", "zgh", "fuf-Adlm", "blt", "kkh-Lana", "dz"]
    tags += ["my", "th", "lo"]
    assert dict(zip(tags, verdicts([rows[tag] for tag in tags]), strict=True)) == dict.fromkeys(tags)


DECLARATIONS = "zh zh-Hant ja th lo my ar fa-AF ta am ka hy uk vi es fr it de-1901 sv mr ne te"


def test_the_declaration_of_human_rights_passes() -> None:
    """Twenty-two languages in thirteen scripts."""
    rows = {row["lang"]: row["text"] for row in documents("text/udhr.jsonl.zst")}
    tags = DECLARATIONS.split()
    assert dict(zip(tags, verdicts([rows[tag] for tag in tags], tags), strict=True)) == dict.fromkeys(tags)


def test_most_of_a_good_collection_passes() -> None:
    rows = documents("text/zh-classical-modern.jsonl.zst")[:600]
    classical = [row["text"] for row in rows if row["lang"] != "zh" and len(row["text"]) > 600]
    modern = [row["text"] for row in rows if row["lang"] == "zh" and len(row["text"]) > 600]
    for texts in (classical, modern):
        assert len(texts) > 50
        assert Counter(verdicts(texts, "zh"))[None] > 0.9 * len(texts)


def test_statutes() -> None:
    """Chinese statutes pass about as often as with words in place of characters, see `stages.heuristics.languages`;
    German ones in Markdown with thresholds for such text."""
    chinese = [row["text"] for row in documents("text/zh-laws.jsonl.zst")[:150]]
    assert Counter(verdicts(chinese, "zh"))[None] > 0.7 * len(chinese)
    german = [row["text"] for row in documents("text/de-laws.jsonl.zst")[:150]]
    repeated = {f"max_duplicate_{n}_grams": None for n in range(5, 11)}
    found = verdicts(
        german,
        "de",
        rules=["gopher", "fineweb"],
        gopher={"languages": {"de": {"min_alphabetic_words": 0.5, **repeated}}},
        fineweb={"languages": {"de": {"max_newlines_per_word": 0.4}}},
    )
    assert Counter(found)[None] > 0.7 * len(german)


NAVIGATION = {
    "en": "Home|About us|Products|Contact|Sign in|Cart|Privacy policy|Follow us|Share|Read more|Next page",
    "zh": "首页|关于我们|产品中心|新闻动态|联系我们|登录|注册|友情链接|版权所有|返回顶部|上一页|下一页|更多",
    "ja": "ホーム|会社概要|製品情報|お問い合わせ|ログイン|新規登録|サイトマップ|利用規約|もっと見る|次へ",
    "ko": "홈|회사 소개|제품|고객 센터|로그인|회원 가입|장바구니|이용 약관|더 보기|다음|목록",
    "ru": "Главная|О компании|Каталог|Новости|Контакты|Войти|Корзина|Подробнее|Карта сайта|Далее",
    "ar": "الرئيسية|من نحن|المنتجات|اتصل بنا|تسجيل الدخول|السلة|اقرأ المزيد|خريطة الموقع|التالي",
    "hi": "मुख्य पृष्ठ|हमारे बारे में|उत्पाद|संपर्क करें|लॉग इन|कार्ट|और पढ़ें|साइट मैप|अगला|पीछे",
    "de": "Startseite|Über uns|Produkte|Kontakt|Anmelden|Warenkorb|Impressum|Datenschutz|Mehr lesen|Weiter",
    "th": "หน้าแรก|เกี่ยวกับเรา|สินค้า|ติดต่อเรา|เข้าสู่ระบบ|ตะกร้า|อ่านต่อ|แผนผังเว็บไซต์|ถัดไป",
}


@pytest.mark.parametrize("language", NAVIGATION)
@pytest.mark.parametrize("known", [True, False])
def test_navigation_does_not_pass_in_any_language(language: str, known: bool) -> None:
    entries = NAVIGATION[language].split("|")
    bars = [
        "\n".join(entries),
        "\n".join(f"{entry} {n}" for n in range(12) for entry in entries),
        " | ".join(entries * 8),
        "\n".join(f"» {entry} ({n * 7})" for n in range(12) for entry in entries),
    ]
    assert None not in verdicts(bars, language if known else None)


def test_english_verdicts_agree_with_datatrove() -> None:
    pytest.importorskip("spacy")
    from benchmarks.filters import agreement

    found = agreement([shared("web/wcxb-dev.warc.gz")], mb=1.5)
    assert found["documents"] > 100
    assert found["agreement"] >= 0.995
    assert min(value for name, value in found.items() if name.startswith("agreement_")) >= 0.995
