"""Lines removed that are no part of a page's prose.

    - lines: {}

Adds `lines.removed` and `lines.removed_bytes` (uint32). Lines are what stands between line feeds; empty ones stay. The
rules, each to be turned off or on:

    javascript      the line has the word javascript (C4: Raffel et al. 2020, section 2.2)
    policy          it speaks of terms of use, of privacy or cookie policies, or of using cookies (C4's published code)
    navigation      it has at most 10 words and begins with, ends with or contains a phrase of navigation (RefinedWeb:
                    Penedo et al. 2023, appendix G.2; phrases of our own in English, German, French, Spanish, Chinese)
    counters        it counts: `3 likes`, `1.2K views` (RefinedWeb)
    numeric         it has digits, but no letter (RefinedWeb; takes rows of tables, so it is off)
    uppercase       it has ten letters of scripts with case or more, over half of them capitals (RefinedWeb; off)
    single_word     it is one word of a script that puts spaces between words (RefinedWeb; off)
    terminal        it doesn't end as a sentence: . ! ? quotes, and the like of other scripts but for Thai and Lao,
                    which write none (C4; off, because FineWeb, Penedo et al. 2024, section 3.5, found that it removes
                    30 % of the tokens)
    min_words       it has fewer words than this (C4: 5; off), where its script puts spaces between them
    max_word        it has a word, what stands between white space, of more characters (C4's published code: 1000; off)
    empty           it has nothing but white space; lines that stay lose theirs at both ends (C4; off)

`citations` takes Wikipedia's [1], [edit] and [citation needed] out of the lines that stay (C4's published code; off).
With `max_removed` a page that loses a larger share of its words is dropped: it was mostly lists and menus (RefinedWeb:
0.05). Its column is then `lines.removed_share` (float32).
"""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from dspipe.kernels.text.sentence_terminals import SENTENCE_TERMINALS
from dspipe.pipeline.stage import NOTHING, MapConfig, NamedConfig, Settings
from dspipe.pipeline.threshold import Threshold
from dspipe.stages.shared.rewriting import RewritingStage, without_lines

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

