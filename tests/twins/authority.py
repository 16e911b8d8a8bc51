"""An authority like Microsoft Entra's on loopback: a throw-away CA, its certificate, and the token endpoint.

azure-identity speaks to an authority over TLS only; its clients trust this one by SSL_CERT_FILE and REQUESTS_CA_BUNDLE.
Two paths are enough (measured with azure-identity 1.25): the OpenID configuration of the tenant and the token endpoint.
"""

from __future__ import annotations

import base64
import ipaddress
import itertools
import json
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.twins.exchange import Answer, RefusedRequestError, Request, Route
from tests.twins.server import Twin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "not-a-secret-of-anybody"
_GRANTS = {"client_credentials"}


def certificates(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server context for localhost, and the file of the CA that vouches for it; both last an hour."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def begin(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        built = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
        built = built.public_key(key.public_key()).serial_number(x509.random_serial_number())
        return built.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(hours=1))

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    ca = begin("twin CA", "twin CA", ca_key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ca_id = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    signed = ca.add_extension(usage, critical=True).add_extension(ca_id, critical=False).sign(ca_key, hashes.SHA256())
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = begin("localhost", "twin CA", key).add_extension(names, critical=False)
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    pem = serialization.Encoding.PEM
    chain, private, bundle = folder / "server.pem", folder / "server.key", folder / "ca.pem"
    bundle.write_bytes(signed.public_bytes(pem))
    chain.write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem) + signed.public_bytes(pem))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return context, bundle


class Authority(Twin):
    """Hands out tokens to one application of one tenant; `issued` is what it gave, newest last."""

    anonymous = True

    def __init__(self, tls: ssl.SSLContext, tenant: str, client: str) -> None:
        super().__init__(tls)
        self.tenant, self.client = tenant, client
        self.issued: list[str] = []
        self._serial = itertools.count(1)

    def routes(self) -> Iterator[Route]:
        """The two endpoints, for the tenant by id or by any of the words that stand for it."""
        tenant = r"/(?P<tenant>[\w.-]+)"
        discovery = tenant + r"/v2\.0/\.well-known/openid-configuration"
        yield Route("authority.openid", discovery, self._openid)
        yield Route("authority.token", tenant + r"/oauth2/v2\.0/token", self._token, method="POST")

    def error(self, status: int, code: str, message: str) -> object:
        """An OAuth error (RFC 6749, 5.2), as AADSTS writes it."""
        del status
        return {"error": code, "error_description": f"AADSTS{message}", "error_codes": []}

    def _openid(self, request: Request) -> Answer:
        base = f"{self.url}/{request.params['tenant']}"
        return Answer(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            }
        )

    def _token(self, request: Request) -> Answer:
        form = request.body if isinstance(request.body, dict) else {}
        if form.get("grant_type") not in _GRANTS or not str(form.get("scope", "")).endswith("/.default"):
            raise RefusedRequestError(400, "invalid_request", "900144: grant or scope")
        proved = form.get("client_secret") == SECRET or bool(form.get("client_assertion"))
        if form.get("client_id") != self.client or not proved:
            return Answer(self.error(401, "invalid_client", "7000215: Invalid client secret provided."), 401)
        claims = {"tid": self.tenant, "oid": self.client, "appid": self.client, "n": next(self._serial)}
        token = ".".join(_part(part) for part in ({"alg": "none", "typ": "JWT"}, claims, {}))
        self.issued.append(token)
        return Answer({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token})


def _part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
