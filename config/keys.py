"""RSA keys as payment platforms hand them out: PEM, or the middle of it on one line."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

LEAST_BITS = 2048


def private_key_pem(text: str) -> str:
    """A private key as PKCS#8 in PEM. Raises ValueError."""
    key = _loaded(text, lambda der: load_der_private_key(der, None))
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_BITS:
        raise ValueError(f"is no RSA private key of {LEAST_BITS} bits or more")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_key_pem(text: str) -> str:
    """A public key as PEM. Raises ValueError."""
    key = _loaded(text, load_der_public_key)
    if not isinstance(key, RSAPublicKey) or key.key_size < LEAST_BITS:
        raise ValueError(f"is no RSA public key of {LEAST_BITS} bits or more")
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def one_line(pem: str) -> str:
    """The middle of a PEM on one line, as it fits into a file of settings."""
    lines = (line.strip() for line in pem.splitlines())
    return "".join(line for line in lines if not line.startswith("-----"))


def _loaded(text: str, load: Callable[[bytes], object]) -> object:
    try:
        return load(b64decode(one_line(text.replace("\\n", "\n")), validate=True))
    except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("is no key: give PEM, or what stands between its lines in one line") from None