# RE2, without regard to case; ^ and $ match at line ends, so that they find documents as well as lines
_FLAGS = "(?im)"
_JAVASCRIPT = "javascript"
_POLICY = "terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
_BEGINS = (
    "sign in|sign up|log ?in|log ?out|skip to|jump to|back to|share (?:on|this|via)|tweet this|click here|tap here"
    "|follow us|subscribe|newsletter|you are here|posted in|filed under|anmelden|registrieren|zum inhalt|zurück zu"
    "|teilen|se connecter|s'inscrire|aller au contenu|partager|iniciar sesión|compartir"
)
_ENDS = (
    "read more|learn more|show more|load more|see more|view all|see all|view more|more info|continue reading"
    "|mehr lesen|mehr erfahren|weiterlesen|lire la suite|en savoir plus|leer más|ver más"
)
_CONTAINS = (
    "all rights reserved|items? in (?:your )?cart|add to cart|add to wishlist|forgot (?:your )?password|follow us on"
    "|share on (?:facebook|twitter|linkedin|pinterest)|next (?:post|article|page)|previous (?:post|article|page)"
    "|your email address will not be published|this site uses akismet|your (?:submission|message) has been received"
    "|something went wrong while submitting|an official website of the united states government"
    "|alle rechte vorbehalten|in den warenkorb|tous droits réservés|todos los derechos reservados"
)
# the whole line: what is left of forms and of lists that were left out
_WHOLE = (
    "leave a (?:reply|comment)|write a comment|related (?:articles?|posts?|stories|reading|content)"
    "|you (?:may|might) also like|more (?:from|by) this (?:author|contributor)|recommended (?:reading|for you)"
)
_CHINESE = (
    "上一篇|下一篇|上一页|下一页|返回[^ 。，\n]{0,4}首页|返回顶部|点击查看|查看更多|阅读更多|加载更多"
    "|版权所有|扫一扫|分享到|责任编辑|ICP备|公网安备|不良信息举报|举报邮箱|举报电话"
    # buttons and forms
    "|^[ \t•]*(?:登录|注册|登录/注册|首页|广告|收藏|收藏本文|举报|打印|打印本页|关闭窗口|字号|正在加载|加载中"
    "|列表加载中|忘记密码|用户登录|无障碍说明|已显示全部内容|评论|写评论|发表评论|我要评论|我要跟帖|跟帖|网友评论|已输入[0-9]+"
    # headings of lists that were left out
    "|热评论|新评论|最热评论|最新评论|热门评论|新闻评论|热新闻|热话题|猜你喜欢|您可能感兴趣|相关链接"
    "|(?:相关|热门|热点|精彩|推荐|为您|为你|本周|近期|延伸)(?:推荐|阅读|文章|新闻|资讯|内容|搜索|话题|热门|热点)(?:排行榜?)?"
    # what is said of comments
    "|评论[（(][0-9]+[）)]|[0-9,]+条评论(?:\\|[0-9,]+人参与网友评论)?|(?:[0-9]+[ \t]*\\|[ \t]*)?回复"
    "|回复[ \xa0]*(?:⋅[ \xa0]*[0-9]+条回复)?[ \xa0]*[0-9]*)[ \t\xa0\u3000：:.…]*$|举报[0-9]*回复[ \t]*$"
    # where on the site the page stands
    "|(?:所在|现在|当前)的?位置[：:]|^[ \t]*首页[ \t]*[>/›»]|[>/›»][ \t]*正文[ \t]*$"
)
# unless it ends as a sentence
_CHINESE_APPS = "二维码|扫码|官方微信|公众号|APP下载|下载APP|下载客户端"
# what begins so and ends as a sentence may be prose: "Back to the hotel we went."
_NAVIGATION = (
    rf"^[^\w\n]*(?:{_BEGINS})\b[^.!?:;,\n]*$|(?:{_ENDS})[ \t.…»›>→]*$|\b(?:{_CONTAINS})\b"
    rf"|^[ \t•]*(?:{_WHOLE})[ \t:]*$|^[ \t•]*(?:copyright )?©"
)
_COUNTED = "likes?|shares?|comments?|views?|repl(?:y|ies)|followers?|retweets?|votes?|points?|reads?|downloads?"
_COUNTER = rf"^[ \t]*[0-9][0-9.,]*[ \t]?[km]?\+?[ \t](?:{_COUNTED})[ \t]*$"
_WITHOUT_END_MARKS = r"[\p{Thai}\p{Lao}\p{New_Tai_Lue}\p{Tai_Tham}]"
_TERMINAL = rf"(?:[{''.join(sorted(SENTENCE_TERMINALS))}\"”’'»」』…]|፡፡)[\s)\]）】\x{{200b}}-\x{{200f}}]*$"
_CITATION = r"\[[0-9]*\]|\[edit\]|\[citation needed\]"
_SHORT_WORDS = 10
_SHORT_CHARACTERS = 100
_SHORT_CHINESE = 30


class Config(NamedConfig, MapConfig):
    """Settings of `lines`: which lines are removed."""

    javascript: bool = Field(default=True, description="lines with the word javascript")
    policy: bool = Field(default=True, description="lines about terms of use, privacy and cookies")
    navigation: bool = Field(default=True, description="short lines with phrases of navigation")
    counters: bool = Field(default=True, description="lines that count likes, views and the like")
    numeric: bool = Field(default=False, description="lines with digits and no letters")
    uppercase: bool = Field(default=False, description="lines mostly in capitals")
    single_word: bool = Field(default=False, description="lines of one word")
    terminal: bool = Field(default=False, description="lines that don't end as a sentence")
    min_words: int = Field(default=0, ge=0, description="lines of fewer words")
    max_word: PositiveInt | None = Field(default=None, description="lines with a word of more characters; C4: 1000")
    empty: bool = Field(default=False, description="empty lines, and white space at both ends of the others")
    citations: bool = Field(default=False, description="take [1], [edit] and [citation needed] out of lines that stay")
    max_removed: float | None = Field(
        default=None, ge=0, lt=1, description="drop pages that lose a larger share of their words; RefinedWeb: 0.05"
    )


