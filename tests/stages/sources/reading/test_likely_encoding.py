"""Which encodings are found by their letters, and which declarations are not believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.sources.reading.charset import clean_if_utf8, decode
from dspipe.stages.sources.reading.likely_encoding import rate_encodings
from tests.shared import shared

SENTENCES = {
    "ru": "Вчера вечером в городе открылась новая библиотека, в которой собрано больше десяти тысяч книг.",
    "uk": "Учора ввечері в місті відкрили нову бібліотеку, де зібрано понад десять тисяч її давніх книжок.",
    "el": "Χθες το βράδυ άνοιξε στην πόλη μια νέα βιβλιοθήκη, με περισσότερα από δέκα χιλιάδες βιβλία.",
    "tr": "Dün akşam şehirde içinde on binden fazla kitabın bulunduğu yeni bir kütüphane açıldı, çocuklar sevindi.",
    "he": "אתמול בערב נפתחה בעיר ספרייה חדשה, ובה יותר מעשרת אלפים ספרים.",
    "ar": "افتتحت مساء أمس في المدينة مكتبة جديدة تضم أكثر من عشرة آلاف كتاب.",
    "th": "เมื่อคืนนี้มีการเปิดห้องสมุดแห่งใหม่ในเมือง ซึ่งมีหนังสือมากกว่าหนึ่งหมื่นเล่ม",
    "lt": "Vakar vakare mieste atidaryta nauja biblioteka, kurioje yra daugiau nei dešimt tūkstančių knygų.",
    "zh": "昨天晚上，这个城市开了一个新的图书馆，里面有一万多本书，孩子们都很高兴。",
    "zh-Hant": "昨天晚上，這個城市開了一個新的圖書館，裡面有一萬多本書，孩子們都很高興。",
    "ja": "昨日の夜、この町に新しい図書館が開かれました。一万冊以上の本があります。",
    "ko": "어제 저녁 이 도시에 새로운 도서관이 문을 열었다. 만 권이 넘는 책이 있다.",
    "de": "Gestern wurde in der Stadt eine neue Bücherei eröffnet, die größte für Kinder und Schüler.",
    "pl": "Wczoraj wieczorem w mieście otwarto nową bibliotekę, w której jest ponad dziesięć tysięcy książek.",
}
ENCODINGS = [
    *((language, encoding) for language in ("ru",) for encoding in ("cp1251", "koi8-r", "iso8859-5")),
    ("uk", "cp1251"),
    ("uk", "koi8-u"),
    ("el", "cp1253"),
    ("el", "iso8859-7"),
    ("tr", "cp1254"),
    ("he", "cp1255"),
    ("ar", "cp1256"),
    ("lt", "cp1257"),
    ("th", "cp874"),
    ("zh", "gb18030"),
    ("zh-Hant", "big5"),
    *(("ja", encoding) for encoding in ("cp932", "euc_jp", "iso2022_jp")),
    ("ko", "cp949"),
    ("de", "cp1252"),
    ("pl", "cp1250"),
    ("pl", "iso8859-2"),
    *((language, encoding) for language in ("zh", "ko", "ru") for encoding in ("utf-16-le", "utf-16-be")),
]


def page(text: str, declared: str | None) -> str:
    meta = f'<meta charset="{declared}">' if declared else ""
    return f"<html><head>{meta}<title>News</title></head><body><p>{text}</p><p>{text}</p></body></html>"


@pytest.mark.parametrize("declared", [None, "utf-8", "iso-8859-1"])
@pytest.mark.parametrize(("language", "encoding"), ENCODINGS)
def test_undeclared_and_wrongly_declared(language: str, encoding: str, declared: str | None) -> None:
    text = page(SENTENCES[language], declared)
    assert decode(text.encode(encoding), html=True) == text


@pytest.mark.parametrize(("language", "encoding"), ENCODINGS)
def test_a_wrong_header(language: str, encoding: str) -> None:
    text = page(SENTENCES[language], None)
    assert decode(text.encode(encoding), "iso-8859-1", html=True) == text


def test_a_right_declaration_of_a_few_letters_is_believed() -> None:
    text = "A café, a naïve résumé, the Übermensch and Dvořák's piano."
    assert decode(text.encode("cp1250", "replace"), "windows-1250") == text.encode("cp1250", "replace").decode("cp1250")
    assert decode(b"caf\xe9", "windows-1251") == "caf\u0439"


def test_utf8_with_a_few_broken_bytes_stays_utf8() -> None:
    text = SENTENCES["ru"] * 5
    assert decode(text.encode() + b"\xd0 \xff", "windows-1251") == text + "\ufffd \ufffd"


@given(
    st.one_of(
        st.binary(max_size=300), st.text(max_size=60).map(lambda text: text.encode("utf-16-le", "surrogatepass"))
    ),
    st.sampled_from([None, "gbk", "koi8-r", "utf-16", "no such"]),
    st.sampled_from([b"", b"<meta charset=big5>", b"<meta charset=\xff>"]),
)
def test_any_bytes_become_valid_text(data: bytes, declared: str | None, meta: bytes) -> None:
    text = decode(meta + data, declared, html=True)
    text.encode()
    assert "\0" not in text


def test_ascii_and_binary_data_have_no_letters() -> None:
    assert rate_encodings(b"plain") == {}
    assert clean_if_utf8(bytes(range(256)) * 8) is None


def test_made_pages_of_all_encodings_are_decoded_as_well_as_they_were() -> None:
    """Of pages of 12 sentences that the table of letters wasn't counted on."""
    from benchmarks.encodings import LANGUAGES, WAYS, made_pages, sentences, shares

    files = [shared(f"text/{name}.jsonl.zst") for name in ("langid-sentences", "pud-parallel-8lang", "udhr")]
    found, _ = shares(made_pages(sentences([str(file) for file in files], True), 2))
    assert found.keys() == LANGUAGES.keys()
    for name, row in found.items():
        assert (row["header"], row["meta"]) == (1, 1), name
    assert all(sum(row[way] for row in found.values()) / len(found) > 0.97 for way in WAYS), found
