"""Draws a clip frame by frame in headless Chromium and encodes it with its sound: `python film.py show|lesson ART OUT [SECOND…]`."""

from __future__ import annotations

import base64
import io
import json
import os
import sys
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import av
import numpy as np
from av.video.frame import PictureType
from playwright.sync_api import Page, sync_playwright
from still import FLAGS, HERE

sys.path.insert(0, str(HERE.parent / "sound"))
import music

FPS, WIDTH, HEIGHT = 25, 960, 540
HOLD = int(os.environ.get("HOLD", "1"))  # a quick look draws every nth picture only


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve(folder: Path) -> ThreadingHTTPServer:
    """The pictures, on a free port of this machine (a canvas does not give back what it read from files)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    return server


def open_page(page: Page, clip: str, art: Path) -> None:
    """Load the scripts and the pictures."""
    server = serve(art)
    base = f"http://127.0.0.1:{server.server_port}"
    page.goto(f"{base}/")
    page.set_content(f"<canvas id=c width={WIDTH} height={HEIGHT}></canvas>")
    for name in ("lake.js", f"{clip}.js"):
        page.add_script_tag(path=str(HERE / name))
    frames = sorted(p.stem for p in (art / "h").glob("*.png"))
    page.evaluate(f"([b, f]) => load{clip.title()}('', f)", [base, frames])
    page.evaluate("window.ctx = document.getElementById('c').getContext('2d')")


def frame(page: Page, clip: str, t: float, kind: str = "jpeg") -> bytes:
    """One drawn moment."""
    data = page.evaluate(
        f"([t, k]) => {{ draw{clip.title()}(ctx, t); return ctx.canvas.toDataURL('image/' + k, 0.92); }}", [t, kind]
    )
    return base64.b64decode(data.split(",", 1)[1])


def video(page: Page, clip: str, seconds: float, folder: Path) -> Iterator[av.VideoFrame]:
    """Every frame; drawn ones are kept in `folder`, so that encoding again is quick."""
    folder.mkdir(exist_ok=True)
    drawn = b""
    for i in range(round(seconds * FPS)):
        if i % HOLD == 0:
            kept = folder / f"{i:05}.jpg"
            drawn = kept.read_bytes() if kept.exists() else frame(page, clip, i / FPS)
            kept.write_bytes(drawn)
        with av.open(io.BytesIO(drawn), format="mjpeg") as picture:
            shown = next(picture.decode(video=0)).reformat(
                WIDTH, HEIGHT, "yuv420p", src_color_range="JPEG", dst_color_range="MPEG"
            )
        shown.pts, shown.time_base = i, Fraction(1, FPS)
        shown.pict_type = PictureType.NONE  # every JPEG says that it is a keyframe
        yield shown
        if i % 250 == 0:
            print("second", i // FPS, flush=True)


def encode(out: Path, frames: Iterator[av.VideoFrame], sound: music.Signal, bit_rate: int, audio: str) -> None:
    """H.264 constrained baseline without B-frames, a keyframe every two seconds, and Opus or AAC, in MP4."""
    with av.open(str(out), "w", options={"movflags": "+faststart"}) as file:
        picture = file.add_stream("libx264", rate=FPS)
        picture.width, picture.height, picture.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        picture.bit_rate = bit_rate
        picture.codec_context.thread_type = "FRAME"
        picture.codec_context.options = {
            "profile": "baseline", "preset": os.environ.get("PRESET", "medium"), "bf": "0", "g": str(FPS * 2),
            "keyint_min": str(FPS * 2), "sc_threshold": "0", "maxrate": str(int(bit_rate * 1.35)), "bufsize": str(bit_rate * 2),
            "tune": "animation", "threads": "2", "refs": "2", "slices": "1", "color_primaries": "bt709", "color_trc": "bt709", "colorspace": "bt709",
        }  # fmt: skip
        voice = file.add_stream(audio, rate=music.RATE)
        voice.layout, voice.bit_rate = "stereo", 80_000
        _sound(file, voice, sound)
        for shown in frames:
            file.mux(picture.encode(shown))
        file.mux(picture.encode(None))


def _sound(file: av.container.OutputContainer, voice: av.AudioStream, sound: music.Signal) -> None:
    whole = np.ascontiguousarray((np.clip(sound, -1, 1) * 32767).astype("<i2").reshape(1, -1))
    samples = av.AudioFrame.from_ndarray(whole, format="s16", layout="stereo")
    samples.sample_rate, samples.pts = music.RATE, 0
    fifo, resampler = av.AudioFifo(), av.AudioResampler(voice.format.name, "stereo", music.RATE)
    for part in resampler.resample(samples):
        part.pts = None
        fifo.write(part)
    size = voice.codec_context.frame_size or 960
    at = 0
    while (part := fifo.read(size, partial=True)) is not None:
        part.pts, part.time_base = at, Fraction(1, music.RATE)
        at += part.samples
        file.mux(voice.encode(part))
    file.mux(voice.encode(None))


PLANS = json.loads((HERE / "plans.json").read_text())


def main(clip: str, art: Path, out: Path, moments: list[float]) -> None:
    """Look at single moments as PNG, or make the whole clip."""
    plan = PLANS[clip]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page()
        page.on("console", lambda message: print(message.text))
        page.on("pageerror", lambda error: print(error))
        open_page(page, clip, art)
        for t in moments:
            (out.parent / f"{clip}-{t:05.1f}.png").write_bytes(frame(page, clip, t, "png"))
        if not moments:
            sound, _ = music.mix(plan["seconds"], [tuple(p) for p in plan["phrases"]], tune=plan["tune"])
            encode(
                out,
                video(page, clip, plan["seconds"], art / f"frames-{clip}"),
                sound,
                plan["bit_rate"],
                plan["audio"],
            )
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), [float(v) for v in sys.argv[4:]])
