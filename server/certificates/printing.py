"""Has certificates printed by a process of its own, one at a time, with an end to its patience."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta, timezone

from config.children import bare_environment
from config.logs import logger
from server.certificates.model import Certificate, written
from server.errors import Unavailable

log = logger(__name__)

PATIENCE_SECONDS = 30.0  # it takes one or two
WAIT_SECONDS = 20.0  # for those who came before
CHINA = timezone(timedelta(hours=8))  # one time for all of it, without summer time
PLATFORM = "洞庭 · 农技学院"


class Printer:
    """Prints; who waits too long for his turn is told to come again.

    `public_url`: where the page is; empty: wherever the owner sees it.
    """

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        self._turn = asyncio.Semaphore(1)

    async def print(self, certificate: Certificate, seen_at: str) -> bytes:
        """The PDF of a certificate; `seen_at`: the page's address as its owner sees it. Raises Unavailable."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable("others are printing; please try again in a moment") from None
        try:
            return await self._run(json.dumps(_paper(certificate, self._public_url or seen_at)).encode())
        finally:
            self._turn.release()

    async def _run(self, paper: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "server.certificates.paper",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=bare_environment(),  # names of strangers are drawn there
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                pdf, complaints = await process.communicate(paper)
        except TimeoutError:
            raise Unavailable("printing takes too long; please try again") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0 or not pdf.startswith(b"%PDF"):
            log.error("a certificate could not be printed", why=complaints[-500:].decode("utf-8", "replace"))
            raise Unavailable("the certificate could not be printed; please try again later")
        return pdf


def _paper(certificate: Certificate, public_url: str) -> dict[str, str]:
    minutes = max(1, round(certificate.total_ms / 60_000))
    return {
        "holder": certificate.holder_name,
        "course": certificate.course_title,
        "facts": f"共 {certificate.lesson_count} 节课，{minutes} 分钟",
        "teacher": certificate.teacher_name,
        "issued": f"{certificate.issued_at.astimezone(CHINA):%Y-%m-%d}",
        "code": written(certificate.code),
        "check_url": f"{public_url}/certificates/{written(certificate.code)}",
        "platform": PLATFORM,
    }
