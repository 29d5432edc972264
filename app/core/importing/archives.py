"""What a zip holds, measured before anything opens it: bombs, lying sizes and broken directories are refused."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

from app.core.errors import BusinessError
from app.core.i18n import _

MOST_ENTRIES = 2_000
MOST_BYTES = 512 * 1024 * 1024  # of all entries that are read, unpacked
FREE_BYTES = 4 * 1024 * 1024  # so much may come of however little
RATIO = 200  # real spreadsheets unpack to 5 to 60 times their size, bombs to 1,000
PIECE = 1 << 20
STORED, DEFLATED = 0, 8
ENCRYPTED = 0x1
LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
PLAIN_SUFFIXES = (".xml", ".rels")
LEFT_OUT = ("xl/media/", "xl/embeddings/", "xl/drawings/", "xl/theme/", "docprops/", "pictures/", "object", "thumbnails/")


@dataclass(frozen=True)
class _Entry:
    name: bytes
    method: int
    packed: bytes
    size: int
    crc: int


def measured(data: bytes) -> bytes:
    """A zip of the XML entries of `data` with their true sizes; what a spreadsheet's values do not need stays behind.

    No more is ever unpacked than may be. Raises `BusinessError`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            listed = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError):
        raise damaged() from None
    wanted = [info for info in listed if _is_read(info.filename)]
    if len(listed) > MOST_ENTRIES or len({i.filename.lower() for i in wanted}) < len(wanted):
        raise damaged()
    if any(info.flag_bits & ENCRYPTED for info in wanted):
        raise protected()
    _afford(sum(info.file_size for info in wanted), len(data))
    entries, budget = [], min(MOST_BYTES, max(FREE_BYTES, len(data) * RATIO))
    for info in wanted:
        entries.append(_entry(data, info, budget))
        budget -= entries[-1].size
    return _packed(entries)


def damaged() -> BusinessError:
    return BusinessError(_("The file is damaged or was cut off. Save it again in your spreadsheet program."), field="file")


def protected() -> BusinessError:
    return BusinessError(_("The file is protected by a password. Save it without one first."), field="file")


def _is_read(name: str) -> bool:
    name = name.lower()
    return name == "mimetype" or (name.endswith(PLAIN_SUFFIXES) and not name.startswith(LEFT_OUT))


def _afford(size: int, packed: int) -> None:
    if size > MOST_BYTES or (size > FREE_BYTES and size > packed * RATIO):
        raise BusinessError(
            _("The file would unpack to far more than a spreadsheet needs. Save it as CSV and bring that."), field="file"
        )


def _entry(data: bytes, info: zipfile.ZipInfo, budget: int) -> _Entry:
    """An entry as it lies there, with its size and checksum as unpacking finds them."""
    head = data[info.header_offset : info.header_offset + LOCAL.size]
    if len(head) < LOCAL.size or info.compress_type not in (STORED, DEFLATED):
        raise damaged()
    *_others, name_length, extra_length = LOCAL.unpack(head)
    start = info.header_offset + LOCAL.size + name_length + extra_length
    packed = data[start : start + info.compress_size]
    if head[:4] != b"PK\x03\x04" or len(packed) < info.compress_size:
        raise damaged()
    size, crc = _unpack(packed, info.compress_type, budget)
    if crc != info.CRC:
        raise damaged()
    return _Entry(info.filename.encode(), info.compress_type, packed, size, crc)


def _unpack(packed: bytes, method: int, budget: int) -> tuple[int, int]:
    """Size and checksum of what an entry holds; a piece at a time, and no further than the budget."""
    if method == STORED:
        _afford_more(len(packed), budget)
        return len(packed), zlib.crc32(packed)
    unpacker, size, crc, rest = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0, packed
    try:
        while not unpacker.eof:
            piece = unpacker.decompress(rest, PIECE)
            rest = unpacker.unconsumed_tail
            if not piece and not rest:
                raise damaged()
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            _afford_more(size, budget)
    except zlib.error:
        raise damaged() from None
    return size, crc


def _afford_more(size: int, budget: int) -> None:
    if size > budget:
        _afford(MOST_BYTES + 1, 0)


def _packed(entries: list[_Entry]) -> bytes:
    """A zip file of these entries."""
    out, directory = bytearray(), bytearray()
    for entry in entries:
        shared = (20, 0x800, entry.method, 0, 0x21, entry.crc, len(entry.packed), entry.size, len(entry.name), 0)
        directory += CENTRAL.pack(b"PK\x01\x02", 20, *shared, 0, 0, 0, 0, len(out)) + entry.name
        out += LOCAL.pack(b"PK\x03\x04", *shared) + entry.name + entry.packed
    count = len(entries)
    return bytes(out + directory + END.pack(b"PK\x05\x06", 0, 0, count, count, len(directory), len(out), 0))
