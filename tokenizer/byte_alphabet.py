"""How byte-level tokenizers write bytes as text: one printable character a byte, the same in every tokenizer.json.

Printable Latin-1 characters stand for themselves, the other 68 bytes for the characters from U+0100 on, as in GPT-2.
"""

_PRINTABLE = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]

CHARACTER_OF = [chr(byte) if byte in _PRINTABLE else chr(256 + _OTHERS.index(byte)) for byte in range(256)]
"""the character for each byte"""

BYTE_OF = {character: byte for byte, character in enumerate(CHARACTER_OF)}
"""the byte for each character"""

ID_OF = [sorted(CHARACTER_OF).index(character) for character in CHARACTER_OF]
"""the id of each byte as Hugging Face numbers them: in the order of their characters"""

_TO_BYTE = {ord(character): byte for character, byte in BYTE_OF.items()}
_TO_CHARACTER = dict(enumerate(CHARACTER_OF))


def to_bytes(token: str) -> bytes:
    """The bytes of a token as written in a vocabulary. KeyError or ValueError when it is not byte-level."""
    return token.translate(_TO_BYTE).encode("latin-1")


def to_text(token: bytes) -> str:
    """How a token is written in a vocabulary."""
    return token.decode("latin-1").translate(_TO_CHARACTER)
