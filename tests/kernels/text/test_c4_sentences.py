"""The lines that C4 keeps and the sentences in them; kernels/text/line_scan.py finds what the rules look for."""

import pytest

from dspipe.kernels.text.c4_sentences import CLAUSES_RULE, QUOTES_RULE, WHOLE_PAGE_RULE
from dspipe.kernels.text.statistics import LineSettings
from tests.kernels.text.test_statistics import statistics


@pytest.mark.parametrize(
    ("text", "sentences", "lorem", "curly"),
    [
        ("One two three. Four five six!\nNo end here\nToo few.", 2, 0, 0),
        ("He paid 3.5 for it. Mr. Smith did so.", 2, 0, 0),
        ("This line needs JavaScript to run.\nWe use cookies on this page.\nA line that stays here.", 1, 0, 0),
        ("Lorem ipsum dolor sit amet.\nvar x = {} is bad.\nlorem ipsum without an end {", 2, 1, 1),
        ("A fact with a source.[1]\nAnother fact here[edit].", 2, 0, 0),
        ("It ends with an ellipsis...\nIt ends with “a curly quote.”", 0, 0, 0),
        ("A word of " + "x" * 1001 + " letters.", 0, 0, 0),
        ("我们今天去公园散步了。天气很好，大家很高兴！\n他说：“这里真漂亮。”", 3, 0, 0),
        ("यह एक अच्छा दिन है। हम खुश हैं।", 2, 0, 0),
        ("माझी शाळा मोठी. ही माझी आई. तो आला नाही.", 3, 0, 0),
        ("He wrote about du\u0323. She wrote about cafe\u0301. They did so.", 3, 0, 0),
        ("我们今天去公园；天气很好；大家很高兴。", 1, 0, 0),
        ("我们今天去公园散步了；", 0, 0, 0),
        ("ሰው፡ልጅ፡ውሃ፡ጠጣ፡፡ ሰው፡ልጅ፡ቤት፡ሄደ፡፡", 2, 0, 0),
        ("ሰው ልጅ ውሃ ጠጣ። ሰው ልጅ ቤት ሄደ።", 2, 0, 0),
        ("هذا هو البيت الكبير.\u200f", 1, 0, 0),
        ("वह घर में नहीं है.\u200d", 1, 0, 0),
        ("มนุษย์ทุกคนมีสิทธิ ที่จะอยู่อย่างสงบ ไม่มีใครถูกไล่ออก จากบ้านของตน", 2, 0, 0),
        ("τι κάνεις σήμερα φίλε\u037e Είμαι πολύ καλά.", 2, 0, 0),
    ],
)
def test_lines_that_c4_keeps(text: str, sentences: int, lorem: int, curly: int) -> None:
    (found,) = statistics([text])
    assert (found["sentences"], found["lorem_ipsum_lines"], found["curly_bracket_lines"]) == (sentences, lorem, curly)


@pytest.mark.parametrize(
    ("text", "sentences", "lorem", "curly"),
    [
        ("It ends with “a curly quote.”\nIl dit «oui.»\nEr sagt „nein“", 2, 0, 0),
        ("lorem ipsum without an end\nif (x) {\nA line that stays here.", 1, 1, 1),
        ("This {needs} JavaScript to run.\nLorem ipsum {dolor} sit amet.", 1, 1, 2),
    ],
)
def test_lines_that_the_paper_keeps(text: str, sentences: int, lorem: int, curly: int) -> None:
    rules = LineSettings().rules | WHOLE_PAGE_RULE | QUOTES_RULE
    (found,) = statistics([text], lines=LineSettings(rules=rules))
    assert (found["sentences"], found["lorem_ipsum_lines"], found["curly_bracket_lines"]) == (sentences, lorem, curly)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("我们今天去公园；天气很好；大家很高兴。", 3),
        ("我们今天去公园散步了；", 1),
        ("（一）我们今天去公园散步；\n（二）天气很好大家都高兴；\n（三）晚上大家一起回家去。", 3),
        ("他说：“我们今天去公园；天气很好；”", 2),
        ("我们今天去公园；天气很好；[1]", 2),
        ("我们今天去公园，天气很好", 0),
        ("They say；that this is；a text in English；", 0),
        ("今日は公園へ行きました；とても楽しかったです；", 0),
    ],
)
def test_semicolons_end_chinese_clauses(text: str, sentences: int) -> None:
    rules = LineSettings().rules | CLAUSES_RULE
    assert statistics([text], lines=LineSettings(rules=rules))[0]["sentences"] == sentences


def test_line_settings() -> None:
    text = "We use cookies on this page.\nThis needs JavaScript here\nTwo words."
    assert statistics([text])[0]["sentences"] == 0
    assert statistics([text], lines=LineSettings(rules=0))[0]["sentences"] == 2
    assert statistics([text], lines=LineSettings(rules=1, min_words=2))[0]["sentences"] == 2
    assert statistics(["x" * 40 + "\nyy"], lines=LineSettings(short_line=50))[0]["short_lines"] == 1
