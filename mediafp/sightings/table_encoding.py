"""Encoding of a table, found out from its bytes."""

import codecs
import re
from collections.abc import Mapping
from typing import Final

from mediafp.sightings.record_content import RecordContent

MAX_SAMPLE_BYTES: Final = 1 << 20
"""Bytes of lines outside ASCII from which the encoding is found out. Chosen, not measured."""
MIN_ENCODING_SCORE: Final = 0.5
"""Score from which a multi-byte encoding is taken: half of its letters are common ones. Chosen on names of six characters;
see `test_encoding_is_found_out`."""
MAX_CHANCE_LETTERS: Final = 20
"""Letters of a table that may be UTF-8 by chance. Chosen, not measured."""
MIN_CHANCE_SCORE: Final = 0.6
"""Score of GBK from which letters are taken to be UTF-8 by chance: all are common ones. Chosen, not measured."""
MIN_NUL_SHARE: Final = 0.2
"""Share of NUL bytes at even or at odd places from which a table without a byte order mark is UTF-16. Chosen, not
measured."""
BYTE_ORDER_MARKS: Final[tuple[tuple[bytes, str], ...]] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks; those of UTF-32 come before those of UTF-16, with which one of them begins."""
_COMMON_HAN: Final = frozenset(
    "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十"
    "用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位"
    "因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应"
    "這來個國說們為時過學對會裡後麼沒發見經頭當開動兩長樣現將與進實點話問機給幾業間電門東政聽氣關內軍產書員報馬張難數車應號檔標題帳戶連結圖片號台灣香港網戲劇"
    "号文件账户链接图片发布标题正文作者平台日期名称内容用户昵称时间微博原创转发视频"
)
"""The most frequent characters of Chinese texts, simplified and traditional, and those of titles of columns."""
_COMMON_HANGUL: Final = frozenset(
    "이다는에의가하고을로지어기사도리나자한서은그라시를있대인일해수것보들만아정제전주게부장과동성상스요모니면으여원구비조선안드마오우경위신소공문미무유연국치세화용실역"
    "민방생분물간식관당러진거내개업계회학교날씨습좋늘김박최강홍길남북중파티영트크글명번호목계정링크진제목"
)
"""Frequent syllables of Korean texts."""
_WESTERN: Final = frozenset("ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜàâäçéèêëîïôöùûüßñÑáíóúÁÍÓÚ¿¡ãõÃÕåÅøØæÆœŒ“”‘’–—…€°«»")
"""Letters of the languages of western Europe."""
_CHANCE_HAN: Final = frozenset("么没")
"""Frequent Chinese characters whose bytes in GBK are frequent letters in UTF-8."""
_CJK_ENCODINGS: Final = ("gb18030", "big5hkscs", "cp932", "euc_kr", "euc_jp")
"""Encodings of several bytes a letter, those that are taken first of equal ones first."""
_OTHER_ENCODINGS: Final = (
    "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "koi8_r", "cp874", "iso8859_2",
)  # fmt: skip
"""Encodings of one byte a letter, between which `charset-normalizer` chooses."""
_OTHER_ALPHABETS: Final = ("cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874")
"""Those of them whose alphabet is not the Latin one, so that whole words are outside ASCII."""
UNKNOWN_ENCODING: Final = "unknown"
"""Encoding of a table in which no encoding gives words."""
MIN_WHOLE_WORDS: Final = 0.8
"""Share of the words with letters outside ASCII that have no others, above which the alphabet is not the Latin one. Chosen,
not measured."""


def find_encoding(content: RecordContent) -> tuple[str, int]:
    """Return the encoding of a table, and the bytes of its byte order mark.

    UTF-8 is taken if most of what is outside ASCII is UTF-8, as names of files may contain any bytes, unless its letters are
    rarer than those in another encoding. Else the encoding of several bytes a letter is taken whose letters are common
    ones, and else what `charset-normalizer` finds.
    """
    head = content.head()
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    if wide := _utf16_without_mark(head):
        return wide, 0
    is_utf8 = _is_utf8(content)
    sample = _sample_lines(content)
    if is_utf8:
        return "gb18030" if _is_chance_utf8(sample) else "utf-8", 0
    valid, invalid = _count_utf8(sample)
    is_mostly_utf8 = not invalid or valid > invalid
    scores = {encoding: _score(sample, encoding) for encoding in _CJK_ENCODINGS}
    best = max(scores, key=lambda encoding: scores[encoding])
    if scores[best] >= max(MIN_ENCODING_SCORE, _utf8_score(sample) if is_mostly_utf8 else 0.0):
        return best, 0
    if is_mostly_utf8:
        return "utf-8", 0
    return _find_other(sample), 0


def _is_chance_utf8(sample: bytes) -> bool:
    """Return True if a few Chinese characters in GBK happen to be letters in UTF-8, such as the bytes of 图."""
    letters = [letter for letter in sample.decode("utf-8", "replace") if not letter.isascii()]
    if not letters or len(letters) > MAX_CHANCE_LETTERS or max(map(ord, letters)) > 0x7FF:
        return False
    if _score(sample, "gb18030") < MIN_CHANCE_SCORE:
        return False
    han = {letter for letter in sample.decode("gb18030") if not letter.isascii()} - _CHANCE_HAN
    rare = sum(
        0x180 <= ord(letter) < 0x386 or 0x3CF <= ord(letter) < 0x400 or ord(letter) > 0x45F for letter in letters
    )
    return 2 * rare > len(letters) or (len(han) > 1 and han <= _COMMON_HAN)


def _utf16_without_mark(head: bytes) -> str | None:
    """Return the byte order of UTF-16 by the NUL bytes of its ASCII letters; None if there are few."""
    size = len(head) // 2 or 1
    if head[1::2].count(0) > MIN_NUL_SHARE * size and not head[::2].count(0):
        return "utf-16-le"
    if head[::2].count(0) > MIN_NUL_SHARE * size and not head[1::2].count(0):
        return "utf-16-be"
    return None


def _is_utf8(content: RecordContent) -> bool:
    """Return True if all of the content is UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in content.blocks():
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _sample_lines(content: RecordContent) -> bytes:
    """Return the first lines that are not ASCII."""
    sample = bytearray()
    for _, line in content.lines():
        if not line.isascii():
            sample += line
            if len(sample) > MAX_SAMPLE_BYTES:
                break
    return bytes(sample)


