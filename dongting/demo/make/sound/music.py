"""Plucked strings, a soft flute, water and birds in numpy: the music of the demo, which closes on itself, and its voices."""

from __future__ import annotations

import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, resample_poly, sosfilt

RATE = 48_000
Signal = NDArray[np.float64]
SCALE = (0, 2, 4, 7, 9)  # gong, shang, jue, zhi, yu


def pitch(step: int, root: float = 146.83) -> float:
    """The frequency of a step of the pentatonic scale; 0 is D below middle C."""
    octave, degree = divmod(step, 5)
    return float(root * 2 ** (octave + SCALE[degree] / 12))


def pluck(frequency: float, seconds: float, dice: np.random.Generator, bright: float = 0.5) -> Signal:
    """One string (Karplus and Strong), plucked near the bridge, with the wooden body under it."""
    length = int(RATE * seconds)
    period = RATE / frequency
    delay = int(period - 0.5)
    fraction = period - 0.5 - delay
    burst = np.zeros(length)
    burst[:delay] = dice.uniform(-1, 1, delay)
    place = max(1, int(delay * 0.13))
    burst[place:] -= 0.9 * burst[:-place]
    burst = lfilter([bright], [1, bright - 1], burst)
    damp = 0.9965 if frequency > 500 else 0.9985
    back = np.zeros(delay + 3)
    back[0] = 1
    # an averaging loop with a fractional delay: in tune, and losing its high partials first
    back[delay] -= damp * 0.5 * (1 - fraction)
    back[delay + 1] -= damp * 0.5
    back[delay + 2] -= damp * 0.5 * fraction
    tone = lfilter([1.0], back, burst)
    fade = np.ones(length)
    tail = int(0.25 * length)
    fade[-tail:] = np.linspace(1, 0, tail) ** 2
    tone *= fade
    return np.asarray(tone / (np.abs(tone).max() + 1e-9))


def flute(frequency: float, seconds: float, dice: np.random.Generator) -> Signal:
    """A breathy bamboo flute with a vibrato that comes late."""
    length = int(RATE * seconds)
    t = np.arange(length) / RATE
    swing = 0.0045 * np.sin(2 * np.pi * 5.1 * t) * np.clip((t - 0.35) * 1.6, 0, 1)
    phase = 2 * np.pi * np.cumsum(frequency * (1 + swing)) / RATE
    tone = np.sin(phase) + 0.28 * np.sin(2 * phase) + 0.09 * np.sin(3 * phase)
    breath = sosfilt(
        butter(2, [frequency * 0.9, min(frequency * 3.2, 20_000)], "band", fs=RATE, output="sos"),
        dice.normal(0, 1, length),
    )
    shape = np.clip(t / 0.09, 0, 1) * np.clip((seconds - t) / 0.22, 0, 1)
    return np.asarray((tone * 0.8 + 0.1 * breath) * shape**1.3)


class Tape:
    """A stereo loop: what rings past its end goes on at its beginning."""

    def __init__(self, seconds: float) -> None:
        self.length = int(RATE * seconds)
        self.sound: Signal = np.zeros((self.length, 2))

    def add(self, at: float, sound: Signal, gain: float, pan: float = 0.0) -> None:
        """Lay a sound on; pan runs from -1 to 1."""
        where = (int(at * RATE) + np.arange(len(sound))) % self.length
        left, right = np.cos((pan + 1) * np.pi / 4), np.sin((pan + 1) * np.pi / 4)
        np.add.at(self.sound, (where, 0), sound * gain * left)
        np.add.at(self.sound, (where, 1), sound * gain * right)

    def reverb(self, seconds: float, wet: float, dice: np.random.Generator) -> None:
        """A wooden hall open to the lake."""
        n = int(RATE * seconds)
        decay = np.exp(-6.2 * np.arange(n) / n)
        for channel in (0, 1):
            tail = lfilter([0.32], [1, -0.68], dice.normal(0, 1, n) * decay)
            tail[: int(0.012 * RATE)] = 0
            tail /= np.sqrt(np.sum(tail**2))
            rung = fftconvolve(self.sound[:, channel], tail)
            folded = rung[: self.length].copy()
            folded[: len(rung) - self.length] += rung[self.length :]
            self.sound[:, channel] += wet * folded


