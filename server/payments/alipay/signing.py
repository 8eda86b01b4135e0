"""How Alipay and we know each other: signed requests, signed answers and notices.

The library signs requests and checks notices. It also offers to send requests, but blocking, by a clock in the
machine's own time zone, and with answers whose braces it counts by hand; that is done here and in `gateway.py`.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from alipay import AliPay
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from server.payments.china import beijing

SIGN_TYPE = "RSA2"
TIME = "%Y-%m-%d %H:%M:%S"
SPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class AlipayKeys:
    """A seller's app. `public_key` is Alipay's, the private one the app's own."""

    app_id: str
    seller_id: str
    private_key: str
    public_key: str


class Signer:
    """Signs what we say and checks what Alipay says."""

    def __init__(self, keys: AlipayKeys) -> None:
        self._library = AliPay(
            appid=keys.app_id,
            app_private_key_string=keys.private_key,
            alipay_public_key_string=keys.public_key,
            sign_type=SIGN_TYPE,
        )
        key = load_pem_public_key(keys.public_key.encode())
        if not isinstance(key, RSAPublicKey):
            raise TypeError("Alipay's key is an RSA key")
        self._their_key = key

    def request(self, method: str, wish: Mapping[str, object], now: datetime, **more: str) -> str:
        """A signed request as a query."""
        at = beijing(now).strftime(TIME)
        signed: str = self._library.client_api(method, dict(wish), timestamp=at, **more)
        return signed

    def is_genuine_notice(self, fields: Mapping[str, str]) -> bool:
        """Whether Alipay signed these fields."""
        signed = {name: value for name, value in fields.items() if name not in {"sign", "sign_type"}}
        if fields.get("sign_type") != SIGN_TYPE:
            return False
        try:
            return bool(self._library.verify(signed, fields.get("sign", "")))
        except ValueError:  # not base64
            return False

    def read_answer(self, text: str, name: str) -> dict[str, object]:
        """The part of an answer that Alipay signed. Raises ValueError."""
        parts = members(text)
        content, raw = parts.get(name, (None, ""))
        sign, _ = parts.get("sign", ("", ""))
        if isinstance(content, dict) and isinstance(sign, str) and self._is_genuine(raw, sign):
            return content
        raise ValueError(f"not signed by Alipay: {refusal(parts)}")

    def _is_genuine(self, raw: str, sign: str) -> bool:
        try:
            self._their_key.verify(b64decode(sign, validate=True), raw.encode(), PKCS1v15(), SHA256())
        except (binascii.Error, ValueError, InvalidSignature):
            return False
        return True


def members(text: str) -> dict[str, tuple[object, str]]:
    """The members of a JSON object, each also as it was written, since signatures cover that. Raises ValueError."""
    decoder, found = json.JSONDecoder(), dict[str, tuple[object, str]]()
    at = _skip(text, 0)
    if text[at : at + 1] != "{":
        raise ValueError("not an object")
    try:
        while text[at : at + 1] in {"{", ","}:
            name, at = decoder.raw_decode(text, _skip(text, at + 1))
            at = _skip(text, at)
            if not isinstance(name, str) or name in found or text[at : at + 1] != ":":
                raise ValueError("not a member")
            begin = _skip(text, at + 1)
            value, at = decoder.raw_decode(text, begin)
            found[name] = value, text[begin:at]
            at = _skip(text, at)
    except RecursionError:
        raise ValueError("too deep") from None
    if text[at : at + 1] != "}" or _skip(text, at + 1) != len(text):
        raise ValueError("not closed")
    return found


def refusal(parts: Mapping[str, tuple[object, str]]) -> str:
    """Alipay's own code in an answer that is no use, for the log."""
    for content, _ in parts.values():
        if isinstance(content, dict):
            return str(content.get("sub_code") or content.get("code") or "")[:80]
    return ""


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in SPACE:
        at += 1
    return at
