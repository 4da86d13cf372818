"""A connection goes to a checked address, and its certificate is checked against the name of the page.

Run: python -m pytest tests/search/fetching/test_secure_pages.py
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from search.problems import SearchProblem
from tests.search.fetching.public_web import PUBLIC, PublicWeb, page_of, watch


def certificate(folder: Path, name: str) -> Path:
    """One that vouches for itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / f"{name}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(serialization.Encoding.PEM, *form)
    )
    return path


@pytest.fixture
def trusted(web: PublicWeb, tmp_path: Path) -> ssl.SSLContext:
    """Trusts the certificate that the server has, which names secure.example."""
    path = certificate(tmp_path, "secure.example")
    web.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    web.tls.load_cert_chain(path)
    web.pages |= {"secure.example/": page_of("글"), "other.example/": page_of("글")}
    return ssl.create_default_context(cafile=str(path))


def test_a_page_behind_tls_is_read_under_its_own_name(web: PublicWeb, trusted: ssl.SSLContext) -> None:
    names: list[str | None] = []
    assert web.tls is not None
    web.tls.sni_callback = lambda connection, name, context: names.append(name)
    assert "글" in web.fetcher(tls=trusted).fetch("https://secure.example/", watch()).body.decode()
    assert set(names) == {"secure.example"} and set(web.connected) == {PUBLIC}
    assert all("Host: secure.example\r\n" in head for head in web.heads)


@pytest.mark.parametrize("host", ["other.example", PUBLIC])
def test_a_certificate_of_another_name_is_not_taken(
    web: PublicWeb, trusted: ssl.SSLContext, host: str
) -> None:
    with pytest.raises(SearchProblem) as problem:
        web.fetcher(tls=trusted).fetch(f"https://{host}/", watch())
    assert problem.value.code == "search-page-unreachable" and web.requests == []


def test_a_certificate_that_nobody_vouches_for_is_not_taken(web: PublicWeb, trusted: ssl.SSLContext) -> None:
    with pytest.raises(SearchProblem) as problem:
        web.fetcher().fetch("https://secure.example/", watch())
    assert problem.value.code == "search-page-unreachable" and web.requests == []
