"""Files on records of whatever kind, kept in the database: checked by what is in them, served as downloads only.

Whoever calls has fetched the record (fetching is authorising) and asked for the permission; who may delete a file is
asked here.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from typing import Any
from zipfile import BadZipFile, ZipFile

from flask import g
from sqlalchemy import delete, func, select
from werkzeug.datastructures import FileStorage

from app.core import changelog
from app.core.db import db
from app.core.errors import BusinessError, Forbidden, NotFound
from app.core.formats import number
from app.core.history import FILE_GONE
from app.core.i18n import _
from app.core.models import Membership
from app.core.note_models import Attachment, AttachmentContent
from app.core.resource import Resource
from app.core.writes import bulk_insert

MEGABYTE = 1024 * 1024
LARGEST = 10 * MEGABYTE
MOST = 50  # files on one record
LONGEST_NAME = 150
ANYTHING = "application/octet-stream"

# How files begin, and what they are then.
STARTS = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),  # Word, Excel, Outlook of old
    (b"{\\rtf", "application/rtf"),
)
# What computers run: no reason to keep it with a customer, and every reason not to hand it to a colleague.
PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xcf\xfa\xed\xfe", b"L\x00\x00\x00\x01\x14\x02\x00")
RUN_BY_NAME = frozenset((
    "apk", "app", "bat", "chm", "cmd", "com", "cpl", "dll", "dmg", "exe", "gadget", "hta", "inf", "jar", "js", "jse", "lnk",
    "mjs", "msc", "msi", "msp", "pif", "ps1", "reg", "scf", "scr", "sct", "sh", "url", "vb", "vbe", "vbs", "wsf", "wsh",
))  # fmt: skip
OFFICE = "application/vnd.openxmlformats-officedocument."
# Ending of a name -> what must be in the file.
PROMISED = {
    "pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif",
    "webp": "image/webp", "zip": "application/zip", "docx": f"{OFFICE}wordprocessingml.document",
    "xlsx": f"{OFFICE}spreadsheetml.sheet", "pptx": f"{OFFICE}presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation", "doc": "application/x-ole-storage",
    "xls": "application/x-ole-storage", "ppt": "application/x-ole-storage", "msg": "application/x-ole-storage",
    "rtf": "application/rtf",
}  # fmt: skip
OFFICE_PARTS = {"word/": f"{OFFICE}wordprocessingml.document", "xl/": f"{OFFICE}spreadsheetml.sheet", "ppt/": f"{OFFICE}presentationml.presentation"}
# Letters that are not seen, or turn round how those behind them are read: "invoice\u202efdp.exe".
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def add(resource: Resource, row_id: int, upload: FileStorage) -> Attachment:
    """Keep a file with a record in the name of who is acting. Raises `BusinessError`: nothing in it, too large, a
    program, not what its name says, or one too many."""
    name = safe_name(upload.filename)
    data = upload.stream.read(LARGEST + 1)
    if not data:
        raise BusinessError(_("“%(name)s” is empty.", name=name), field="file")
    if len(data) > LARGEST:
        raise BusinessError(_("“%(name)s” is larger than %(most)s MB.", name=name, most=LARGEST // MEGABYTE), field="file")
    kind = checked_kind(name, data)
    mine = (Attachment.table_name == _table(resource), Attachment.row_id == row_id)
    # The record is held, so that two who add the last one at a time are told apart.
    db.session.scalar(select(resource.model.id).where(resource.model.id == row_id).with_for_update())
    if (db.session.scalar(select(func.count(Attachment.id)).where(*mine)) or 0) >= MOST:
        raise BusinessError(_("A record holds at most %(most)s files. Delete one first.", most=MOST), field="file")
    file = Attachment(table_name=_table(resource), row_id=row_id, member_id=changelog.actor_id(), name=name, size=len(data),
                      kind=kind, digest=sha256(data).hexdigest())
    db.session.add(file)
    db.session.flush()
    bulk_insert(AttachmentContent, [{"file_id": file.id, "data": data}])
    return file


def get(resource: Resource, row_id: int, file_id: int | None) -> Attachment:
    """A file of this record, without its bytes. Raises `NotFound`."""
    mine = select(Attachment).where(Attachment.id == file_id, Attachment.table_name == _table(resource), Attachment.row_id == row_id)
    found = db.session.scalar(mine)
    if found is None:
        raise NotFound(_("This file is no longer here."))
    return found


def content(file: Attachment) -> bytes:
    """The bytes of a file. Raises `NotFound`."""
    data = db.session.scalar(select(AttachmentContent.data).where(AttachmentContent.file_id == file.id))
    if data is None:
        raise NotFound(_("This file is no longer here."))
    return data


def remove(resource: Resource, row_id: int, file_id: int | None) -> str:
    """Delete one's own file, anybody's as an administrator, for good; returns its name. The record's log names it.

    Raises `NotFound`, `Forbidden`.
    """
    file = get(resource, row_id, file_id)
    if not may_remove(file):
        raise Forbidden(_("Only who added a file may delete it, or an administrator."))
    _delete([file])
    changelog.note(resource.model, [row_id], FILE_GONE, file.name)
    return file.name


def _delete(files: list[Attachment]) -> None:
    ids = [file.id for file in files]
    gone = delete(AttachmentContent).where(AttachmentContent.file_id.in_(ids))
    db.session.execute(gone, execution_options={"synchronize_session": False})
    for file in files:
        db.session.delete(file)
    db.session.flush()


def of(resource: Resource, row_id: int, before: datetime | None = None, limit: int | None = None) -> list[Any]:
    """Files of a record, the newest first: id, created_at, name, size (bytes), kind, member_id, who."""
    rows = (
        select(Attachment.id, Attachment.created_at, Attachment.name, Attachment.size, Attachment.kind, Attachment.member_id,
               Membership.name.label("who"))
        .outerjoin(Membership, (Membership.id == Attachment.member_id) & (Membership.company_id == Attachment.company_id))
        .where(Attachment.table_name == _table(resource), Attachment.row_id == row_id)
        .order_by(Attachment.created_at.desc(), Attachment.id.desc())
    )  # fmt: skip
    if before is not None:
        rows = rows.where(Attachment.created_at < before)
    return list(db.session.execute(rows.limit(limit), execution_options={"with_trash": True}))


def may_remove(file: Any) -> bool:
    """Whether who is acting added the file or is an administrator; what runs without a person may."""
    return "me" not in g or file.member_id == g.me.member_id or g.me.role_key == "admin"


def safe_name(given: str | None) -> str:
    """The last part of a name, without letters that are not seen, at most 150 characters with its ending kept."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given or ""))[-1]
    name = " ".join("".join(c for c in last if unicodedata.category(c) not in UNSEEN).split()).strip(". ")
    if len(name) > LONGEST_NAME:
        stem, dot, ending = name.rpartition(".")
        kept = f".{ending}" if dot and len(ending) <= 10 else ""
        name = (stem if kept else name)[: LONGEST_NAME - len(kept)].rstrip() + kept
    return name or "file"


