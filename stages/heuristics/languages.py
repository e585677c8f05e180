"""What heuristics know of single languages: script, stop words, and thresholds that differ from the English ones.

Thresholds: FineWeb2 (Penedo et al. 2025, arXiv 2506.20920, section 4; github.com/huggingface/fineweb-2, configs/*.yml
at d0defb2), which moved the English filters of Gopher and FineWeb to each language by its statistics on reference
texts. They were tuned with a word segmenter for each language; ours counts units (kernels/text/script.py), so mean
lengths of words in unspaced scripts are near constant and their range is wide enough, and n-grams of units are made as
long as the words' (kernels/text/repeated_ngrams.py). FineWeb2 turns the short-lines rule off beyond English and allows
10 % of characters in duplicated lines.

What they do to good text that isn't web prose, measured with all rules and without C4's, each with the papers'
definitions and with `like: datatrove`, and by datatrove's own filters with FineWeb2's configs and tokenizers (spaCy,
jieba), which leave C4's rules out:

    passes                       papers: all  without C4    like datatrove: all  without C4    datatrove
    German statutes, 300               3.0 %       3.0 %                  0.7 %       0.7 %        1.0 %
    Chinese statutes, 300             77.0 %      78.0 %                 76.3 %      78.0 %       80.0 %
    pages of a Chinese wiki, 205       6.8 %      62.4 %                  2.9 %       8.8 %        1.0 %

German statutes in Markdown mostly break two rules: lines wrapped at 70 characters make a line end every five tokens
(every 6.6 are allowed), and they repeat themselves; figures, section signs and brackets leave 84 % of words but 70 % of
tokens with a letter (77.4 % are asked for). The wiki is half code, in which C4 finds a curly bracket. These are the
published thresholds at work, so they stay; who wants such text gives its source thresholds of its own: of 700 German
statutes 79 % pass with `rules: [gopher, fineweb]`, and for `de` `max_newlines_per_word: 0.4`,
`min_alphabetic_words: 0.5` and repeated n-grams turned off.

Stop words: for English the eight of the Gopher paper (Rae et al. 2021, appendix A.1.1). For the others closed-class
words (articles, prepositions, conjunctions, particles, copulas) among the most frequent of each language, eight to
fourteen, as FineWeb2 asks for two of a list of the same kind. In unspaced scripts they may stand anywhere, and none
is longer than four letters.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


@dataclass(frozen=True)
class Profile:
    """One language, or what holds for a script. `script`: a name in kernels.text.unicode_classes.SCRIPTS."""

    script: str
    stop_words: tuple[str, ...] = ()
    thresholds: dict[str, float | None] = field(default_factory=dict)


_OTHER_THAN_ENGLISH: dict[str, float | None] = {"max_short_lines": None, "max_duplicate_characters": 0.1}
# the widest range among FineWeb2's languages: words of two letters and of thirty-seven are the rule somewhere
_UNKNOWN: dict[str, float | None] = {
    **_OTHER_THAN_ENGLISH,
    "min_mean_word_length": 1,
    "max_mean_word_length": 37,
    "min_alphabetic_words": 0.69,
}


def _profile(
    script: str,
    stop_words: str,
    lines: float,
    top: tuple[float, float, float],
    repeated: tuple[float, float, float, float, float, float],
    word_length: tuple[float, float],
    alphabetic: float,
    terminal: float,
    newlines: float,
) -> Profile:
    thresholds: dict[str, float | None] = {
        **_OTHER_THAN_ENGLISH,
        "max_duplicate_lines": lines,
        "min_mean_word_length": word_length[0],
        "max_mean_word_length": word_length[1],
        "min_alphabetic_words": alphabetic,
        "min_terminal_lines": terminal,
        "max_newlines_per_word": newlines,
    }
    thresholds |= {f"max_top_{n}_gram": value for n, value in zip((2, 3, 4), top, strict=True)}
    thresholds |= {f"max_duplicate_{n}_grams": value for n, value in zip(range(5, 11), repeated, strict=True)}
    return Profile(script, tuple(stop_words.split()), thresholds)


# fmt: off
PROFILES: dict[str, Profile] = {
    # English, and Latin script of unknown language: the published thresholds themselves
    "en": Profile("latin", ("the", "be", "to", "of", "and", "that", "have", "with")),
    # a language without a profile of its own: no stop words are known
    "other": Profile("none", (), _UNKNOWN),
    "de": _profile(
        "latin", "der die das und in zu den nicht mit von ist ein auf für",
        0.263, (0.169, 0.153, 0.137), (0.141, 0.134, 0.126, 0.117, 0.108, 0.098),
        (0, 15), 0.774, 0.0, 0.152,
    ),
    "fr": _profile(
        "latin", "le la les de et des un une est dans pour que qui pas",
        0.264, (0.161, 0.149, 0.134), (0.15, 0.141, 0.131, 0.121, 0.111, 0.1),
        (2, 11), 0.812, 0.1, 0.185,
    ),
    "es": _profile(
        "latin", "de la que el en y los se del las un por con una",
        0.252, (0.156, 0.14, 0.125), (0.145, 0.136, 0.127, 0.117, 0.108, 0.099),
        (3, 14), 0.825, 0.182, 0.138,
    ),
    "it": _profile(
        "latin", "di che e il la un per non una in sono con del della",
        0.246, (0.198, 0.156, 0.133), (0.144, 0.136, 0.127, 0.118, 0.109, 0.1),
        (3, 21), 0.807, 0.025, 0.2,
    ),
    "pt": _profile(
        "latin", "de que e o a do da em um para com não uma os",
        0.287, (0.371, 0.191, 0.163), (0.163, 0.153, 0.141, 0.13, 0.119, 0.108),
        (3, 13), 0.814, 0.077, 0.186,
    ),
    "nl": _profile(
        "latin", "de het een van en in is dat op te niet zijn voor met",
        0.296, (0.213, 0.182, 0.158), (0.156, 0.146, 0.136, 0.126, 0.115, 0.104),
        (3, 17), 0.828, 0.102, 0.154,
    ),
    "sv": _profile(
        "latin", "och att det i som en på är av för med den till inte",
        0.292, (0.242, 0.195, 0.174), (0.156, 0.147, 0.136, 0.125, 0.116, 0.105),
        (3, 12), 0.841, 0.2, 0.135,
    ),
    "da": _profile(
        "latin", "og at det i er en som på af for med den til ikke",
        0.305, (0.367, 0.297, 0.232), (0.169, 0.158, 0.147, 0.134, 0.123, 0.112),
        (3, 11), 0.798, 0.1, 0.182,
    ),
    "fi": _profile(
        "latin", "ja on ei että se oli joka mutta myös ovat kun tai",
        0.293, (0.253, 0.202, 0.179), (0.153, 0.143, 0.133, 0.122, 0.112, 0.101),
        (3, 14), 0.755, 0.114, 0.161,
    ),
    "pl": _profile(
        "latin", "w i z na do nie się że jest to o jak przez dla",
        0.32, (0.222, 0.198, 0.176), (0.172, 0.16, 0.148, 0.136, 0.123, 0.111),
        (3, 12), 0.726, 0.087, 0.158,
    ),
    "cs": _profile(
        "latin", "a v se na že je z o do s by jako jsou pro",
        0.311, (0.206, 0.183, 0.165), (0.168, 0.157, 0.145, 0.133, 0.121, 0.109),
        (3, 11), 0.781, 0.06, 0.182,
    ),
    "ro": _profile(
        "latin", "de și în a la cu pe că nu o este din care pentru",
        0.289, (0.161, 0.146, 0.131), (0.16, 0.149, 0.138, 0.127, 0.117, 0.106),
        (1, 14), 0.779, 0.081, 0.207,
    ),
    "hu": _profile(
        "latin", "a az és hogy nem is egy meg van ez de volt mint",
        0.322, (0.226, 0.198, 0.172), (0.169, 0.159, 0.148, 0.136, 0.124, 0.112),
        (3, 15), 0.766, 0.067, 0.231,
    ),
    "tr": _profile(
        "latin", "ve bir bu da de için ile olarak daha olan gibi çok ne",
        0.272, (0.214, 0.168, 0.147), (0.154, 0.144, 0.134, 0.124, 0.113, 0.103),
        (3, 21), 0.773, 0.091, 0.222,
    ),
    "vi": _profile(
        "latin", "và của là có các trong được cho một với không những người để",
        0.293, (0.223, 0.197, 0.171), (0.178, 0.163, 0.15, 0.136, 0.124, 0.111),
        (3, 11), 0.803, 0.333, 0.103,
    ),
    "id": _profile(
        "latin", "yang dan di dari untuk dengan pada ini itu dalam adalah tidak ke",
        0.241, (0.194, 0.166, 0.145), (0.166, 0.155, 0.144, 0.133, 0.122, 0.111),
        (3, 12), 0.805, 0.111, 0.157,
    ),
    "ru": _profile(
        "cyrillic", "и в не на что с по как к из у за от для",
        0.322, (0.184, 0.164, 0.146), (0.168, 0.156, 0.145, 0.133, 0.121, 0.109),
        (3, 11), 0.713, 0.231, 0.139,
    ),
    "uk": _profile(
        "cyrillic", "і в не на що з у до як та за для від це",
        0.3, (0.189, 0.172, 0.153), (0.16, 0.148, 0.136, 0.124, 0.113, 0.102),
        (3, 11), 0.694, 0.167, 0.175,
    ),
    "el": _profile(
        "greek", "και το να του η της με που την από για είναι τα στο",
        0.31, (0.194, 0.175, 0.156), (0.174, 0.163, 0.153, 0.142, 0.13, 0.119),
        (3, 11), 0.809, 0.167, 0.116,
    ),
    "ar": _profile(
        "arabic", "في من على إلى أن عن التي الذي كان هذا هذه مع لا أو",
        0.304, (0.197, 0.172, 0.146), (0.165, 0.153, 0.142, 0.131, 0.12, 0.109),
        (2, 9), 0.787, 0.143, 0.189,
    ),
    "fa": _profile(
        "arabic", "و در به از که این را با است آن برای یک تا بر",
        0.246, (0.189, 0.164, 0.143), (0.157, 0.147, 0.137, 0.127, 0.117, 0.107),
        (2, 9), 0.812, 0.2, 0.15,
    ),
    "ur": _profile(
        "arabic", "کے کی میں ہے کا اور سے کو نے پر یہ ہیں کہ",
        0.204, (0.139, 0.123, 0.107), (0.125, 0.115, 0.107, 0.098, 0.089, 0.081),
        (2, 31), 0.839, 0.1, 0.222,
    ),
    "he": _profile(
        "hebrew", "של את על לא הוא עם זה היא גם או כי אל יש",
        0.34, (0.239, 0.202, 0.173), (0.16, 0.151, 0.14, 0.129, 0.118, 0.108),
        (2, 9), 0.799, 0.2, 0.126,
    ),
    "hi": _profile(
        "devanagari", "के में की है और से का को पर यह कि नहीं हैं ने",
        0.206, (0.208, 0.198, 0.161), (0.135, 0.125, 0.116, 0.108, 0.099, 0.09),
        (2, 21), 0.837, 0.091, 0.316,
    ),
    "ko": _profile(
        "hangul", "이 그 수 등 및 있다 있는 것이다 대한 위해 또한 하지만 그리고 더 한 할 것 것을 것은 같은 때 또는",
        0.374, (0.282, 0.228, 0.185), (0.201, 0.184, 0.168, 0.154, 0.14, 0.127),
        (1, 6), 0.791, 0.062, 0.196,
    ),
    "zh": _profile(
        "han", "的 是 在 不 了 和 有 而 之 与 與 为 為 也 其 于 於 这 這 以 者 及 或",
        0.287, (0.256, 0.201, 0.171), (0.198, 0.182, 0.167, 0.154, 0.14, 0.127),
        (1, 5), 0.735, 0.106, 0.178,
    ),
    "ja": _profile(
        "kana", "の は を に が と で も た し する こと",
        0.328, (0.239, 0.196, 0.172), (0.243, 0.225, 0.207, 0.19, 0.175, 0.159),
        (1, 6), 0.759, 0.096, 0.13,
    ),
    "th": _profile(
        "thai", "ที่ และ ใน เป็น การ ของ ไม่ มี ได้ ให้ จะ",
        0.349, (0.221, 0.197, 0.162), (0.185, 0.168, 0.152, 0.137, 0.124, 0.111),
        (2, 10), 0.9, 0.0, 0.153,
    ),
    "lo": _profile(
        "lao", "ແລະ ໃນ ຂອງ ເປັນ ທີ່ ໄດ້ ມີ ບໍ່ ໃຫ້",
        0.327, (0.198, 0.175, 0.143), (0.187, 0.175, 0.163, 0.149, 0.135, 0.123),
        (2, 9), 0.85, 0.0, 0.2,
    ),
    "km": _profile(
        "khmer", "និង ជា មាន បាន ដែល នៅ ក្នុង របស់ នេះ ពី",
        0.917, (0.594, 0.523, 0.438), (0.175, 0.16, 0.148, 0.135, 0.121, 0.109),
        (2, 13), 0.905, 0.0, 0.361,
    ),
    "my": _profile(
        "myanmar", "သည် ကို များ နှင့် တွင် သော ဖြစ် မှာ တို့",
        0.278, (0.161, 0.152, 0.133), (0.167, 0.155, 0.145, 0.134, 0.124, 0.113),
        (2, 21), 0.75, 0.0, 0.07,
    ),
    "bo": _profile(
        "tibetan", "དང་ ནས་ གི་ ཀྱི་ གྱི་ ནི་ ཡིན་ ཡིན དུ་ ལ་ པའི་ ཡོད་ ཡོད",
        0.261, (0.206, 0.205, 0.175), (0.174, 0.153, 0.14, 0.129, 0.115, 0.102),
        (1, 23), 0.824, 0.0, 0.417,
    ),
}
# fmt: on

DEFAULT_OF_SCRIPT = {
    "none": "en", "latin": "en", "cyrillic": "ru", "greek": "el", "arabic": "ar", "hebrew": "he", "devanagari": "hi",
    "hangul": "ko", "han": "zh", "kana": "ja", "thai": "th", "lao": "lo", "khmer": "km",
    "myanmar": "my", "tibetan": "bo",
}  # fmt: skip
"""The profile of a document by its script alone; `other` for scripts that are not here."""

_ALIASES = {
    "eng": "en", "deu": "de", "fra": "fr", "spa": "es", "ita": "it", "por": "pt", "nld": "nl", "swe": "sv", "dan": "da",
    "fin": "fi", "pol": "pl", "ces": "cs", "ron": "ro", "hun": "hu", "tur": "tr", "vie": "vi", "ind": "id", "rus": "ru",
    "ukr": "uk", "ell": "el", "ara": "ar", "arb": "ar", "fas": "fa", "pes": "fa", "urd": "ur", "heb": "he", "hin": "hi",
    "cmn": "zh", "zho": "zh", "wuu": "zh", "yue": "zh", "jpn": "ja", "kor": "ko", "tha": "th", "lao": "lo", "khm": "km",
    "mya": "my", "bod": "bo",
}  # fmt: skip


def profile_of(language: str) -> str:
    """The profile's name for a language tag: `de`, `zh-Hant`, `deu_Latn`; `other` when it has none of its own."""
    tag = language.replace("_", "-").split("-")[0].lower()
    tag = _ALIASES.get(tag, tag)
    return tag if tag in PROFILES else "other"


def profiles_of(languages: "pa.Array", scripts: "npt.NDArray[np.int64]") -> "npt.NDArray[np.int64]":
    """The place in PROFILES for each document. languages: their tags (string); scripts: indices into SCRIPTS.

    The language decides where its profile is of the document's script, else the script does: a page that was taken for
    English but is mostly Chinese is judged as Chinese.
    """
    import numpy as np

    from dspipe.kernels.text.unicode_classes import FIRST_UNSPACED, SCRIPTS

    places = {name: place for place, name in enumerate(PROFILES)}
    by_script = np.array([places[DEFAULT_OF_SCRIPT.get(script, "other")] for script in SCRIPTS])
    fallback = by_script[scripts]
    tags = languages.dictionary_encode()
    distinct = [places[profile_of(tag)] for tag in tags.dictionary.to_pylist()]
    named = np.array([*distinct, -1], np.int64)[tags.indices.fill_null(-1).to_numpy()]
    script_of = np.array([SCRIPTS.index(profile.script) for profile in PROFILES.values()])
    fits = (script_of[named] == scripts) | ((named == places["other"]) & (scripts < FIRST_UNSPACED))
    return np.where((named >= 0) & fits, named, fallback)
