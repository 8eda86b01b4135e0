"""What an operator's tools ask a node."""

from __future__ import annotations

from tests.integration.media.conftest import Running


async def test_health_readiness_and_metrics(running: Running) -> None:
    async with running.http.get(running.url("/healthz")) as response:
        assert response.status == 200
    async with running.http.get(running.url("/readyz")) as response:
        assert await response.json() == {"redis": True, "accepts": True}
    async with running.http.get(running.url("/metrics")) as response:
        text = await response.text()
    assert "dongting_media_packets_in_total 0.0" in text
    assert 'dongting_media_dropped_total{reason="junk"} 0.0' in text
