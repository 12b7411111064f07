"""Tokens of a SenseVoice model: the pieces of text and the tags that its numbers mean."""

import re
from collections.abc import Sequence
from pathlib import Path

MAX_TOKENS_FILE_BYTES = 8 << 20
"""Largest `tokens.txt` that is read; that of SenseVoice-small has .3 MB."""
WORD_START = "\u2581"
"""Mark of SentencePiece for the start of a word, "▁"."""
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_TAG = re.compile(r"<\|([^|<>]*)\|>")
_OTHER_SPECIAL = ("<unk>", "<s>", "</s>", "<blank>")


class TokenTable:
    """Symbols of a model by their numbers."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._symbols = symbols

    def __len__(self) -> int:
        return len(self._symbols)

    def tag(self, number: int) -> str | None:
        """Return the name of a tag, such as "zh" of `<|zh|>`; None for a piece of text."""
        match = _TAG.fullmatch(self._symbols[number])
        return match.group(1) if match else None

    def pieces(self, numbers: Sequence[int]) -> list[tuple[int, str]]:
        """Return the text of tokens, without tags, each piece with the position of its first token.

        Characters that are written as bytes are put together; what is no character becomes U+FFFD.
        """
        pieces: list[tuple[int, str]] = []
        pending: list[int] = []
        for position, number in enumerate([*numbers, None]):
            symbol = "" if number is None else self._symbols[number]
            byte = _BYTE.fullmatch(symbol)
            if byte:
                pending.append(int(byte.group(1), 16))
                continue
            if pending:
                pieces.append((position - len(pending), bytes(pending).decode("utf-8", "replace")))
                pending = []
            if number is not None and not _TAG.fullmatch(symbol) and symbol not in _OTHER_SPECIAL:
                pieces.append((position, symbol.replace(WORD_START, " ")))
        return pieces

    def count_unknown(self, numbers: Sequence[int]) -> int:
        """Return the number of tokens that stand for a word without a piece."""
        return sum(self._symbols[number] == "<unk>" for number in numbers)


def read_token_table(path: Path) -> TokenTable:
    """Return the tokens of a `tokens.txt`: a symbol and its number a line, or a number alone for the space.

    Raises:
        ValueError: The file is too large or not of this form; the message is the reason.
        OSError: The file cannot be read.
    """
    if path.stat().st_size > MAX_TOKENS_FILE_BYTES:
        raise ValueError(f"it has more than {MAX_TOKENS_FILE_BYTES >> 20} MiB")
    symbols: dict[int, str] = {}
    for line_number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        # Other spaces, such as U+3000, are symbols.
        fields = [field for field in re.split(r"[ \t\r\f\v]+", line) if field]
        if not fields:
            continue
        if len(fields) > 2 or not re.fullmatch(r"\d{1,9}", fields[-1]):
            raise ValueError(f"line {line_number} is not a symbol and a number")
        number = int(fields[-1])
        if number in symbols:
            raise ValueError(f"line {line_number} states the number {number} again")
        symbols[number] = fields[0] if len(fields) == 2 else " "
    if not symbols or set(symbols) != set(range(len(symbols))):
        raise ValueError("its numbers are not 0, 1, 2 and so on")
    return TokenTable([symbols[number] for number in range(len(symbols))])