def checked_kind(name: str, data: bytes) -> str:
    """The media type found in a file. Raises `BusinessError` for programs, and where its name promises another."""
    ending = name.rpartition(".")[2].casefold() if "." in name else ""
    if ending in RUN_BY_NAME or data.startswith(PROGRAMS):
        raise BusinessError(_("“%(name)s” is a program; those are not kept here.", name=name), field="file")
    kind = kind_of(data)
    promised = PROMISED.get(ending)
    if promised and kind != promised and not (promised == "application/zip" and data.startswith(b"PK")):
        raise BusinessError(_("“%(name)s” is not what its name says: there is something else in it.", name=name), field="file")
    return kind


def kind_of(data: bytes) -> str:
    """The media type of some bytes, as far as it is known. Whatever a browser might run is "text/plain" here."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    kind = next((kind for start, kind in STARTS if data.startswith(start)), "")
    if kind == "application/zip":
        return _in_archive(data)
    if kind:
        return kind
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ANYTHING
    return ANYTHING if "\x00" in text else "text/plain"


def _in_archive(data: bytes) -> str:
    try:
        with ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
            if "mimetype" in names and archive.getinfo("mimetype").file_size < LONGEST_NAME:
                said = archive.read("mimetype").decode("ascii", "ignore")
                return said if said in PROMISED.values() else "application/zip"
    except (BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError):
        return ANYTHING
    return next((kind for part, kind in OFFICE_PARTS.items() if any(n.startswith(part) for n in names)), "application/zip")


def size(count: int) -> str:
    """A number of bytes as people read it: "340 KB", "2.4 MB"."""
    if count < 1000 * 1000:
        return _("%(count)s KB", count=number(max(1, round(count / 1000))))
    return _("%(count)s MB", count=number(Decimal(round(count / 100_000)) / 10))


def _table(resource: Resource) -> str:
    return resource.model.__tablename__