class Lines(RewritingStage[Config]):
    """Removes lines that are no prose."""

    Config = Config
    whole_lines = True

    def counted(self) -> tuple[str, ...]:
        """`lines.removed`, `lines.removed_bytes`."""
        return ("removed", "removed_bytes")

    def measured_columns(self) -> "tuple[pa.Field, ...]":
        """The counts, and with `max_removed` the share of words."""
        import pyarrow as pa

        share = pa.field(self._share, pa.float32())
        return (*super().measured_columns(), *([share] if self.judges else []))

    def measure_settings(self) -> Settings:
        """What rewrites; and whether words are counted, not how many may go."""
        settings = self.config.model_dump(mode="json", exclude={"early", "name", "max_removed"})
        return {**settings, "share": True} if self.judges else settings

    def measure(self, batch: "pa.RecordBatch") -> "pa.RecordBatch":
        """Rewrites suspects in `text`, appends the counts, and with `max_removed` the share of words removed."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        measured = super().measure(batch)
        if not self.judges:
            return measured
        share = np.zeros(batch.num_rows, np.float32)
        rows = pc.indices_nonzero(pc.greater(measured.column(f"{self.name}.removed"), 0))
        before, after = (_words(one.column("text").take(rows)) for one in (batch, measured))
        share[rows.to_numpy()] = (before - after) / np.maximum(before, 1)
        return measured.append_column(pa.field(self._share, pa.float32()), pa.array(share))

    @property
    def judges(self) -> bool:
        """Whether pages are dropped that lose too much."""
        return self.config.max_removed is not None

    def judge_columns(self) -> tuple[str, ...]:
        return (self._share,) if self.judges else ()

    def judge(self, columns: "pa.RecordBatch") -> "pa.Array":
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        # in single precision, as the share is: one that is equal passes
        most = pa.scalar(np.float32(self.config.max_removed), pa.float32())
        much = pc.fill_null(pc.greater(columns.column(self._share), most), False)
        return pc.if_else(much, f"{self.name}.too_much_removed", pa.scalar(None, pa.string()))

    def thresholds(self, notes: Settings = NOTHING) -> Iterator[Threshold]:
        if self.config.max_removed is not None:
            reason = f"{self.name}.too_much_removed"
            yield Threshold(("max_removed",), self._share, "at most", reason, self.config.max_removed)

    @property
    def _share(self) -> str:
        return f"{self.name}.removed_share"

    def suspects(self, texts: "pa.Array") -> "pa.Array":
        """Documents, or lines, with one of the phrases; all, where a rule is on that has none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        config = self.config
        without_phrases = config.numeric, config.uppercase, config.single_word, config.terminal, config.empty
        if any(without_phrases) or config.min_words or config.max_word:
            return pa.repeat(pa.scalar(True), len(texts))
        phrases = [
            *([_JAVASCRIPT] if config.javascript else []),
            *([_POLICY] if config.policy else []),
            *([_NAVIGATION, _CHINESE, _CHINESE_APPS] if config.navigation else []),
            *([_COUNTER] if config.counters else []),
            *([_CITATION] if config.citations else []),
        ]
        if not phrases:
            return pa.repeat(pa.scalar(False), len(texts))
        return pc.match_substring_regex(texts, _FLAGS + "|".join(phrases))

    def rewrite(self, texts: "pa.Array") -> "tuple[pa.Array, list[npt.NDArray[np.uint32]]]":
        """Removes the lines that a rule takes."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        split = pc.split_pattern(texts, "\n")
        lines = split.flatten()
        rows = pc.indices_nonzero(self.suspects(lines))
        removed = np.zeros(len(lines), bool)
        removed[rows.to_numpy()] = self.removed(lines.take(rows))
        ends = split.offsets.to_numpy() - split.offsets[0].as_py()
        if self.config.empty:
            # what stands behind the last line feed is no line of its own, and keeps pieces of a long text apart
            last = ends[1:] - 1
            nothing = pc.equal(pc.binary_length(lines), 0).to_numpy(zero_copy_only=False)
            removed[last[nothing[last]]] = False
        if self.config.citations or self.config.empty:
            split = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), self.cleaned(lines))
        joined, count, size = without_lines(split, removed)
        return joined, [count, size]

    def cleaned(self, lines: "pa.Array") -> "pa.Array":
        """Lines as they are kept."""
        import pyarrow.compute as pc

        if self.config.empty:
            lines = pc.utf8_trim_whitespace(lines)
        return pc.replace_substring_regex(lines, _CITATION, "") if self.config.citations else lines

    def removed(self, lines: "pa.Array") -> "npt.NDArray[np.bool_]":
        """Which of these lines (large_string) a rule takes."""
        import numpy as np
        import pyarrow.compute as pc

        config = self.config
        filled = has(lines, r"\S")
        words = pc.count_substring_regex(lines, r"\S+").to_numpy()
        characters = pc.utf8_length(lines).to_numpy()
        found = np.zeros(len(lines), bool)
        if config.javascript:
            found |= has(lines, _JAVASCRIPT)
        if config.policy:
            found |= has(lines, _POLICY)
        if config.navigation:
            short = (words <= _SHORT_WORDS) & (characters <= _SHORT_CHARACTERS)
            found |= short & has(lines, _NAVIGATION)
            chinese = has(lines, _CHINESE) | (has(lines, _CHINESE_APPS) & ~has(lines, r"[。！？.!?]\s*$"))
            found |= (characters <= _SHORT_CHINESE) & chinese
        if config.counters:
            found |= has(lines, _COUNTER)
        if config.numeric:
            found |= has(lines, r"\p{Nd}") & ~has(lines, r"\p{L}")
        if config.uppercase:
            capitals = pc.count_substring_regex(lines, r"\p{Lu}").to_numpy()
            small = pc.count_substring_regex(lines, r"\p{Ll}").to_numpy()
            found |= (capitals > small) & (capitals + small >= 10)
        if config.single_word or config.min_words:
            spaced = ~has(lines, spaceless_pattern())
            found |= spaced & (words < max(config.min_words, 2 * config.single_word))
        if config.max_word:
            found |= has_longer_word(lines, config.max_word)
        if config.terminal:
            ended = pc.replace_substring_regex(lines, _CITATION, "") if config.citations else lines
            found |= ~has(ended, _TERMINAL) & ~has(ended, _WITHOUT_END_MARKS)
        return found & filled | (~filled if config.empty else False)


@cache
def spaceless_pattern() -> str:
    """RE2: a character of a script that puts no spaces between words."""
    from dspipe.kernels.text.unicode_classes import FIRST_UNSPACED, SCRIPTS

    scripts = " ".join(SCRIPTS[FIRST_UNSPACED:]).replace("kana", "hiragana katakana")
    return "[" + "".join(rf"\p{{{script.title()}}}" for script in scripts.split()) + "]"


def has(lines: "pa.Array", pattern: str) -> "npt.NDArray[np.bool_]":
    """Which lines match an RE2 pattern somewhere, without regard to case."""
    import pyarrow.compute as pc

    # classes of letters are not to lose their case
    flags = "" if "\\p" in pattern else _FLAGS
    matches: npt.NDArray[np.bool_] = pc.match_substring_regex(lines, flags + pattern).to_numpy(zero_copy_only=False)
    return matches


def has_longer_word(lines: "pa.Array", characters: int) -> "npt.NDArray[np.bool_]":
    """Which lines hold a word of more characters than this."""
    import numpy as np
    import pyarrow.compute as pc

    longer = pc.greater(pc.utf8_length(lines), characters).to_numpy(zero_copy_only=False)
    found = np.zeros(len(lines), bool)
    rows = np.flatnonzero(longer)
    # RE2 repeats nothing a thousand times; few lines are so long
    words = (max(map(len, line.split()), default=0) for line in lines.take(rows).to_pylist())
    found[rows] = np.fromiter((word > characters for word in words), bool, len(rows))
    return found


def _words(texts: "pa.Array") -> "npt.NDArray[np.int64]":
    """Words of each text: what stands between white space."""
    import numpy as np
    import pyarrow.compute as pc

    counts: npt.NDArray[np.int64] = pc.fill_null(pc.count_substring_regex(texts, r"\S+"), 0).to_numpy().astype(np.int64)
    return counts
