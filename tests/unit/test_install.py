"""What `make install` calls: uv, Node.js, apt."""

from __future__ import annotations

from pathlib import Path

import pytest

import scripts.install
from scripts.install import apt_install, carried_node, uv_environment


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


def test_a_script_that_somebody_runs_is_not_emptied_while_another_is_about_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(scripts.install, "VENV", tmp_path)
    script = carried_node(tmp_path / "wheel") / "npm"
    was = script.stat()
    # when it is made once more
    carried_node(tmp_path / "wheel")
    # then
    assert script.stat() == was

    # and when it is another one, while `sh` reads the old one
    with script.open() as reader:
        carried_node(tmp_path / "newer")
        old = reader.read()
    # then
    assert str(tmp_path / "wheel") in old
    assert str(tmp_path / "newer") in script.read_text()
    assert script.stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in script.parent.iterdir()) == ["node", "npm"]


def test_packages_wait_for_whoever_else_installs_some_on_a_mount_without_locks_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given an apt-get that says what it was told, and a checkout that cannot be locked
    told = tmp_path / "told"
    (tmp_path / "apt-get").write_text(f'#!/bin/sh\necho "$@" >>"{told}"\n')
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(scripts.install, "ROOT", tmp_path / "nowhere")
    # when
    apt_install("chromium")
    # then
    update, install = told.read_text().splitlines()
    assert "update" in update.split()
    assert {"install", "chromium", "DPkg::Lock::Timeout=120"} <= set(install.split())
