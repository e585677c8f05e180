"""Words, signs and how a block of text ends: what tells sentences from labels and menus, in any script.

Words are runs of letters and digits. Where a script has no spaces between them, each Han character and kana is a word,
and sixteen characters of any other script. Function words are those that are frequent in running text and rare in
menus: a few of each of thirty languages; of Chinese and Japanese single characters.
"""

import numpy as np

from dspipe.kernels.html.lookup import MASK_64, find, is_alphanumeric, lower, make_lookup
from dspipe.kernels.html.page_arrays import END, START
from dspipe.kernels.jit import entry, inline, jit

# columns of a block's words, int32
COUNT, FUNCTION, CAPITALS, NUMBERS, STOPS, COMMAS, ENDING, SHORT, SIGNS, CURRENCIES, COPYRIGHTS = range(11)
WORD_COLUMNS = 11
ENDS_OPEN, ENDS_SENTENCE, ENDS_COLON, ENDS_COMMA = range(4)
_SHORT_BYTES, _LONG_CHARACTERS = 3, 16

_LISTED = (
    "the of and to a in is that for it as was with be by on not he i this are or his from at which but have an had "
    "they you were there one all we can her has their been if more when will would who so no out up into do any your "
    "what some than its about only my our like just how also these them then other could because "
    "de la el en que y los un una del se las por con para est les des le et pour dans qui sur il pas ce plus au "
    "der die das und ist zu den von mit ein eine auf nicht sich auch es dem als für im di che per non sono "
    "e o do da em um uma não os mais com het een van dat niet zijn op te met och att det som på är inte jag "
    "og av er til ikke på for w na z się nie jest to że jak ale že je se na v s bir ve bu için da ile ne var "
    "și în cu este nu pe la că az és hogy nem van egy ja on ei että oli se "
    "и в не на что с как это по но из за у же так от бы для мы і та що з до "
    "και το να η ο του της των με από على في من إلى أن هذا التي الذي و که در از به این است را های "
    "של את על לא הוא זה में के की है से को का और yang dan di untuk dengan ini itu tidak và của là có không cho"
)
FUNCTION_WORDS = _LISTED.split()
_FUNCTION_CHARACTERS = (
    "的了是在和有不我他她它这這那也就都与與为為而以于於之但被把让讓从從到对對及或并並のはをにがでともたてい"
)


def _key(word: str) -> int:
    key = 0
    for byte in word.encode():
        key = (key * 131 + byte + 1) & MASK_64
    return key


_TABLE = make_lookup((key, 1) for key in sorted({_key(word) for word in (*FUNCTION_WORDS, *_FUNCTION_CHARACTERS)}))
_KEYS, _VALUES = _TABLE.keys, _TABLE.values


@entry("words", "hashes")
def count_words(text, blocks, words, hashes):  # type: ignore[no-untyped-def]
    """Fill words[b] (int32[blocks, WORD_COLUMNS]) and hashes[b] (int64), which is equal for blocks of equal words."""
    for block in range(len(blocks)):
        words[block] = 0
        hashes[block] = _count(text, np.int64(blocks[block, START]), np.int64(blocks[block, END]), words[block])


@jit
def _count(text, i, end, row):  # type: ignore[no-untyped-def]
    content = np.uint64(1469598103934665603)
    last_sign: int = ENDS_OPEN
    while i < end:
        byte = text[i]
        if _is_han_or_kana(text, i, end):
            key = np.uint64(0)
            for k in range(3):
                key = key * np.uint64(131) + np.uint64(text[i + k]) + np.uint64(1)
            content = (content ^ key) * np.uint64(1099511628211)
            row[COUNT] += 1
            row[FUNCTION] += find(_KEYS, _VALUES, key) >= 0
            last_sign = ENDS_OPEN
            i += 3
        elif is_alphanumeric(byte) or (byte >= 128 and not _is_sign(text, i, end)):
            row[CAPITALS] += 65 <= byte <= 90
            key, start, characters, numeric = np.uint64(0), i, 0, True
            while i < end:
                byte = text[i]
                if not (is_alphanumeric(byte) or byte >= 128):
                    break
                if byte >= 0xC0 and (_is_sign(text, i, end) or _is_han_or_kana(text, i, end)):
                    break
                numeric &= 48 <= byte <= 57
                characters += byte < 128 or byte >= 0xC0
                key = key * np.uint64(131) + np.uint64(lower(byte)) + np.uint64(1)
                i += 1
            content = (content ^ key) * np.uint64(1099511628211)
            row[COUNT] += 1 + characters // _LONG_CHARACTERS
            row[NUMBERS] += numeric
            row[SHORT] += i - start <= _SHORT_BYTES
            row[FUNCTION] += find(_KEYS, _VALUES, key) >= 0
            last_sign = ENDS_OPEN
        else:
            last_sign, i = _count_sign(text, i, end, row, last_sign)
    row[ENDING] = last_sign
    return np.int64(content >> np.uint64(1))


