"""Files as they come: every encoding and kind that is read, every file that is none with its one sentence."""

from __future__ import annotations

import io
import re
import struct
import time
import tracemalloc
import zipfile
import zlib
from datetime import date, datetime

import openpyxl
import pytest

from app.core.errors import BusinessError
from app.core.fields import Date, Reading
from app.core.importing import archives, files, sheet_scan
from app.core.importing.files import read_table

pytestmark = pytest.mark.on("sqlite")
MORNING = datetime(2017, 3, 4, 10, 30)  # noqa: DTZ001  # a cell of a spreadsheet has no zone
SHEET = "xl/worksheets/sheet1.xml"
NAMESPACES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
)
ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
HEAD = '<table:table-row><table:table-cell office:value-type="string"><text:p>name</text:p></table:table-cell></table:table-row>'


@pytest.fixture(autouse=True)
def spoken(app):
    with app.test_request_context("/"):
        yield


def refused(data, sentence, file_name="", sheet=""):
    with pytest.raises(BusinessError, match=sentence) as refusal:
        read_table(data, file_name, sheet)
    assert refusal.value.field == "file"


def rows(data, **options):
    table = read_table(data, **options)
    assert not [row.fault for row in table.rows if row.fault]
    return [table.headings, *(row.cells for row in table.rows)]


def xlsx(*lines, title="Sheet", more=()):
    """A workbook as bytes: lines of cells in its first sheet, then further sheets of lines."""
    book = openpyxl.Workbook()
    book.active.title = title
    for line in lines:
        book.active.append(line)
    for name, others in more:
        sheet = book.create_sheet(name)
        for line in others:
            sheet.append(line)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def changed(data, **members):
    """A zip with members replaced (by position of "/" and "." as "__" and "_") or added; None takes one out."""
    wanted = {name.replace("__", "/"): content for name, content in members.items()}
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in wanted:
                new.writestr(name, old.read(name))
        for name, content in wanted.items():
            if content is not None:
                new.writestr(name, content)
    return stream.getvalue()


def with_sheet(cells, before=""):
    """A workbook whose sheet is this XML of rows."""
    head = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    return changed(xlsx(["x"]), **{SHEET: f"{before}<worksheet {head}><sheetData>{cells}</sheetData></worksheet>"})


