"""Rules of the house that a test can check: modules say what they are and stay small, documents name real files."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("config", "media", "server", "workers", "dongting")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
DOCUMENTS = [ROOT / "README.md", ROOT / "server/PROTOCOL.md", *sorted((ROOT / "docs").rglob("*.md"))]
LONGEST_FILE_LINES = 450
NAMED_PATH = re.compile(r"`((?:config|docs|media|server|tests|web|workers|dongting)/[\w./-]+)`")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_first_what_lives_in_it(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert docstring, "begin with one sentence that says what lives here"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_fits_one_idea(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE_LINES, "split it by idea"


@pytest.mark.parametrize("path", sorted((ROOT / "server").rglob("store.py")), ids=name_of)
def test_service_and_store_do_not_import_each_other(path: Path) -> None:
    assert ".service" not in path.read_text("utf-8")
    service = path.with_name("service.py")
    assert not service.exists() or ".store import" not in service.read_text("utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_a_document_names_only_files_that_exist(path: Path) -> None:
    named = {match.rstrip("/.") for match in NAMED_PATH.findall(path.read_text("utf-8"))}
    built = {"web/dist", "web/node_modules"}
    assert not [name for name in named - built if not (ROOT / name).exists()]


def test_no_start_pays_for_what_few_need() -> None:
    """Nor does a worker have a decoder in it: strangers' files are decoded in its children only."""
    unwanted = ("av", "numpy", "alipay", "wechatpayv3")
    question = f"import sys, server.app, workers.runtime; print(*sys.modules.keys() & {{*{unwanted}}})"
    loaded = subprocess.run([sys.executable, "-c", question], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