@inline
def _is_han_or_kana(text, i, end):  # type: ignore[no-untyped-def]
    """U+3040 to U+9FFF: three bytes from E3 81 80 to E9 BF BF."""
    byte = text[i]
    return 0xE3 <= byte <= 0xE9 and i + 2 < end and not (byte == 0xE3 and text[i + 1] == 0x80)


@inline
def _is_sign(text, i, end):  # type: ignore[no-untyped-def]
    """Whether the bytes from 128 on that stand at text[i] are a sign and no letter."""
    byte = text[i]
    after = text[i + 1] if i + 1 < end else np.uint8(0)
    if byte == 0xC2:
        return True
    if byte == 0xE2:
        return after == 0x80 or after == 0x82 or after == 0x86 or after == 0x96 or after == 0x97
    if byte == 0xE3:
        return after == 0x80
    return byte == 0xEF and after == 0xBC and i + 2 < end and _is_wide_sign(text[i + 2])


@inline
def _is_wide_sign(third):  # type: ignore[no-untyped-def]
    """Full-width ! to / and : to ?."""
    return 0x81 <= third <= 0x8F or 0x9A <= third <= 0xA0


@inline
def _count_sign(text, i, end, row, before):  # type: ignore[no-untyped-def]
    """Count the sign at text[i]: how a text ends that ends with it, and where the next one is."""
    byte = text[i]
    if byte == 32 or byte == 10 or byte == 9:
        return before, i + 1
    if byte < 128:
        if byte == 46 or byte == 33 or byte == 63:
            row[STOPS] += 1
            return ENDS_SENTENCE, i + 1
        if byte == 44:
            row[COMMAS] += 1
            return ENDS_COMMA, i + 1
        if byte == 36:
            row[CURRENCIES] += 1
        elif byte != 58:
            row[SIGNS] += 1
        if byte == 34 or byte == 39 or byte == 41:  # a quotation or bracket that closes
            return before, i + 1
        return ENDS_COLON if byte == 58 else ENDS_OPEN, i + 1
    after = text[i + 1] if i + 1 < end else np.uint8(0)
    third = text[i + 2] if i + 2 < end else np.uint8(0)
    if byte == 0xC2:
        row[CURRENCIES] += after == 0xA3 or after == 0xA5
        row[COPYRIGHTS] += after == 0xA9
        return ENDS_OPEN, i + 2
    if byte == 0xE3:
        if third == 0x82:  # 。
            row[STOPS] += 1
            return ENDS_SENTENCE, i + 3
        if third == 0x81:  # 、
            row[COMMAS] += 1
            return ENDS_COMMA, i + 3
        return before if third == 0x8D or third == 0x8F else ENDS_OPEN, i + 3
    if byte == 0xEF:
        if third == 0x81 or third == 0x8E or third == 0x9F:
            row[STOPS] += 1
            return ENDS_SENTENCE, i + 3
        if third == 0x8C or third == 0x9B:
            row[COMMAS] += 1
            return ENDS_COMMA, i + 3
        return ENDS_COLON if third == 0x9A else ENDS_OPEN, i + 3
    row[CURRENCIES] += after == 0x82 and third == 0xAC
    if after == 0x80 and (third == 0x9D or third == 0x99):  # closing quotes
        return before, i + 3
    return ENDS_SENTENCE if after == 0x80 and third == 0xA6 else ENDS_OPEN, i + 3