def ods(table, before=""):
    """An OpenDocument file whose one sheet is this XML of rows."""
    content = (
        f"<?xml version='1.0' encoding='UTF-8'?>{before}<office:document-content {NAMESPACES}><office:body><office:spreadsheet>"
        f'<table:table table:name="One">{table}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), ODS_TYPE)
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
    return stream.getvalue()


def ods_cell(kind, text, **attributes):
    more = "".join(f' office:{name}-value="{value}"' if name != "value" else f' office:value="{value}"' for name, value in attributes.items())
    return f'<table:table-cell office:value-type="{kind}"{more}><text:p>{text}</text:p></table:table-cell>'


# Text files


@pytest.mark.parametrize(
    ("encoding", "known"),
    [
        ("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("cp1252", "cp1252"), ("latin-1", "cp1252"),
        ("iso-8859-15", "iso-8859-15"), ("mac_roman", "mac-roman"),
    ],
)  # fmt: skip
def test_every_common_encoding_is_told(encoding, known):
    text = "name,city\nPeña Ibáñez,Cádiz\nMuñoz e Ibarra,Logroño\nD’Or,Ávila\nGonzález,MÁLAGA\n"
    if encoding in ("latin-1", "iso-8859-15"):
        text = text.replace("’", "'")
    if encoding == "iso-8859-15":
        text += "12 €,x\n"
    table = read_table(text.encode(encoding))
    assert table.encoding == known
    assert [table.headings, *(r.cells for r in table.rows)] == [line.split(",") for line in text.splitlines()]


def test_utf_16_of_either_order():
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert rows(mark + "name\tcity\nPeña\tCádiz\n".encode(encoding)) == [["name", "city"], ["Peña", "Cádiz"]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name\nD’Or\nO’Brien\n", "D’Or"),
        ("name\n“Quoted” – 12 €\n", "“Quoted” – 12 €"),
        ("name\nÑANDÚ\n", "ÑANDÚ"),
        ("name\nŽižek\n", "Žižek"),
    ],
)
def test_windows_is_not_taken_for_a_mac(text, sentence):
    table = read_table(text.encode("cp1252"))
    assert (table.encoding, table.rows[0].cells) == ("cp1252", [sentence])


def test_a_line_that_names_the_delimiter_is_believed():
    assert rows(b"sep=|\r\na,b|c\r\n1,2|3\r\n") == [["a,b", "c"], ["1,2", "3"]]
    assert read_table(b"sep=;\nname;n\nA;1\n").rows[0].line == 3


def test_a_utf_8_file_that_is_damaged_does_not_become_another_encoding():
    text = "name,city\nPeña,Cádiz\nMuñoz,Logroño\n".encode()
    refused(text[:-4] + b"\xf1o\n", "Line 3 holds characters that are damaged")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file is empty"),
        (b"\xef\xbb\xbf \r\n", "The file is empty"),
        (b"\x00" * 4000, "The file is empty"),
        (bytes(range(256)) * 8, "not a text file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not a text file"),
        (b"\xff\xfe\x00\x00n\x00\x00\x00", "not a text file"),
        (b"\xff\xfen\x00a\x00m", "damaged"),
        (b"%PDF-1.7\nstream", "is a document"),
        (b"<html><table><tr><td>a</td></tr></table></html>", "web page or XML"),
        (b"<?xml version='1.0'?><Workbook/>", "web page or XML"),
        (b"name,Name\na,b\n", "stands there twice"),
        (b"name,city,\na,b,c\n,,,\n", "has 3 columns"),
        (b"name,,city\na,b,c\n", "Column 2 has no heading"),
        (b"\n\n  \n", "The file is empty"),
        (b'name,city\nA,B\nC,"open\nx,y\n', "Line 3 cannot be read"),
        (b'name,note\nA,"' + b"x" * 200_000 + b'"\n', "Line|holds more than 131072 characters"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "old Excel file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
    ],
)
def test_what_is_no_table_gets_one_sentence(data, sentence):
    if "has 3" in sentence:
        assert read_table(data).rows[0].fault == "This row has 3 columns, the heading line has 2."
    else:
        refused(data, sentence)


def test_a_million_columns_are_refused():
    refused(",".join(f"c{n}" for n in range(1_000_000)).encode() + b"\n1\n", "has 1000000 columns; at most 500")


def test_more_rows_than_can_be_read_are_refused(monkeypatch):
    monkeypatch.setattr(files, "MOST_ROWS", 3)
    assert len(read_table(b"n\n1\n2\n3\n").rows) == 3
    refused(b"n\n1\n2\n3\n4\n", "more than")


def test_a_name_that_promises_something_else():
    refused(b"name\nA\n", "“list.xlsx” is not what its name says", "list.xlsx")
    assert read_table(xlsx(["name"], ["A"]), "list.csv").kind == "xlsx"


# Spreadsheets


def test_typed_cells_of_xlsx_become_text_that_says_the_same_everywhere():
    table = read_table(
        xlsx(
            ["day", "at", "n", "x", "ok", "text", "long"],
            [date(2017, 3, 4), MORNING, 12.0, 0.1 + 0.2, True, "=1+1 is text"[1:], "a\nb"],
            [date(1900, 3, 1), None, -3, 1234.125, False, "007", " ñ 😀 "],
        )
    )
    assert (table.kind, table.sheet, table.delimiter, len(table.digest)) == ("xlsx", "Sheet", "", 64)
    assert table.rows[0].cells == ["2017-03-04", "2017-03-04 10:30:00", "12", "0.3", "true", "1+1 is text", "a\nb"]
    assert table.rows[1].cells == ["1900-03-01", "", "-3", "1234.125", "false", "007", " ñ 😀 "]


