"""Which language of a model somebody means who writes its name, its country or another code."""

from collections.abc import Collection

_LANGUAGES = """
af afr afrikaans; ar ara arabic; az aze azerbaijani; be bel belarusian; bg bul bulgarian; bn ben bengali bangla;
bs bos bosnian; ca cat catalan; cs ces czech cz cze; cy cym welsh; da dan danish dk; de deu german ger deutsch;
el ell greek gr gre; en eng english uk us gb; eo epo esperanto; es spa spanish castilian espanol mx; et est estonian ee;
eu eus basque; fa fas persian farsi ir; fi fin finnish; fr fra french fre francais; ga gle irish; gl glg galician;
gu guj gujarati; he heb hebrew iw il; hi hin hindi; hr hrv croatian; hu hun hungarian; hy hye armenian;
id ind indonesian; is isl icelandic ice; it ita italian; ja jpn japanese jp; ka kat georgian; kk kaz kazakh;
km khm khmer; kn kan kannada; ko kor korean kr; la lat latin; lo lao laotian; lt lit lithuanian; lv lav latvian;
mk mkd macedonian; ml mal malayalam; mn mon mongolian; mr mar marathi; ms msa malay; my mya burmese;
ne nep nepali; nl nld dutch dut; no nor norwegian nb nob bokmal; pa pan punjabi; pl pol polish; ps pus pashto;
pt por portuguese br; ro ron romanian rum; ru rus russian; si sin sinhala; sk slk slovak slo; sl slv slovenian slovene;
sq sqi albanian; sr srp serbian rs; sv swe swedish; sw swa swahili; ta tam tamil; te tel telugu; th tha thai;
tl tgl tagalog filipino ph; tr tur turkish; uk ukr ukrainian ua; ur urd urdu; uz uzb uzbek; vi vie vietnamese vn;
yue cantonese; zh zho chinese cn chi mandarin cmn tw hans hant
"""
"""ISO 639-1 and 639-3 codes, English names, and what is written instead: countries, older codes. Of two languages that
one word may mean (`uk`) the code comes first."""


def meant_language(name: str, labels: Collection[str]) -> str | None:
    """The label of a model that a word is likely to mean, as `zh` for `cn`, `Chinese` and `zh-CN`, and `eng_Latn` for
    `en`; None: none."""
    lower = {label.lower(): label for label in labels}
    word = name.strip().lower()
    for part in (word, *word.replace("-", "_").split("_")[:1]):
        if part in lower:
            return lower[part]
        for entry in sorted(_entries(), key=lambda names: part not in names[:2]):
            if part in entry:
                for code in entry[:2]:
                    found = next((lower[label] for label in sorted(lower) if label.split("_")[0] == code), None)
                    if found is not None:
                        return found
    return None


def _entries() -> list[list[str]]:
    return [entry.split() for entry in _LANGUAGES.split(";")]
