"""uv is told of the package indexes that pip was told of."""

from __future__ import annotations

import pytest

from scripts.install import uv_environment


def test_uv_looks_where_pip_would_look_unless_it_was_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setenv("PIP_INDEX_URL", "https://one.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://two.example/simple https://three.example/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/one /two")
    monkeypatch.setenv("PIP_CERT", "/etc/our-own.pem")
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/another.pem")
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)

    # when
    told = uv_environment()

    # then
    assert told["UV_DEFAULT_INDEX"] == "https://one.example/simple"
    assert told["UV_INDEX"] == "https://two.example/simple https://three.example/simple"
    assert told["UV_FIND_LINKS"] == "/one,/two"
    assert told["SSL_CERT_FILE"] == "/etc/another.pem"
