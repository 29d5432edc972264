"""What browsers fetch besides the page: few files, named after their content, compressed, kept for ever."""

from __future__ import annotations

import gzip
import re

import pytest

MOST_REQUESTS = 10
MOST_BYTES = 300_000


def files_of(html: str) -> list[str]:
    """Addresses that a page makes a browser fetch, sprites once."""
    found = re.findall(r'(?:src|href)="(/assets/[^"#]+)', html)
    return list(dict.fromkeys(found))


@pytest.fixture
def packed(client_of):
    """Ask as a browser does; answers carry what went over the wire."""
    client = client_of("mona")
    return lambda url: client.get(url, headers={"Accept-Encoding": "gzip, deflate, br"})


@pytest.mark.on("sqlite")
def test_a_cold_board_is_light(packed):
    page = packed("/c/one/crm/board")
    files = files_of(gzip.decompress(page.data).decode())
    css = next(f for f in files if f.endswith(".css"))
    fonts = re.findall(r"/assets/vendor/[\w.\-]+\.woff2", gzip.decompress(packed(css).data).decode())
    assert len(fonts) == 2
    assert "url(inter" not in gzip.decompress(packed(css).data).decode()
    # A browser takes the font of the extended letters only for a page that has some; Spanish and English have none.
    answers = [page, *(packed(f) for f in [*files, *(f for f in fonts if "latin-ext" not in f)])]
    assert all(a.status_code == 200 for a in answers)
    assert len(answers) <= MOST_REQUESTS, files
    assert sum(len(a.data) for a in answers) <= MOST_BYTES, [(len(a.data)) for a in answers]


@pytest.mark.on("sqlite")
def test_a_file_is_kept_for_ever_under_a_name_that_changes_with_it(packed):
    page = gzip.decompress(packed("/c/one/contacts/accounts").data).decode()
    for address in files_of(page):
        answer = packed(address)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", address
        assert re.search(r"\.[0-9a-f]{12}\.\w+$", address)
    assert packed("/assets/app.000000000000.css").status_code == 404
    assert packed("/assets/app.css").status_code == 404
    assert packed("/assets/../config.py").status_code in (404, 308)


@pytest.mark.on("sqlite")
def test_who_does_not_take_gzip_gets_the_same_file_plain(app, client_of):
    client = client_of("mona")
    page = client.get("/c/one/contacts/accounts").get_data(as_text=True)
    for address in files_of(page):
        plain = client.get(address)
        small = client.get(address, headers={"Accept-Encoding": "gzip"})
        assert plain.content_encoding is None
        if small.content_encoding == "gzip":
            assert gzip.decompress(small.data) == plain.data
            assert "Accept-Encoding" in plain.vary


@pytest.mark.on("sqlite")
def test_pages_are_compressed_and_of_varying_length(packed):
    sizes = {len(packed("/c/one/contacts/accounts").data) for _time in range(12)}
    assert len(sizes) > 1
    answer = packed("/c/one/contacts/accounts")
    assert answer.content_encoding == "gzip"
    assert {"Accept-Encoding", "Cookie"} <= set(answer.vary)
