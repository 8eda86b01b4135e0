"""A gateway that behaves like WeChat Pay's API v3: checks who asks, signs what it answers and calls back."""

from __future__ import annotations

import json
import re
import secrets
import time
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from server.payments.wechat.signing import WechatKeys
from tests.harness.gateway import FakeGateway, Mood, Trade, private_pem, public_pem, rsa_key, signed

PUBLIC_KEY_ID = "PUB_KEY_ID_0100000000002026112200000000000001"
API_V3_KEY = "0123456789abcdef0123456789ABCDEF"
KEYS = WechatKeys(
    app_id="wx0000000000000001",
    merchant_id="1900000001",
    certificate_serial="5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
    private_key=private_pem(rsa_key("wechat merchant")),
    api_v3_key=API_V3_KEY,
    public_key=public_pem(rsa_key("wechat")),
    public_key_id=PUBLIC_KEY_ID,
)
AUTHORIZATION = re.compile(
    r'WECHATPAY2-SHA256-RSA2048 mchid="(\w+)",nonce_str="(\w+)",'
    r'signature="([\w+/=]+)",timestamp="(\d+)",serial_no="(\w+)"'
)


class Refused(Exception):
    """Answered with a status and a code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class WechatGateway(FakeGateway):
    """As `https://api.mch.weixin.qq.com`."""

    def add_routes(self, app: web.Application) -> None:
        """The calls that we use."""
        base = "/v3/pay/transactions"
        app.add_routes(
            [
                web.post(base + "/{kind:h5|native}", self._answer(self._begin)),
                web.get(base + "/out-trade-no/{number}", self._answer(self._query)),
                web.post(base + "/out-trade-no/{number}/close", self._answer(self._close)),
                web.post("/v3/refund/domestic/refunds", self._answer(self._refund)),
                web.get("/v3/refund/domestic/refunds/{number}", self._answer(self._query_refund)),
            ]
        )

    def callback(
        self,
        trade: Trade,
        *,
        key: RSAPrivateKey | None = None,
        at: datetime | None = None,
        api_v3_key: str = API_V3_KEY,
        event_type: str = "TRANSACTION.SUCCESS",
        **changes: Any,
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a callback about a trade."""
        plain = json.dumps({**self._transaction(trade), **changes}).encode()
        nonce = secrets.token_hex(6)
        sealed = AESGCM(api_v3_key.encode()).encrypt(nonce.encode(), plain, b"transaction")
        told = {
            "id": secrets.token_hex(18),
            "create_time": self.clock.now().isoformat(timespec="seconds"),
            "resource_type": "encrypt-resource",
            "event_type": event_type,
            "summary": "支付成功",
            "resource": {
                "original_type": "transaction",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": b64encode(sealed).decode(),
                "associated_data": "transaction",
                "nonce": nonce,
            },
        }
        body = json.dumps(told, ensure_ascii=False)
        return self.signature(body, key, at), body.encode()

    def signature(self, body: str, key: RSAPrivateKey | None = None, at: datetime | None = None) -> dict[str, str]:
        """The headers that go with a body."""
        stamp, nonce = str(int((at or self.clock.now()).timestamp())), secrets.token_hex(16)
        return {
            "Wechatpay-Serial": PUBLIC_KEY_ID,
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": signed(key or rsa_key("wechat"), f"{stamp}\n{nonce}\n{body}\n"),
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }

    def _answer(self, work: Any) -> Any:
        async def handler(request: web.Request) -> web.Response:
            body = await request.text()
            self.asked.append(f"{request.method} {request.path}")
            try:
                _check_signature(request, body)
                status, told = work(request, json.loads(body) if body else {})
            except Refused as refused:
                status, told = refused.status, {"code": refused.code, "message": "不行"}
            text = "" if told is None else json.dumps(told, ensure_ascii=False)
            key = rsa_key("a stranger") if self.mood is Mood.FORGED else None
            return web.Response(
                status=status, text=text, content_type="application/json", headers=self.signature(text, key)
            )

        return handler

    def _begin(self, request: web.Request, wish: dict[str, Any]) -> tuple[int, Any]:
        assert (wish["appid"], wish["mchid"]) == (KEYS.app_id, KEYS.merchant_id)
        assert 0 < len(wish["description"]) <= 127
        assert wish["scene_info"]["payer_client_ip"]
        kind = request.match_info["kind"]
        if kind == "h5":
            assert wish["scene_info"]["h5_info"]["type"] == "Wap"
        number = wish["out_trade_no"]
        expires_at = datetime.fromisoformat(wish["time_expire"])
        new = Trade(number, wish["amount"]["total"], expires_at, wish["notify_url"])
        trade = self.trades.setdefault(number, new)
        if trade.state != "open":
            raise Refused(400, "ORDERPAID" if trade.state == "paid" else "ORDER_CLOSED")
        if (trade.total_fen, trade.expires_at) != (new.total_fen, new.expires_at):
            raise Refused(400, "INVALID_REQUEST")  # 请求重入时，参数与首次请求时不一致
        if kind == "native":
            return 200, {"code_url": f"weixin://wxpay/bizpayurl?pr={number[:9]}"}
        return 200, {"h5_url": f"https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={number}"}

    def _query(self, request: web.Request, _: dict[str, Any]) -> tuple[int, Any]:
        if request.query["mchid"] != KEYS.merchant_id:
            raise Refused(400, "PARAM_ERROR")
        return 200, self._transaction(self._trade(request.match_info["number"]))

    def _close(self, request: web.Request, wish: dict[str, Any]) -> tuple[int, Any]:
        assert wish == {"mchid": KEYS.merchant_id}
        trade = self._trade(request.match_info["number"])
        if trade.state == "paid":
            raise Refused(400, "ORDERPAID")
        trade.state = "closed"
        return 204, None

    def _refund(self, _: web.Request, wish: dict[str, Any]) -> tuple[int, Any]:
        trade = self._trade(wish["out_trade_no"])
        amount = wish["amount"]
        if trade.state != "paid" or amount["total"] != trade.total_fen:
            raise Refused(400, "INVALID_REQUEST")
        number = wish["out_refund_no"]
        if number not in trade.refunds and sum(trade.refunds.values()) + amount["refund"] > trade.total_fen:
            raise Refused(403, "NOT_ENOUGH")
        trade.refunds[number] = amount["refund"]
        return 200, self._refund_state(number)

    def _query_refund(self, request: web.Request, _: dict[str, Any]) -> tuple[int, Any]:
        number = request.match_info["number"]
        if not any(number in trade.refunds for trade in self.trades.values()):
            raise Refused(404, "RESOURCE_NOT_EXISTS")
        return 200, self._refund_state(number)

    def _refund_state(self, number: str) -> dict[str, Any]:
        state = "PROCESSING" if self.refunds_are_slow else "SUCCESS"
        return {"out_refund_no": number, "refund_id": "5030000", "status": state, "amount": {"currency": "CNY"}}

    def _trade(self, number: str) -> Trade:
        if number not in self.trades:
            raise Refused(404, "ORDER_NOT_EXIST")
        return self.trades[number]

    def _transaction(self, trade: Trade) -> dict[str, Any]:
        state = {"open": "NOTPAY", "closed": "CLOSED", "paid": "REFUND" if trade.refunds else "SUCCESS"}[trade.state]
        told: dict[str, Any] = {
            "appid": KEYS.app_id,
            "mchid": KEYS.merchant_id,
            "out_trade_no": trade.number,
            "trade_state": state,
            "trade_state_desc": "…",
            "amount": {"total": trade.total_fen, "payer_total": trade.total_fen, "currency": "CNY"},
        }
        if trade.state == "paid":
            told |= {"transaction_id": f"420000{trade.number[:20]}", "trade_type": "MWEB", "payer": {"openid": "o"}}
        return told


def _check_signature(request: web.Request, body: str) -> None:
    match = AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if match is None:
        raise Refused(401, "SIGN_ERROR")
    merchant, nonce, signature, stamp, serial = match.groups()
    if (merchant, serial) != (KEYS.merchant_id, KEYS.certificate_serial) or abs(time.time() - int(stamp)) > 300:
        raise Refused(401, "SIGN_ERROR")
    text = f"{request.method}\n{request.raw_path}\n{stamp}\n{nonce}\n{body}\n"
    try:
        public = rsa_key("wechat merchant").public_key()
        public.verify(b64decode(signature), text.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise Refused(401, "SIGN_ERROR") from None
