"""Draws a still picture with a JavaScript snippet on a canvas in headless Chromium."""

from __future__ import annotations

import base64
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
FLAGS = [
    "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--allow-file-access-from-files",
]  # fmt: skip


def draw(script: str, width: int, height: int, out: Path, sources: tuple[str, ...] = ("lake.js",)) -> None:
    """Run `script` (with `ctx`, `w`, `h` at hand) and keep the canvas as PNG."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page()
        page.set_content(f"<canvas id=c width={width} height={height}></canvas>")
        for name in sources:
            page.add_script_tag(path=str(HERE / name))
        data = page.evaluate(
            "async ([s]) => { const c = document.getElementById('c'), ctx = c.getContext('2d'), w = c.width, h = c.height;"
            " await (new (Object.getPrototypeOf(async function(){}).constructor)('ctx','w','h', s))(ctx, w, h);"
            " return c.toDataURL('image/png'); }",
            [script],
        )
        browser.close()
    out.write_bytes(base64.b64decode(data.split(",", 1)[1]))