def _count_utf8(sample: bytes) -> tuple[int, int]:
    """Return the numbers of letters outside ASCII, and of bytes that are none, in UTF-8."""
    text = sample.decode("utf-8", "surrogateescape")
    invalid = len(re.findall("[\udc80-\udcff]", text))
    return sum(not character.isascii() for character in text) - invalid, invalid


def _score(sample: bytes, encoding: str) -> float:
    """Return how much a sample in an encoding looks like a text of its language, 0..1; 0 if it cannot be decoded."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return 0.0
    letters = [character for character in text if not character.isascii()]
    return sum(_plausibility(letter, encoding) for letter in letters) / len(letters) if letters else 0.0


def _plausibility(letter: str, encoding: str) -> float:
    """Return how common a letter is in texts of the language of an encoding, 0..1."""
    code = ord(letter)
    if encoding in ("cp932", "euc_jp"):
        # Kana make up half of Japanese texts; in Chinese ones there are none.
        return (
            1.0 if 0x3041 <= code <= 0x30FF else 0.6 if _has_low_lead(letter, "euc_jp", 0xB0, 0xCF) else _symbol(code)
        )
    if encoding == "euc_kr":
        if 0xAC00 <= code <= 0xD7A3:
            return 1.0 if letter in _COMMON_HANGUL else 0.58
        return _symbol(code)
    if letter in _COMMON_HAN:
        return 1.0
    if encoding == "gb18030":
        return 0.6 if _has_low_lead(letter, "gb2312", 0xB0, 0xD7) else _symbol(code)
    return 0.6 if _has_low_lead(letter, "big5", 0xA4, 0xC6) else _symbol(code)


def _utf8_score(sample: bytes) -> float:
    """Return how common the letters of a sample in UTF-8 are, 0..1; a byte that is no part of one counts as 0."""
    letters = [letter for letter in sample.decode("utf-8", "surrogateescape") if not letter.isascii()]
    return sum(map(_utf8_plausibility, letters)) / len(letters) if letters else 1.0


def _utf8_plausibility(letter: str) -> float:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:
        return 0.0
    if letter in _WESTERN or 0x0386 <= code <= 0x03CE or 0x0410 <= code <= 0x044F:
        return 1.0
    return max(_plausibility(letter, encoding) for encoding in ("gb18030", "big5hkscs", "cp932", "euc_kr"))


def _symbol(code: int) -> float:
    """Return 0.5 for punctuation of CJK texts and letters of full width, and 0.1 for any other letter."""
    return 0.5 if 0x3000 <= code <= 0x3020 or 0xFF01 <= code <= 0xFF5E or 0x2010 <= code <= 0x2030 else 0.1


def _has_low_lead(letter: str, encoding: str, first: int, last: int) -> bool:
    """Return True if a letter is in the part of a character set that has the frequent characters."""
    try:
        encoded = letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return len(encoded) == 2 and first <= encoded[0] <= last


def _find_other(sample: bytes) -> str:
    """Return the encoding of a text that is in no common CJK one, or `UNKNOWN_ENCODING`."""
    from charset_normalizer import from_bytes

    # A byte outside ASCII that is alone is a letter of a western language, or part of the name of a file.
    runs = re.findall(rb"[\x80-\xff]+", sample)
    if sum(len(run) == 1 for run in runs) > 0.8 * len(runs):
        text = sample.decode("cp1252", "replace")
        if all(letter.isascii() or letter in _WESTERN for letter in text):
            return "cp1252"
    if len(runs) == 1 and len(runs[0]) == 1:
        return "utf-8"
    words = [word for word in re.findall(rb"[A-Za-z\x80-\xff]+", sample) if not word.isascii()]
    whole = sum(len(word) > 1 and min(word) >= 0x80 for word in words)
    encodings = _OTHER_ALPHABETS if whole > MIN_WHOLE_WORDS * len(words) else _OTHER_ENCODINGS
    best = from_bytes(sample, cp_isolation=list(encodings), threshold=0.5, enable_fallback=False).best()
    if best is not None and best.encoding in _OTHER_ENCODINGS:
        text = sample.decode(best.encoding, "replace")
        if all(letter.isascii() or letter.isalpha() or letter in _WESTERN or letter == "\xa0" for letter in text):
            return best.encoding
    try:
        text = sample.decode("gb18030")
    except UnicodeDecodeError:
        return UNKNOWN_ENCODING
    # Rare characters alone.
    is_chinese = all(letter.isascii() or 0x3400 <= ord(letter) <= 0x9FFF for letter in text)
    return "gb18030" if is_chinese else UNKNOWN_ENCODING


def encoding_name(encoding: str) -> str:
    """Return the name of an encoding as it is shown."""
    names: Mapping[str, str] = {"gb18030": "GB18030 (GBK)", "big5hkscs": "Big5", "cp932": "Shift-JIS"}
    return names.get(encoding, encoding.replace("_", "-").upper())


def recode_lines(content: RecordContent, encoding: str, mark_bytes: int) -> bytes:
    """Return the content of a small table in UTF-8."""
    return content.read(mark_bytes, content.size).decode(encoding, "replace").encode()