# (step of the scale, beats); None is a rest. Four bars of four beats each.
CALL = [
    (7, 1),
    (8, 0.5),
    (7, 0.5),
    (6, 1),
    (5, 1),
    (6, 1),
    (8, 1),
    (7, 2),
    (5, 1),
    (6, 0.5),
    (5, 0.5),
    (4, 1),
    (3, 1),
    (5, 3),
    (None, 1),
]
REPLY = [
    (5, 1),
    (6, 0.5),
    (7, 0.5),
    (8, 1),
    (10, 1),
    (9, 1.5),
    (8, 0.5),
    (7, 2),
    (8, 0.5),
    (7, 0.5),
    (6, 1),
    (5, 1),
    (6, 1),
    (5, 3),
    (None, 1),
]
LIFT = [
    (10, 1.5),
    (9, 0.5),
    (8, 1),
    (7, 1),
    (8, 1),
    (10, 1),
    (12, 2),
    (11, 1),
    (10, 0.5),
    (9, 0.5),
    (8, 1),
    (7, 1),
    (8, 3),
    (None, 1),
]
HOME = [
    (8, 1),
    (7, 0.5),
    (6, 0.5),
    (5, 1),
    (6, 1),
    (7, 1),
    (5, 1),
    (4, 2),
    (3, 0.5),
    (4, 0.5),
    (5, 1),
    (6, 1),
    (4, 1),
    (5, 3),
    (None, 1),
]
GROUND = (0, 3, 4, 2)  # the bass step of each bar


def lake_music(seconds: float, phrases: str = "CRLCRH", seed: int = 2) -> Signal:
    """The tune: six phrases of four bars, as many as fit the loop exactly."""
    dice = np.random.default_rng(seed)
    tape = Tape(seconds)
    score = {"C": CALL, "R": REPLY, "L": LIFT, "H": HOME}
    beat = seconds / (len(phrases) * 16)
    for number, letter in enumerate(phrases):
        begin = number * 16 * beat
        _melody(tape, score[letter], begin, beat, dice, with_flute=number % 3 == 2)
        for bar in range(4):
            _ground(tape, begin + bar * 4 * beat, beat, GROUND[bar], dice, number)
    tape.reverb(1.9, 0.26, dice)
    return tape.sound


def _melody(
    tape: Tape,
    line: list[tuple[int | None, float]],
    begin: float,
    beat: float,
    dice: np.random.Generator,
    *,
    with_flute: bool,
) -> None:
    at = begin
    for step, beats in line:
        if step is not None:
            human = dice.uniform(-0.012, 0.012)
            tape.add(at + human, pluck(pitch(step + 5), 2.6, dice, 0.62), 0.21 * dice.uniform(0.85, 1.1), -0.15)
            if beats >= 2:  # a long note shimmers: quick soft repeats, as guzheng players do
                for k in range(int(beats * beat / 0.115) - 2):
                    tape.add(
                        at + 0.16 + k * 0.115, pluck(pitch(step + 5), 0.9, dice, 0.5), 0.055 * (1 - k / 24), -0.1
                    )
            if with_flute:
                tape.add(at + human, flute(pitch(step + 5), max(0.2, beats * beat * 0.98), dice), 0.085, 0.3)
        at += beats * beat
    if dice.random() < 0.8:  # a run over the strings leads on
        for k in range(9):
            tape.add(
                begin + 15 * beat + k * beat / 11,
                pluck(pitch(3 + k + 5), 1.4, dice, 0.55),
                0.05 + 0.007 * k,
                -0.5 + k * 0.11,
            )


