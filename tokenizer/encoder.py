"""Encoding text to token ids: Arrow columns in, flat ids and offsets out, the ids that Hugging Face gives.

`load` reads any tokenizer.json. Byte-level BPE with a pre-tokenizer of tokenizer.schemes runs through the kernels
(`Encoder`); everything else runs through the library `tokenizers` (`HuggingFaceEncoder`), which says why. Neither adds
tokens of its own, cuts documents short or pads them, whatever the file asks for: a pipeline wants the document's ids.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tokenizers import Tokenizer

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.bpe.cut import joins_of
from dspipe.kernels.bpe.encode import SLACK, encode_pieces
from dspipe.kernels.bpe.piece_cache import piece_cache
from dspipe.kernels.bpe.table import MAX_ID, merge_table
from dspipe.kernels.bpe.whole import whole_tokens
from dspipe.tokenizer.arrays import Bytes, Ids, Offsets
from dspipe.tokenizer.byte_alphabet import BYTE_OF, CHARACTER_OF, to_bytes
from dspipe.tokenizer.normalization import normalize_nfc
from dspipe.tokenizer.schemes import SCHEMES, Scheme, find_scheme

NOT_IN_UTF8 = frozenset({0xC0, 0xC1, *range(0xF5, 0x100)})
"""bytes that valid text never has: DeepSeek LLM's vocabulary lacks them"""
CACHE_BYTES = 64 << 20
"""of pieces seen, by an encoder: 1,000,000 short ones and about 400,000 long ones"""


class TokenizerError(Exception):
    """A tokenizer.json that cannot be used; the message says why."""


class AnyEncoder(Protocol):
    """What both encoders do."""

    vocab_size: int
    """one more than the largest id"""
    engine: str
    """`dspipe`, or `tokenizers: ` and the reason"""

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> tuple[Ids, Offsets]:
        """The ids of all rows of a string column (uint32), and their offsets by row (int64, one more than rows)."""

    def decode(self, ids: Sequence[int] | npt.NDArray[Any]) -> bytes:
        """The bytes of the ids; special tokens as they are written."""


def load(path: str | Path, special: bool = False, cache_bytes: int = CACHE_BYTES) -> AnyEncoder:
    """An encoder from a tokenizer.json.

    special: whether special tokens written out in a text become special tokens; without it they are plain text, since
    a text that can write them can end a document or speak for another role. Raises TokenizerError.
    """
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise TokenizerError(f"cannot read the tokenizer {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path} is not a tokenizer.json: it is not UTF-8 text") from error
    return loads(text, special, cache_bytes, str(path))


def loads(text: str, special: bool = False, cache_bytes: int = CACHE_BYTES, name: str = "tokenizer.json") -> AnyEncoder:
    """As `load`, from the content of a tokenizer.json; `name` is for messages."""
    vocabulary = read_vocabulary(parse(text, name))
    if isinstance(vocabulary, str):
        return HuggingFaceEncoder(text, vocabulary, special, name)
    return Encoder(vocabulary, special, cache_bytes)


def parse(text: str, name: str) -> dict[str, Any]:
    """The content of a tokenizer.json. Raises TokenizerError when it is something else."""
    try:
        config = json.loads(text)
    except ValueError as error:
        raise TokenizerError(f"{name} is not a tokenizer.json: {error}") from error
    if not isinstance(config, dict) or not isinstance(config.get("model"), dict):
        raise TokenizerError(f"{name} is not a tokenizer.json: it has no model")
    return config


@dataclass(frozen=True)
class AddedToken:
    """A token that is looked for in the text before it is cut into pieces."""

    number: int
    content: bytes
    special: bool
    """only when it is asked for; others are always meant"""
    normalized: bool
    """looked for in what those that are not have left over"""


