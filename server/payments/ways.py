"""The ways to pay that an operator has set up, in the order in which buyers see them.

Each is loaded only where it is set up: with their libraries they are a tenth of a process's start.
"""

from __future__ import annotations

from config.clock import Clock
from config.settings import ServerSettings
from server.payments.gateway import Gateway
from server.payments.sandbox.provider import Bills, Sandbox
from server.payments.service import Provider


def build_ways(settings: ServerSettings, gateway: Gateway, bills: Bills, clock: Clock) -> list[Provider]:
    """One provider for each that has its settings; these are whole, settings.py has seen to that."""
    ways: list[Provider] = []
    public_url = settings.public_url.rstrip("/")
    if settings.wechat_private_key is not None and settings.wechat_api_v3_key is not None:
        from server.payments.wechat.provider import Wechat
        from server.payments.wechat.signing import WechatKeys

        wechat = WechatKeys(
            app_id=settings.wechat_app_id,
            merchant_id=settings.wechat_merchant_id,
            certificate_serial=settings.wechat_certificate_serial,
            private_key=settings.wechat_private_key.get_secret_value(),
            api_v3_key=settings.wechat_api_v3_key.get_secret_value(),
            public_key=settings.wechat_public_key,
            public_key_id=settings.wechat_public_key_id,
        )
        ways.append(Wechat(wechat, gateway, settings.wechat_gateway_url, public_url, clock))
    if settings.alipay_private_key is not None:
        from server.payments.alipay.provider import Alipay
        from server.payments.alipay.signing import AlipayKeys

        alipay = AlipayKeys(
            app_id=settings.alipay_app_id,
            seller_id=settings.alipay_seller_id,
            private_key=settings.alipay_private_key.get_secret_value(),
            public_key=settings.alipay_public_key,
        )
        ways.append(Alipay(alipay, gateway, settings.alipay_gateway_url, public_url, clock))
    if settings.payment_sandbox and settings.payment_sandbox_secret is not None:
        ways.append(Sandbox(bills, settings.payment_sandbox_secret.get_secret_value()))
    return ways