def _ground(tape: Tape, at: float, beat: float, step: int, dice: np.random.Generator, number: int) -> None:
    tape.add(at, pluck(pitch(step - 5), 3.4, dice, 0.35), 0.27, 0.1)
    pattern = (0, 3, 5, 8, 5, 3, 5, 3) if number % 2 else (0, 3, 5, 3, 7, 5, 3, 5)
    for k, up in enumerate(pattern):
        tape.add(at + k * beat / 2 + dice.uniform(-0.008, 0.008), pluck(pitch(step + up), 1.9, dice, 0.42), 0.1, 0.35)


def lakeside(seconds: float, seed: int = 4) -> Signal:
    """Small waves at the bank and a few birds, as a loop."""
    dice = np.random.default_rng(seed)
    n = int(RATE * seconds)
    t = np.arange(n) / RATE
    spectrum = np.fft.rfftfreq(n, 1 / RATE)
    sound = np.zeros((n, 2))
    for channel in (0, 1):
        colour = np.exp(-((np.log(np.maximum(spectrum, 1) / 520) / 0.9) ** 2))
        noise = np.fft.irfft(np.fft.rfft(dice.normal(0, 1, n)) * colour, n)
        swell = 0.55 + 0.45 * np.sin(2 * np.pi * (round(seconds / 5.2) / seconds) * t + channel * 1.1) * np.sin(
            2 * np.pi * (round(seconds / 13) / seconds) * t
        )
        sound[:, channel] = noise / np.abs(noise).max() * 0.06 * swell
    tape = Tape(seconds)
    tape.sound = sound
    for _ in range(int(seconds / 4.5)):
        at, pan, base = dice.uniform(0, seconds), dice.uniform(-0.8, 0.8), dice.uniform(2300, 3600)
        for k in range(int(dice.integers(2, 5))):
            length = int(RATE * 0.11)
            u = np.arange(length) / length
            chirp = (
                np.sin(2 * np.pi * np.cumsum(base * (1 + 0.22 * np.sin(np.pi * u) - 0.1 * k * u)) / RATE)
                * np.sin(np.pi * u) ** 2
            )
            tape.add(at + k * 0.15, chirp, 0.022, pan)
    return tape.sound


def speak(text: str, *, speed: int = 215, height: int = 62, voice: str = "cmn+f2") -> Signal:
    """A phrase by espeak-ng, warmed: no hiss, no boom, a little room."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "voice.wav"
        subprocess.run(
            ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(height), "-w", str(out), text],
            check=True,
            capture_output=True,
        )
        with wave.open(str(out)) as file:
            rate = file.getframerate()
            raw = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    smooth = resample_poly(raw, RATE, rate)
    smooth = sosfilt(butter(2, [160, 4600], "band", fs=RATE, output="sos"), smooth)
    loud = np.abs(smooth) + 1e-6
    level = np.sqrt(lfilter([0.002], [1, -0.998], loud**2)) + 0.02
    smooth = smooth / level**0.45  # even out, so that it can stay quiet
    return np.asarray(smooth / np.abs(smooth).max())


def mix(
    seconds: float, phrases: list[tuple[float, str]], *, tune: str = "CRLCRH", voice_gain: float = 0.15
) -> tuple[Signal, list[tuple[float, float]]]:
    """Music, lake and voice; answers the sound and when somebody speaks."""
    dice = np.random.default_rng(9)
    music = lake_music(seconds, tune)
    spans, voices = [], Tape(seconds)
    for at, text in phrases:
        said = speak(text)
        voices.add(at, said, voice_gain)
        spans.append((at, at + len(said) / RATE))
    voices.reverb(0.7, 0.16, dice)
    follow = np.sqrt(lfilter([0.0004], [1, -0.9996], (voices.sound**2).mean(axis=1)))
    duck = 1 / (1 + 9 * follow[:, None])  # the strings step back while somebody speaks
    out = music * 0.62 * duck + lakeside(seconds) * 0.8 + voices.sound
    peak = np.abs(out).max()
    return np.asarray(np.tanh(out / peak * 1.15) / np.tanh(1.15) * 0.7), spans
