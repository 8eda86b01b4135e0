"""The Chromium of this machine and how tests start it: a fake camera and microphone, none of its own calls home."""

from __future__ import annotations

from scripts.install import find_browser

FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=15",  # both ends of the call share two cores with the servers
)


def chromium_path() -> str:
    """Where it is; a test without it fails."""
    path = find_browser()
    assert path, "no Chromium or Chrome: `make test` installs one or says how"
    return path