def test_a_number_is_never_such_that_its_point_could_separate_thousands():
    assert [row[0] for row in rows(xlsx(["n"], [1.234], [0.125], [12.5], [1234.567]))] == ["n", "1.2340", "0.1250", "12.5", "1234.567"]


@pytest.mark.parametrize("pattern", ["%m/%d/%Y", "%d/%m/%Y", "%d.%m.%y", None])
def test_dates_of_typed_cells_survive_whatever_order_is_chosen(pattern):
    _headings, cells = rows(xlsx(["a", "b"], [date(2017, 3, 4), MORNING]))
    assert [Date("d").parse(cell, Reading(date_format=pattern)) for cell in cells] == [date(2017, 3, 4)] * 2


def test_the_first_sheet_with_something_is_read_or_the_one_that_is_named():
    data = xlsx(title="Empty", more=[("Data", [["name"], ["A"]]), ("More", [["name"], ["B"]])])
    assert (read_table(data).sheet, rows(data)[1]) == ("Data", ["A"])
    assert rows(data, sheet="More")[1] == ["B"]
    refused(data, "no sheet “Nowhere”. It has: Empty, Data, More", sheet="Nowhere")


def test_lines_are_those_of_the_sheet_and_short_rows_are_filled():
    table = read_table(with_sheet(
        '<row r="3"><c r="B3" t="inlineStr"><is><t>name</t></is></c><c r="C3" t="inlineStr"><is><t>n</t></is></c></row>'
        '<row r="5"><c r="B5" t="inlineStr"><is><t>A</t></is></c></row><row r="900"><c r="Z900" s="0"/></row>'
    ))  # fmt: skip
    assert table.headings == ["name", "n"]
    assert [(row.line, row.cells) for row in table.rows] == [(5, ["A", ""])]


def test_formulas_give_their_stored_value_and_without_one_an_error():
    table = read_table(with_sheet(
        '<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c><c r="B1" t="inlineStr"><is><t>n</t></is></c></row>'
        '<row r="2"><c r="A2" t="str"><f>B2</f><v>said</v></c><c r="B2"><f>1+1</f><v>2</v></c></row>'
        '<row r="3"><c r="A3" t="str"><f>""</f><v></v></c><c r="B3"><v>3</v></c></row>'
        '<row r="4"><c r="A4" t="inlineStr"><is><t>x</t></is></c><c r="B4"><f>1+1</f></c></row>'
        '<row r="5"><c r="A5" t="inlineStr"><is><t>y</t></is></c><c r="B5" t="e"><v>#DIV/0!</v></c></row>'
        '<row r="6"><c r="B6"><f>1+1</f><v/></c></row>'
    ))  # fmt: skip
    assert [row.cells for row in table.rows[:2]] == [["said", "2"], ["", "3"]]
    assert [(row.line, row.fault[:40]) for row in table.rows[2:]] == [
        (4, "A formula in this row has no result. Ope"),
        (5, "A cell of this row holds the error “#DIV"),
        (6, "A formula in this row has no result. Ope"),
    ]


