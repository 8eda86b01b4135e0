"""How WeChat Pay and we know each other: signed requests, signed answers and callbacks, encrypted content.

The library does the cryptography; what it would do on the network (blocking, and a download of certificates for each
forged callback) is not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from wechatpayv3.utils import aes_decrypt, build_authorization, load_private_key, load_public_key, rsa_verify

from server.errors import BadRequest, NotAllowed

SERIAL = "Wechatpay-Serial"
SIGNATURE = "Wechatpay-Signature"
TIMESTAMP = "Wechatpay-Timestamp"
NONCE = "Wechatpay-Nonce"
SIGNATURE_HEADERS = (SERIAL, SIGNATURE, TIMESTAMP, NONCE)
OLDEST_SECONDS = 300  # WeChat's own rule; what somebody recorded is worthless after this
TIMESTAMP_DIGITS = 12


@dataclass(frozen=True, slots=True)
class WechatKeys:
    """A merchant's account. `public_key` is WeChat's, the others are the merchant's own."""

    app_id: str
    merchant_id: str
    certificate_serial: str
    private_key: str
    api_v3_key: str
    public_key: str
    public_key_id: str


class Signer:
    """Signs what we say and checks what WeChat says."""

    def __init__(self, keys: WechatKeys) -> None:
        self._keys = keys
        self._own_key = load_private_key(keys.private_key)
        self._their_key = load_public_key(keys.public_key)

    def headers(self, method: str, path: str, body: str) -> dict[str, str]:
        """The headers of a request."""
        keys = self._keys
        return {
            "Authorization": build_authorization(
                path, method, keys.merchant_id, keys.certificate_serial, self._own_key, data=body
            ),
            "Accept": "application/json",
            "Content-Type": "application/json",
            SERIAL: keys.public_key_id,  # with this key it shall sign its answer
        }

    def check(self, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
        """The text that WeChat signed just now. Raises NotAllowed (`bad_signature`, `callback_too_old`)."""
        at = headers.get(TIMESTAMP, "")
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise NotAllowed("the signature is missing or wrong", code="bad_signature") from None
        if headers.get(SERIAL) != self._keys.public_key_id or not rsa_verify(
            at, headers.get(NONCE, ""), text, headers.get(SIGNATURE, ""), self._their_key
        ):
            raise NotAllowed("the signature is missing or wrong", code="bad_signature")
        if not (at.isascii() and at.isdigit() and len(at) <= TIMESTAMP_DIGITS):
            raise NotAllowed("the time of the signature is missing", code="bad_signature")
        if abs(now.timestamp() - int(at)) > OLDEST_SECONDS:
            raise NotAllowed("the callback was signed too long ago", code="callback_too_old")
        return text

    def decrypt(self, nonce: str, ciphertext: str, associated_data: str) -> str:
        """What only we and WeChat can read. Raises BadRequest."""
        try:
            plain: str | None = aes_decrypt(nonce, ciphertext, associated_data, self._keys.api_v3_key)
        except ValueError:  # not base64, not UTF-8, a nonce of another length
            plain = None
        if plain is None:
            raise BadRequest("the callback cannot be decrypted; is WECHAT_API_V3_KEY right?")
        return plain
