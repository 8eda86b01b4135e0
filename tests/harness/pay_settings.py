"""The settings of a server that takes payments from WeChat Pay and Alipay, as an operator would write them."""

from __future__ import annotations

from tests.harness.alipay_gateway import KEYS as ALIPAY
from tests.harness.wechat_gateway import KEYS as WECHAT


def pay_settings(wechat_url: str, alipay_url: str) -> dict[str, str]:
    """Both ways, with gateways at these addresses."""
    return {
        "WECHAT_APP_ID": WECHAT.app_id,
        "WECHAT_MERCHANT_ID": WECHAT.merchant_id,
        "WECHAT_CERTIFICATE_SERIAL": WECHAT.certificate_serial,
        "WECHAT_PRIVATE_KEY": WECHAT.private_key,
        "WECHAT_API_V3_KEY": WECHAT.api_v3_key,
        "WECHAT_PUBLIC_KEY": WECHAT.public_key,
        "WECHAT_PUBLIC_KEY_ID": WECHAT.public_key_id,
        "WECHAT_GATEWAY_URL": wechat_url,
        "ALIPAY_APP_ID": ALIPAY.app_id,
        "ALIPAY_SELLER_ID": ALIPAY.seller_id,
        "ALIPAY_PRIVATE_KEY": ALIPAY.private_key,
        "ALIPAY_PUBLIC_KEY": ALIPAY.public_key,
        "ALIPAY_GATEWAY_URL": f"{alipay_url}/gateway.do",
    }