def test_ods_is_read_with_its_types_and_repetitions():
    cells = (
        ods_cell("string", "Peña") + ods_cell("float", "1,5", value="1.5") + ods_cell("date", "4/3/17", date="2017-03-04")
        + ods_cell("boolean", "VERDADERO", boolean="true")
    )  # fmt: skip
    heads = "".join(ods_cell("string", name) for name in ("name", "n", "day", "ok"))
    empty = '<table:table-cell table:number-columns-repeated="16380"/>'
    table = read_table(ods(
        f"<table:table-row>{heads}{empty}</table:table-row>"
        f'<table:table-row table:number-rows-repeated="2">{cells}{empty}</table:table-row>'
        f'<table:table-row table:number-rows-repeated="1048573"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    ))  # fmt: skip
    assert (table.kind, table.sheet) == ("ods", "One")
    assert [table.headings, *(row.cells for row in table.rows)] == [
        ["name", "n", "day", "ok"], ["Peña", "1.5", "2017-03-04", "true"], ["Peña", "1.5", "2017-03-04", "true"],
    ]  # fmt: skip


def test_an_ods_formula_without_a_result_is_an_error():
    formula = '<table:table-row><table:table-cell table:formula="of:=1+1"/></table:table-row>'
    (row,) = read_table(ods(HEAD + formula)).rows
    assert (row.line, row.fault[:20]) == (2, "A formula in this ro")


# Spreadsheets that mean harm, or came to some


def zeros(size):
    """The deflated bytes of so many zeros, made a piece at a time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(packer.compress(b" " * 1_000_000) for _piece in range(size // 1_000_000))
    return packed + packer.flush()


def bomb(packed, declared):
    """A workbook whose sheet unpacks to far more; `declared` is what its directory says."""
    safe = xlsx(["name"], ["A"])
    stream = io.BytesIO(safe)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("xl/worksheets/more.xml", b"x")
    data = stream.getvalue()
    start = data.index(b"xl/worksheets/more.xml")
    local = bytearray(data[start - 30 : start])
    local[8:10], local[18:26] = struct.pack("<H", 8), struct.pack("<2L", len(packed), declared)
    central = data.index(b"PK\x01\x02")
    directory = bytearray(data[central : data.index(b"PK\x05\x06")])
    place = directory.rindex(b"PK\x01\x02")
    directory[place + 10 : place + 12], directory[place + 20 : place + 28] = local[8:10], local[18:26]
    body = data[: start - 30] + bytes(local) + b"xl/worksheets/more.xml" + packed
    count = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, *[directory.count(b"PK\x01\x02")] * 2, len(directory), len(body), 0)
    return body + bytes(directory) + count


@pytest.mark.parametrize("declared", [4_000_000_000, 1, 3_000_000])
def test_a_zip_bomb_is_refused_at_once_whatever_it_says_of_itself(declared):
    data = bomb(zeros(500_000_000), declared)
    assert len(data) < 600_000
    begun = time.perf_counter()
    tracemalloc.start()
    try:
        refused(data, "unpack to far more than a spreadsheet needs")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - begun < 1


def test_a_broken_zip_is_refused():
    whole = xlsx(["name"], ["A"])
    for data in (whole[:-30], whole[: len(whole) // 2], whole[:2000], b"PK\x03\x04", b"PK\x05\x06" + bytes(18)):
        refused(data, "damaged or was cut off|is no spreadsheet")
    place = whole.index(b"xl/worksheets/sheet1.xml") + 60
    refused(whole[:place] + b"\xff\xff\xff" + whole[place + 3 :], "damaged or was cut off")
    refused(changed(whole, **{SHEET: None}), "damaged")
    refused(changed(whole, **{SHEET: "<worksheet><sheetData>"}), "damaged")
    refused(changed(whole, **{"xl/workbook.xml": "no xml"}), "damaged")


def test_other_archives_are_told_from_spreadsheets():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("inner.zip", b"PK\x03\x04 and so on")
        archive.writestr("../../etc/passwd.xml", "<x/>")
    refused(stream.getvalue(), "This archive is no spreadsheet")


def test_an_archive_of_too_many_or_the_same_entries_is_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(archives.MOST_ENTRIES + 1):
            archive.writestr(f"{number}.xml", "")
    refused(stream.getvalue(), "damaged")
    stream = io.BytesIO(xlsx(["name"], ["A"]))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(SHEET, "<worksheet/>")
    refused(stream.getvalue(), "damaged")


def test_a_zip_with_a_password_is_refused():
    data = bytearray(xlsx(["name"], ["A"]))
    for match in re.finditer(b"PK\x01\x02", bytes(data)):
        data[match.start() + 8] |= 1
    refused(bytes(data), "protected by a password")


@pytest.mark.parametrize("where", ["sheet", "ods", "strings"])
def test_entities_are_not_expanded(where):
    definitions = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    if where == "ods":
        refused(ods(HEAD.replace("name", "&b;"), definitions), "XML definitions")
    elif where == "sheet":
        refused(with_sheet('<row r="1"><c r="A1" t="inlineStr"><is><t>&b;&f;</t></is></c></row>', definitions), "XML definitions")
    else:
        styles = f'{definitions}<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">&b;</styleSheet>'
        assert "aaaa" not in str(rows(changed(xlsx(["name"], ["A"]), **{"xl/styles.xml": styles})))


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>1</v></c></row>', "more than 1000000 rows"),
        ('<row r="1"><c r="XFD1"><v>1</v></c></row>', "has 16384 columns; at most 500"),
        ('<row r="1"><c r="A1"><v>1</v></c></row><row r="100000"><c r="QQ100000"><v>1</v></c></row>', "sheet is too large"),
        ('<row r="1"><c r="ZZZZ1"><v>1</v></c></row>', "damaged"),
        (f'<row r="1"><c r="A1" t="inlineStr"><is><t>{"ab" * 100_000}</t></is></c></row>', "holds more than 131072"),
    ],
)
def test_a_sheet_larger_than_can_be_read_is_refused_before_it_is_laid_out(cells, sentence):
    refused(with_sheet(cells), sentence)


def test_a_long_text_shared_by_many_cells_is_counted_for_each(monkeypatch):
    monkeypatch.setattr(sheet_scan, "MOST_TEXT", 1_000_000)
    data = with_sheet("".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 200)))
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.xml"/>'
        '<Relationship Id="rId2" Type="x/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    )
    strings = '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>' + "x" * 30_000 + "</t></si></sst>"
    data = changed(data, **{"xl/sharedStrings.xml": strings, "xl/_rels/workbook.xml.rels": relations})
    refused(data, "sheet is too large")


@pytest.mark.parametrize(
    ("repeat", "sentence"),
    [
        ('table:number-rows-repeated="1048576"', "more than 1000000 rows"),
        ('table:number-rows-repeated="999999999"', "more than 1000000 rows"),
    ],
)
def test_repeated_rows_of_ods_are_counted_before_they_are_made(repeat, sentence):
    refused(ods(HEAD + f'<table:table-row {repeat}>{ods_cell("string", "x" * 1000)}</table:table-row>'), sentence)


def test_repeated_cells_of_ods_are_counted_before_they_are_made():
    cell = ods_cell("string", "x").replace("<table:table-cell", '<table:table-cell table:number-columns-repeated="16384"')
    refused(ods(HEAD + f"<table:table-row>{cell}</table:table-row>"), "has 16384 columns")
    cell = ods_cell("string", "x" * 100_000)
    refused(ods(HEAD + f'<table:table-row table:number-rows-repeated="900000">{cell}</table:table-row>'), "sheet is too large")


def test_an_upload_over_the_limit_is_refused(one, client_of, app):
    app.config["MAX_CONTENT_LENGTH"] = 1000
    client = client_of("alice")
    answer = client.post("/c/one/contacts/accounts/import", data={"file": (io.BytesIO(b"name\n" + b"A" * 5000), "a.csv")})
    assert answer.status_code == 413
    assert "The largest file or form" in answer.text


def test_spaces_that_an_ods_file_only_counts_are_counted_before_they_are_made():
    for count in (2_000_000_000, 200_000):
        cell = f'<table:table-cell office:value-type="string"><text:p>a<text:s text:c="{count}"/>b</text:p></table:table-cell>'
        refused(ods(HEAD + f"<table:table-row>{cell}</table:table-row>"), "holds more than")
    few = '<table:table-cell office:value-type="string"><text:p>a<text:s text:c="3"/>b</text:p></table:table-cell>'
    (row,) = read_table(ods(HEAD + f"<table:table-row>{few}</table:table-row>")).rows
    assert row.cells[0].split() == ["a", "b"]


@pytest.mark.parametrize("times", ["900000", "60000"])
def test_a_row_is_not_repeated_a_million_times(times):
    row = f'<table:table-row table:number-rows-repeated="{times}">{ods_cell("string", "x")}</table:table-row>'
    refused(ods(HEAD + row), "sheet is too large")