@dataclass(frozen=True)
class Vocabulary:
    """A byte-level BPE tokenizer that the kernels can run."""

    scheme: Scheme
    tokens: dict[int, bytes]
    """the bytes of each id, added tokens included"""
    merges: npt.NDArray[np.uint32]
    """rows (left id, right id, id made) in order of rank"""
    byte_ids: npt.NDArray[np.uint32]
    """the id of each byte; 0 for those of NOT_IN_UTF8 that it lacks"""
    added: tuple[AddedToken, ...]
    whole_first: tuple[int, ...]
    """ids that a piece of their bytes becomes whatever its merges say (`ignore_merges`)"""
    normalizes: bool
    """whether text is brought into Unicode's form C first"""


def read_vocabulary(config: Mapping[str, Any]) -> Vocabulary | str:
    """The vocabulary of a parsed tokenizer.json, or why the kernels cannot run it."""
    model = config["model"]
    scheme = find_scheme(config.get("pre_tokenizer"))
    if (kind := model.get("type", "BPE" if "merges" in model else "of no type")) != "BPE":
        return f"its model is {kind}, not BPE"
    if scheme is None:
        known = ", ".join(SCHEMES)
        return f"its pre-tokenizer is none of {known}"
    normalizers = _list_normalizers(config.get("normalizer"))
    if normalizers not in ([], ["NFC"]):
        return f"it normalizes text by {' and '.join(normalizers)}; only NFC is known"
    for option in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"):
        if model.get(option):
            return f"its model has the option {option}"
    if not isinstance(model.get("vocab"), dict) or not isinstance(model.get("merges"), list):
        return "its model has no vocabulary or no merges"
    vocab: dict[str, int] = model["vocab"]
    if any(character not in vocab and BYTE_OF[character] not in NOT_IN_UTF8 for character in CHARACTER_OF):
        return "its vocabulary lacks some of the bytes that text may have"
    added: list[AddedToken] = []
    for token in config.get("added_tokens") or []:
        if token.get("lstrip") or token.get("rstrip") or token.get("single_word"):
            return f"its added token {token['content']} takes blanks or whole words"
        flags = bool(token.get("special")), bool(token.get("normalized"))
        if normalizers and flags[1]:
            return f"its added token {token['content']} is looked for in normalized text"
        added.append(AddedToken(token["id"], token["content"].encode(), *flags))
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
    try:
        rows = [(vocab[left], vocab[right], vocab[left + right]) for left, right in pairs]
    except (KeyError, ValueError):
        return "its merges make tokens that its vocabulary lacks"
    tokens, others = _read_tokens(vocab)
    if others.intersection(number for row in rows for number in row):
        return "its merges are not byte-level throughout"
    tokens |= {token.number: token.content for token in added}
    if max(tokens) > MAX_ID:
        return f"its ids go above {MAX_ID:,}"
    merges = np.array(rows, np.uint32).reshape(-1, 3)
    byte_ids = np.array([vocab.get(character, 0) for character in CHARACTER_OF], np.uint32)
    whole_first = tuple(vocab.values()) if model.get("ignore_merges") else ()
    return Vocabulary(scheme, tokens, merges, byte_ids, tuple(added), whole_first, bool(normalizers))


def _read_tokens(vocab: Mapping[str, int]) -> tuple[dict[int, bytes], set[int]]:
    """The bytes of each id, and the ids of tokens that aren't byte-level: DeepSeek-V3 has its special tokens among the
    others, where no text and no merge gets to them."""
    tokens, others = {}, set()
    for token, number in vocab.items():
        try:
            tokens[number] = to_bytes(token)
        except (KeyError, ValueError):
            tokens[number] = token.encode()
            others.add(number)
    return tokens, others


def _list_normalizers(normalizer: Any) -> list[str]:
    """The types of a tokenizer.json's normalizers; a sequence of none is none."""
    match normalizer:
        case None:
            return []
        case {"type": "Sequence", "normalizers": [*parts]}:
            return [name for part in parts for name in _list_normalizers(part)]
        case {"type": str(name)}:
            return [name]
    return ["something unknown"]


