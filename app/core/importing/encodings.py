"""Which characters the bytes of a text file stand for."""

from __future__ import annotations

import codecs
import re

from app.core.errors import BusinessError
from app.core.i18n import _

BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1f]")
# Letters of Western Europe: what a byte above 127 means in the names of people, places and goods.
LETTERS = "áéíóúàèìòùâêîôûäëïöüãõåñçæœøßýÿžš"
OPENING, CLOSING = "‘“«¿¡„", "’”»ºª"
MOST_BROKEN = 3  # a UTF-8 file with at most one broken character in so many good ones is meant as one


def decode(data: bytes) -> tuple[str, str]:
    """The text of a file and the encoding it was read in. Raises `BusinessError`."""
    if not data.strip(b" \t\r\n\x00"):
        raise BusinessError(_("The file is empty."), field="file")
    text, encoding = _decode(data)
    text = text.removesuffix("\x1a")  # how DOS ended its files
    sample = text[:10_000]
    if "\x00" in text or len(CONTROLS.findall(sample)) * 50 > len(sample):
        raise not_text()
    if not text.strip():
        raise BusinessError(_("The file is empty."), field="file")
    return text, encoding


def not_text() -> BusinessError:
    return BusinessError(_("This is not a text file. Save it as CSV in UTF-8 first."), field="file")


def _decode(data: bytes) -> tuple[str, str]:
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return _strictly(data, "utf-8-sig" if encoding == "utf-8" else encoding), encoding
    if b"\x00" in data:
        raise not_text()
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        _refuse_broken(data, error.start)
    return _single_byte(data)


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _broken(data, error.start, encoding) from None


def _refuse_broken(data: bytes, place: int) -> None:
    """A UTF-8 file that is broken in places must not pass for one of another encoding."""
    loose = data.decode("utf-8", errors="replace")
    good = sum(c > "\x7f" for c in loose) - loose.count("\ufffd")
    if good >= MOST_BROKEN * loose.count("\ufffd"):
        raise _broken(data, place, "utf-8")


def _broken(data: bytes, place: int, encoding: str) -> BusinessError:
    line = data.count(b"\n", 0, place) + 1
    return BusinessError(
        _("Line %(line)s holds characters that are damaged: the rest of the file is in %(encoding)s.",
          line=line, encoding=encoding.upper()), field="file",
    )


def _single_byte(data: bytes) -> tuple[str, str]:
    """Windows-1252 unless the bytes speak for Latin-9 or, by where its letters stand in words, for an old Mac."""
    mac = data.decode("mac_roman")
    try:
        windows = data.decode("cp1252")
    except UnicodeDecodeError:
        if _sense(mac) > 0:
            return mac, "mac-roman"
        raise BusinessError(
            _("The file is neither in UTF-8 nor in Windows-1252. Save it as CSV in UTF-8."), field="file"
        ) from None
    if b"\xa4" in data and not any(0x80 <= byte < 0xA0 for byte in set(data)):
        return data.decode("iso-8859-15"), "iso-8859-15"
    if _sense(mac) > _sense(windows):
        return mac, "mac-roman"
    return windows, "cp1252"


def _sense(text: str) -> int:
    """How many more of the characters above 127 stand where they make sense than where they make none."""
    return sum(_fits(*found.groups()) for found in re.finditer(r"(?s)(.?)([^\x00-\x7f])(?=(.?))", text[:1_000_000]))


def _fits(before: str, sign: str, after: str) -> int:
    """1 where a character stands as it does in words and sentences, -1 where it does not, 0 where it says nothing."""
    first, last = _is_letter(before), _is_letter(after)
    if sign.lower() in LETTERS:
        if not first and not last:
            return 0
        if sign.islower():
            return -1 if not first and after.isupper() else 1
        return -1 if first and (before.islower() or after.islower()) else 1
    if sign in OPENING:
        return 1 if not first and last else -1 if first else 0
    if sign in CLOSING:
        return 1 if first and not last else 1 if sign == "’" and first else -1 if last else 0
    return -1 if first and last else 0


def _is_letter(text: str) -> bool:
    return text.isascii() and text.isalpha()
