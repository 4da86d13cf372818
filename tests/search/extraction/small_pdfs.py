"""PDF files of a few lines of Korean, written by hand, so that no library has to write what another reads."""

from __future__ import annotations

from io import BytesIO

from pypdf import PdfReader, PdfWriter


def pdf_of(*pages: str, title: str = "", operators: bytes = b"") -> bytes:
    """Each page holds one text; its letters are codes that only the font's ToUnicode map explains."""
    codes = {letter: code for code, letter in enumerate(sorted(set("".join(pages))), 1)}
    contents = [
        b"BT /F1 12 Tf 72 720 Td <%s> Tj ET %s"
        % ("".join(f"{codes[letter]:04x}" for letter in page).encode(), operators)
        for page in pages
    ]
    return _file([_stream(_unicode_map(codes)), *map(_stream, contents)], title)


def _file(streams: list[bytes], title: str) -> bytes:
    first_page = 6 + len(streams)
    pages = range(first_page, first_page + len(streams) - 1)
    objects = [
        b"<</Type /Catalog /Pages 2 0 R>>",
        b"<</Type /Pages /Count %d /Kids [%s]>>" % (len(pages), b" ".join(b"%d 0 R" % n for n in pages)),
        b"<</Type /Font /Subtype /Type0 /BaseFont /None /Encoding /Identity-H"
        b" /DescendantFonts [4 0 R] /ToUnicode 6 0 R>>",
        b"<</Type /Font /Subtype /CIDFontType2 /BaseFont /None"
        b" /CIDSystemInfo <</Registry (Adobe) /Ordering (Identity) /Supplement 0>>>>",
        b"<</Title <feff%s> /CreationDate (D:20260302100000)>>" % title.encode("utf-16-be").hex().encode(),
        *streams,
        *(
            b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents %d 0 R"
            b" /Resources <</Font <</F1 3 0 R>>>>>>" % (7 + number)
            for number in range(len(pages))
        ),
    ]
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n%strailer <</Size %d /Root 1 0 R /Info 5 0 R>>\n"
        % ((size := len(objects) + 1), table, size)
        + b"startxref\n%d\n%%%%EOF\n" % len(out)
    )


def _stream(data: bytes) -> bytes:
    return b"<</Length %d>>\nstream\n%s\nendstream" % (len(data), data)


def _unicode_map(codes: dict[str, int]) -> bytes:
    lines = "\n".join(f"<{code:04x}> <{letter.encode('utf-16-be').hex()}>" for letter, code in codes.items())
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{len(codes)} beginbfchar\n{lines}\nendbfchar\nendcmap end end"
    ).encode()


def locked(data: bytes, password: str) -> bytes:
    """The same file, for those who know the password."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(data)))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()
