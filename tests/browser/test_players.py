"""hls.js and Shaka Player play what the workers make: forced to each rendition, with jumps to any place."""

from __future__ import annotations

import functools
import random
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import m3u8
import pytest
from m3u8.parser import parse
from playwright.sync_api import Browser

from tests.harness.ladders import ROOT, MadeLadder, make_ladder
from tests.unit.workers.test_transcode import film

SEEKS = 20
MODULES = ROOT / "web/node_modules"
# Each player answers with what it was asked: its renditions, one of them forced, and whether it ever failed for good.
PLAYERS = {
    "hls.js": (
        MODULES / "hls.js/dist/hls.min.js",
        """() => new Promise(resolve => {
            const hls = new Hls({ maxBufferLength: 6 })
            window.faults = []
            hls.on(Hls.Events.ERROR, (_, data) => data.fatal && faults.push(data.details))
            const called = name => hls.levels.findIndex(level => level.url[0].includes(name))
            window.force = name => { hls.currentLevel = called(name) }
            hls.on(Hls.Events.MANIFEST_PARSED, () => resolve(hls.levels.length))
            hls.loadSource('/out/master.m3u8')
            hls.attachMedia(document.querySelector('video'))
        })""",
    ),
    "Shaka Player": (
        MODULES / "shaka-player/dist/shaka-player.compiled.js",
        """async () => {
            shaka.polyfill.installAll()
            const player = new shaka.Player()
            window.faults = []
            player.addEventListener('error', event => window.faults.push(event.detail.code))
            await player.attach(document.querySelector('video'))
            player.configure({ abr: { enabled: false } })
            await player.load('/out/master.m3u8')
            // Shaka that has to jump in the middle of a change may wait for ever: the change comes first.
            window.force = name => new Promise((resolve, reject) => {
                const video = document.querySelector('video')
                const track = player.getVariantTracks().find(one => (one.originalVideoId || '').includes(name))
                if (!track) return reject(new Error(`no ${name}`))
                const late = setTimeout(() => reject(new Error(`${name} does not come`)), 15000)
                const came = () => {
                    if (video.videoWidth !== track.width) return
                    video.removeEventListener('resize', came)
                    clearTimeout(late)
                    resolve()
                }
                video.addEventListener('resize', came)
                player.selectVariantTrack(track, true)
                came()
            })
            return player.getVariantTracks().length
        }""",
    ),
}
SHOWS = """([at, seconds]) => new Promise((resolve, reject) => {
    const video = document.querySelector('video')
    const late = setTimeout(() => reject(new Error(`nothing at ${at}: ${JSON.stringify(window.faults)}`)), 15000)
    const moved = () => {
        if (video.seeking || video.currentTime < Math.min(at + 0.1, seconds - 0.3)) return
        video.removeEventListener('timeupdate', moved)
        clearTimeout(late)
        resolve([video.videoWidth, video.currentTime])
    }
    video.addEventListener('timeupdate', moved)
    video.currentTime = at
    video.play()
})"""


class Quiet(SimpleHTTPRequestHandler):
    """Files, without a line for each on the screen."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the library's own word
        """Say nothing."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> MadeLadder:
    """Twelve seconds in three chunks."""
    folder = tmp_path_factory.mktemp("players")
    source = film(
        folder / "source.mp4",
        *("-f", "lavfi", "-i", "testsrc2=size=640x360:rate=15", "-f", "lavfi", "-i", "sine=frequency=440"),
        *("-t", "12", "-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-c:a", "aac"),
    )
    return make_ladder(source, folder / "out", 4.0)


@pytest.fixture(scope="module")
def address(made: MadeLadder) -> Iterator[str]:
    """Where the ladder and an empty page are."""
    root = made.folder.parent
    (root / "page.html").write_text("<!doctype html><video muted></video>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_every_playlist_is_strictly_valid(made: MadeLadder) -> None:
    playlists: list[Path] = sorted(made.folder.rglob("*.m3u8"))
    assert len(playlists) == 1 + len(made.ladder.pictures) + len(made.ladder.sounds)
    for path in playlists:
        parsed = m3u8.load(str(path))
        parse(path.read_text(), strict=True)
        for segment in parsed.segments:
            assert round(segment.duration) <= parsed.target_duration
            assert (path.parent / segment.uri).exists()


@pytest.mark.parametrize("name", PLAYERS)
def test_a_player_shows_each_rendition_at_any_place(
    chromium: Browser, made: MadeLadder, address: str, name: str
) -> None:
    # given
    library, start = PLAYERS[name]
    page = chromium.new_page()
    page.goto(f"{address}/page.html")
    page.add_script_tag(path=library)
    assert page.evaluate(start) == len(made.ladder.pictures)
    seconds = made.ladder.duration_ms / 1000
    places = random.Random(7)

    # when, then: each rendition is shown in its own size, wherever one jumps to
    shown: dict[str, int] = {}
    for plan in made.ladder.pictures:
        page.evaluate("name => window.force(name)", f"{plan.name}/")
        for _ in range(SEEKS // len(made.ladder.pictures)):
            shown[plan.name], _ = page.evaluate(SHOWS, [places.uniform(0, seconds - 1), seconds])
    assert shown == {plan.name: plan.width for plan in made.ladder.pictures}
    assert page.evaluate("window.faults") == []
    page.close()