class Encoder:
    """Encodes with the kernels. Not for use by two threads at once: it keeps the pieces that it has seen."""

    def __init__(self, vocabulary: Vocabulary, special: bool = False, cache_bytes: int = CACHE_BYTES) -> None:
        self.engine = "dspipe"
        self.vocab_size = max(vocabulary.tokens) + 1
        self._tokens = vocabulary.tokens
        self._pieces = vocabulary.scheme.pre_tokenizer()
        self._normalizes = vocabulary.normalizes
        self._merges = merge_table(vocabulary.byte_ids, vocabulary.merges)
        made = [vocabulary.tokens[number] for number in np.unique(vocabulary.merges[:, 2]).tolist()]
        self._joins = joins_of(*_lay_out(made))
        self._whole = whole_tokens({})
        self._cache = piece_cache(cache_bytes)
        if vocabulary.whole_first:
            self._take_whole(vocabulary.whole_first, made, cache_bytes)
        wanted = [token for token in vocabulary.added if token.content and (special or not token.special)]
        self._added = {token.content: token.number for token in wanted}
        groups = ([token.content for token in wanted if token.normalized is flag] for flag in (False, True))
        # leftmost, then longest, as Hugging Face finds them
        self._patterns = [
            re.compile(b"|".join(map(re.escape, sorted(group, key=len, reverse=True)))) for group in groups if group
        ]

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> tuple[Ids, Offsets]:
        """As AnyEncoder.encode; a null row has no ids. The column must be valid UTF-8, as Arrow's strings are."""
        return self.encode_buffers(*text_buffers(texts))

    def encode_buffers(self, text: Bytes, offsets: Offsets) -> tuple[Ids, Offsets]:
        """The same for the documents text[offsets[i]:offsets[i + 1]]."""
        spans = self._find_added_tokens(text, offsets) if self._added else []
        if not spans:
            return self._encode_plain(text, offsets)
        starts, stops, numbers = np.array(spans, np.int64).T
        borders = np.unique(np.concatenate([offsets, starts, stops]))
        ids, ends = self._encode_plain(text, borders)
        # each span is one of the parts between borders, and one id instead of those that its bytes gave
        lengths, is_span = np.diff(ends), np.zeros(len(borders) - 1, bool)
        parts = np.searchsorted(borders, starts)
        is_span[parts] = True
        moved = np.append(0, np.cumsum(np.where(is_span, 1, lengths)))
        out = np.empty(moved[-1], np.uint32)
        rest = np.ones(len(out), bool)
        rest[moved[parts]] = False
        out[moved[parts]] = numbers
        out[rest] = ids[np.repeat(~is_span, lengths)]
        return out, moved[np.searchsorted(borders, offsets)]

    def decode(self, ids: Sequence[int] | npt.NDArray[Any]) -> bytes:
        """As AnyEncoder.decode. Raises TokenizerError for an id that the vocabulary lacks."""
        try:
            return b"".join([self._tokens[number] for number in np.asarray(ids, np.int64).tolist()])
        except KeyError as error:
            raise TokenizerError(f"the vocabulary has no id {error.args[0]}") from error

    def _take_whole(self, numbers: Sequence[int], made: list[bytes], cache_bytes: int) -> None:
        """From now on pieces of the bytes of these ids become them, where merging gives something else."""
        tokens = {number: self._tokens[number] for number in numbers if _is_text(self._tokens[number])}
        text, offsets = _lay_out(tokens.values())
        # a token is encoded as one piece, and an end at the same place ends its document
        ids, ends = self._encode_pieces(text, [np.repeat(offsets[1:], 2)], offsets)
        alone = (np.diff(ends) == 1) & (ids[np.minimum(ends[:-1], len(ids) - 1)] == np.array([*tokens]))
        others = {
            number: token for (number, token), same in zip(tokens.items(), alone.tolist(), strict=True) if not same
        }
        self._whole = whole_tokens(others)
        self._joins = joins_of(*_lay_out([*made, *others.values()]))  # so that no piece that is one is cut
        self._cache = piece_cache(cache_bytes)

    def _encode_plain(self, text: Bytes, offsets: Offsets) -> tuple[Ids, Offsets]:
        if self._normalizes:
            text, offsets = normalize_nfc(text, offsets)
        return self._encode_pieces(text, self._pieces.blocks(text, offsets), offsets)

    def _encode_pieces(self, text: Bytes, blocks: Iterable[Offsets], offsets: Offsets) -> tuple[Ids, Offsets]:
        # reserved, not used: the operating system gives pages as ids are written
        ids = np.empty(int(offsets[-1] - offsets[0]) + SLACK, np.uint32)
        ends = np.zeros(len(offsets), np.int64)
        state = np.array([offsets[0], 0, 0], np.int64)
        for block in blocks:
            encode_pieces(text, block, state, self._merges, self._joins, self._whole, self._cache, ids, ends)
        return ids[: state[2]], ends

    def _find_added_tokens(self, text: Bytes, offsets: Offsets) -> list[tuple[int, int, int]]:
        """Start, end and id of each added token in the documents."""
        whole = np.ascontiguousarray(text).data
        first, last = int(offsets[0]), int(offsets[-1])
        if all(pattern.search(whole, first, last) is None for pattern in self._patterns):
            return []
        return [span for start, end in pairwise(offsets.tolist()) for span in self._find_in_span(whole, start, end, 0)]

    def _find_in_span(self, whole: memoryview, start: int, end: int, group: int) -> Iterator[tuple[int, int, int]]:
        """The added tokens of this group of patterns in a part of the text, those of later groups in between."""
        if group == len(self._patterns):
            return
        for match in self._patterns[group].finditer(whole, start, end):
            yield from self._find_in_span(whole, start, match.start(), group + 1)
            yield match.start(), match.end(), self._added[match.group()]
            start = match.end()
        yield from self._find_in_span(whole, start, end, group + 1)


