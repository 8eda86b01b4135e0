"""Which ways to pay there are follows from the settings: a whole set of keys, or a sentence on what is missing."""

from __future__ import annotations

import pytest

from config.clock import SystemClock
from config.keys import one_line, private_key_pem, public_key_pem
from config.settings import ServerSettings, SettingsError, load
from server.payments.gateway import Gateway
from server.payments.sandbox.provider import Bills
from server.payments.ways import build_ways
from tests.harness.alipay_gateway import KEYS as ALIPAY
from tests.harness.wechat_gateway import KEYS as WECHAT

BASE = {
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "S3_ENDPOINT": "127.0.0.1:8333",
    "S3_ACCESS_KEY": "a",
    "S3_SECRET_KEY": "s",
    "INTERNAL_SECRET": "i" * 32,
    "MONGODB_URI": "mongodb://127.0.0.1:27017/",
    "PUBLIC_URL": "https://live.example.cn/",
}
WECHAT_SETTINGS = {
    "WECHAT_APP_ID": WECHAT.app_id,
    "WECHAT_MERCHANT_ID": WECHAT.merchant_id,
    "WECHAT_CERTIFICATE_SERIAL": WECHAT.certificate_serial,
    "WECHAT_PRIVATE_KEY": one_line(WECHAT.private_key),
    "WECHAT_API_V3_KEY": WECHAT.api_v3_key,
    "WECHAT_PUBLIC_KEY": WECHAT.public_key,
    "WECHAT_PUBLIC_KEY_ID": WECHAT.public_key_id,
}
ALIPAY_SETTINGS = {
    "ALIPAY_APP_ID": ALIPAY.app_id,
    "ALIPAY_SELLER_ID": ALIPAY.seller_id,
    "ALIPAY_PRIVATE_KEY": ALIPAY.private_key,
    "ALIPAY_PUBLIC_KEY": one_line(ALIPAY.public_key),
}
SANDBOX_SETTINGS = {"PAYMENT_SANDBOX": "true", "PAYMENT_SANDBOX_SECRET": "p" * 32}


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which nothing about payments is set."""
    for field in ServerSettings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    for name, value in BASE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def ways() -> list[str]:
    gateway: Gateway = None  # type: ignore[assignment]  # nobody is asked
    bills: Bills = None  # type: ignore[assignment]
    return [way.name for way in build_ways(load(ServerSettings), gateway, bills, SystemClock())]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        (SANDBOX_SETTINGS, ["sandbox"]),
        (WECHAT_SETTINGS, ["wechat"]),
        (ALIPAY_SETTINGS, ["alipay"]),
        ({**SANDBOX_SETTINGS, **ALIPAY_SETTINGS, **WECHAT_SETTINGS}, ["wechat", "alipay", "sandbox"]),
    ],
)
def test_a_way_is_there_if_its_settings_are(
    set_up: pytest.MonkeyPatch, given: dict[str, str], expected: list[str]
) -> None:
    for name, value in given.items():
        set_up.setenv(name, value)
    assert ways() == expected


@pytest.mark.parametrize("whole", [WECHAT_SETTINGS, ALIPAY_SETTINGS], ids=["wechat", "alipay"])
def test_a_way_with_a_setting_missing_is_named_with_what_is_missing(
    set_up: pytest.MonkeyPatch, whole: dict[str, str]
) -> None:
    for name, value in whole.items():
        set_up.setenv(name, value)
    for name in (*whole, "PUBLIC_URL"):
        with set_up.context() as without:
            without.setenv(name, "")
            with pytest.raises(SettingsError, match=f"is set, so these are needed too: {name}"):
                ways()


@pytest.mark.parametrize("name", ["WECHAT_PRIVATE_KEY", "ALIPAY_PUBLIC_KEY"])
def test_a_key_that_is_none_is_refused_without_being_told(set_up: pytest.MonkeyPatch, name: str) -> None:
    set_up.setenv(name, "bm90IGEga2V5IGF0IGFsbA==")
    with pytest.raises(SettingsError) as refused:
        ways()
    assert f"{name}: Value error, is no key" in str(refused.value)
    assert "bm90" not in str(refused.value)


def test_a_public_key_in_the_place_of_a_private_one_is_refused(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("ALIPAY_PRIVATE_KEY", ALIPAY.public_key)
    with pytest.raises(SettingsError, match="ALIPAY_PRIVATE_KEY"):
        ways()


def test_a_key_may_be_pem_or_one_line_or_pem_with_its_lines_written_out() -> None:
    private, public = WECHAT.private_key, WECHAT.public_key
    for form in (private, one_line(private), private.replace("\n", "\\n"), f"  {private}  "):
        assert private_key_pem(form) == private
    for form in (public, one_line(public), public.replace("\n", "\\n")):
        assert public_key_pem(form) == public
