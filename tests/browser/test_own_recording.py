"""A host's line is cut in mid-broadcast: his phone has recorded what nobody saw, and fills it in after the end."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import CDPSession, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_journey import LONG_WAIT_MS, go_live, wait_until
from tests.harness.platform import Platform

pytestmark = pytest.mark.long

CUT_MS = 4_000  # longer than the second from which on a gap is filled
SEEN_MS = 2_000  # of the broadcast before and after it


def cut(line: CDPSession, *, off: bool) -> None:
    """Nothing of WebRTC comes through, or everything."""
    line.send(
        "Network.emulateNetworkConditions",
        {
            "offline": off,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": -1,
            "packetLoss": 100 if off else 0,
        },
    )


def test_what_a_cut_line_cost_is_filled_in_from_the_phone(platform: Platform, open_page: OpenPage) -> None:
    # given a host who is live
    host = open_page()
    go_live(host)
    stream = wait_until(lambda: platform.database["streams"].find_one({"state": "live"}), "he is live")
    host.wait_for_timeout(SEEN_MS)
    line = host.context.new_cdp_session(host)
    line.send("Network.enable")

    # when his line is cut for some seconds, and he ends some seconds later
    cut(line, off=True)
    wait_until(
        lambda: platform.database["streams"].find_one({"_id": stream["_id"], "state": "interrupted"}), "he is missed"
    )
    host.wait_for_timeout(CUT_MS)
    cut(line, off=False)
    wait_until(
        lambda: platform.database["streams"].find_one({"_id": stream["_id"], "state": "live"}), "he is there again"
    )
    host.wait_for_timeout(SEEN_MS)
    host.get_by_test_id("end-stream").click()
    host.get_by_test_id("end-sure").click()

    # then his page brings what is missing, and says that it is filled in
    expect(host.get_by_test_id("filled-note")).to_be_visible(timeout=LONG_WAIT_MS)
    asset: dict[str, Any] | None = platform.database["assets"].find_one({"source.ref": stream["_id"]})
    assert asset is not None
    (filled,) = asset["filled"]
    assert filled["end_ms"] - filled["start_ms"] > CUT_MS / 2
    assert not [gap for gap in asset["gaps"] if filled["start_ms"] <= gap["start_ms"] < filled["end_ms"]]