def _lay_out(tokens: Collection[bytes]) -> tuple[Bytes, Offsets]:
    """The tokens' bytes one behind the other, and where each begins and the last ends."""
    return text_buffers(pa.array(tokens, pa.large_binary()))


def _is_text(token: bytes) -> bool:
    """Whether the bytes are whole characters, as every piece of text is."""
    try:
        token.decode()
    except UnicodeDecodeError:
        return False
    return bool(token)


class HuggingFaceEncoder:
    """Encodes with the library `tokenizers`."""

    def __init__(self, text: str, reason: str, special: bool = False, name: str = "tokenizer.json") -> None:
        try:
            self._tokenizer = Tokenizer.from_str(text)
        except Exception as error:
            raise TokenizerError(f"{name} cannot be used: {reason}, and `tokenizers` refuses it: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = not special
        self.engine = f"tokenizers: {reason}"
        self.vocab_size = max(self._tokenizer.get_vocab(with_added_tokens=True).values()) + 1

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> tuple[Ids, Offsets]:
        """As AnyEncoder.encode."""
        rows = [text or "" for text in texts.to_pylist()]
        encoded = self._tokenizer.encode_batch_fast(rows, add_special_tokens=False)
        parts = [np.array(row.ids, np.uint32) for row in encoded]
        offsets = np.append(0, np.cumsum([len(part) for part in parts], dtype=np.int64))
        return np.concatenate([np.empty(0, np.uint32), *parts]), offsets

    def decode(self, ids: Sequence[int] | npt.NDArray[Any]) -> bytes:
        """As AnyEncoder.decode; bytes that are no UTF-8 are lost, since the library gives text."""
        text: str = self._tokenizer.decode(np.asarray(ids, np.int64).tolist(), skip_special_tokens=False)
        return text.encode()
