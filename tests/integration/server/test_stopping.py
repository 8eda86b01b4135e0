"""A server that stops: its pages are let go at once, so that they go elsewhere."""

from __future__ import annotations

from pathlib import Path

from tests.harness.data_servers import Environment
from tests.harness.processes import running
from tests.harness.raw_page import RawPage


async def test_a_server_that_stops_does_not_wait_for_its_pages(environment: Environment, tmp_path: Path) -> None:
    patient = {**environment, "SHUTDOWN_SECONDS": "60"}
    with running(patient, tmp_path, "server") as processes:
        page = await RawPage.connect(f"http://127.0.0.1:{environment['SERVER_PORT']}")
        assert processes["server"].stop()  # within its ten seconds, or it is killed
        await page.close()
