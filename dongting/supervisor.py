"""Keeps programs running: starts them, waits until they are ready, starts again what dies, stops all in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dongting.child import Child, NotReady, Program
from dongting.logfiles import trim

TICK_SECONDS = 0.1
TRIM_EVERY_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
# A process that ran this long was well; its next fall is a first one again.
WELL_AFTER_SECONDS = 60.0

Say = Callable[[str, str], None]


class Interrupted(Exception):
    """Somebody asked us to stop while we waited."""


@dataclass(slots=True)
class Watched:
    """A child, and what became of it."""

    child: Child
    started_at: float = 0.0
    fell_at: float = 0.0
    start_again_at: float = 0.0
    falls: int = 0
    is_ready: bool = False
    how_it_fell: str = ""
    restarts: int = field(default=0)

    @property
    def name(self) -> str:
        """The program's name."""
        return self.child.program.name

    def as_json(self) -> dict[str, object]:
        """What `dongting status` shows."""
        state = {"name": self.name, "pid": self.child.pid, "ready": self.is_ready, "restarts": self.restarts}
        return {**state, "log": str(self.child.program.log)}


class Supervisor:
    """Watches programs from one thread: call `wait_ready` or `tick` again and again.

    `say(tone, text)` gets one line for each thing worth telling; tones are "good", "warn" and "bad". `looked()` is
    called after each look at all of them, also while they start.
    """

    def __init__(self, say: Say, stop_wanted: Callable[[], bool], looked: Callable[[], None]) -> None:
        self._say = say
        self._stop_wanted = stop_wanted
        self._looked = looked
        self._watched: list[Watched] = []
        self._trimmed_at = time.monotonic()

    @property
    def watched(self) -> tuple[Watched, ...]:
        """Everything that is kept running, in the order of starting."""
        return tuple(self._watched)

    def start(self, programs: Iterable[Program]) -> None:
        """Start these and wait until all are ready.

        Raises:
            NotReady: one of them ended or took too long; a first start is not tried again.
            Interrupted: a stop is wanted.
        """
        begun = [Watched(Child(program)) for program in programs]
        for watched in begun:
            trim(watched.child.program.log)
            self._watched.append(watched)
            self._begin(watched)
        while not all(watched.is_ready for watched in begun):
            if self._stop_wanted():
                raise Interrupted
            for watched in begun:
                self._look_at_first_start(watched)
            self._looked()
            time.sleep(TICK_SECONDS)

    def _look_at_first_start(self, watched: Watched) -> None:
        if watched.is_ready:
            return
        program = watched.child.program
        if not watched.child.is_running():
            words = f"{how_it_ended(watched.child.exit_code)}: {watched.child.last_words()}"
            raise NotReady(f"{program.name} {words} (see {program.log})")
        if program.is_ready():
            watched.is_ready = True
            self._say("good", f"{program.name} ready after {time.monotonic() - watched.started_at:.1f} s")
        elif time.monotonic() - watched.started_at > program.ready_seconds:
            raise NotReady(f"{program.name} was not ready after {program.ready_seconds:.0f} s: see {program.log}")

    def tick(self) -> None:
        """Look at each once: start again what fell, tell what came back."""
        now = time.monotonic()
        for watched in self._watched:
            if watched.start_again_at:
                if now >= watched.start_again_at:
                    self._begin(watched)
            elif not watched.child.is_running():
                self._fell(watched, now)
            elif not watched.is_ready and watched.child.program.is_ready():
                self._came_back(watched)
        if now - self._trimmed_at > TRIM_EVERY_SECONDS:
            self._trimmed_at = now
            for watched in self._watched:
                trim(watched.child.program.log)
        self._looked()

    def _begin(self, watched: Watched) -> None:
        watched.start_again_at = 0.0
        watched.started_at = time.monotonic()
        watched.child.start()

    def _fell(self, watched: Watched, now: float) -> None:
        was_well = watched.is_ready and now - watched.started_at > WELL_AFTER_SECONDS
        watched.falls = 1 if was_well else watched.falls + 1
        watched.how_it_fell = how_it_ended(watched.child.exit_code)
        if watched.is_ready or not watched.fell_at:
            watched.fell_at = now
        else:
            self._say("bad", f"{watched.name} {watched.how_it_fell} again: {watched.child.last_words()}")
        watched.is_ready = False
        watched.child.kill()  # what its process group left
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (watched.falls - 1), LONGEST_PAUSE_SECONDS)
        watched.start_again_at = now + pause

    def _came_back(self, watched: Watched) -> None:
        watched.is_ready = True
        watched.restarts += 1
        away = time.monotonic() - watched.fell_at
        watched.fell_at = 0.0
        self._say("warn", f"{watched.name} {watched.how_it_fell} and is back after {away:.1f} s")

    def stop(self, groups: Iterable[Iterable[str]], force: Callable[[], bool]) -> None:
        """Stop the groups of names one after the other, those of a group together; kill all at once if `force()`."""
        by_name = {watched.name: watched for watched in self._watched}
        for names in groups:
            group = [by_name[name] for name in names if name in by_name]
            for watched in group:
                watched.child.ask_to_stop()
            begun = time.monotonic()
            while any(watched.child.is_running() for watched in group) and not force():
                if time.monotonic() - begun > max(watched.child.program.stop_seconds for watched in group):
                    break
                time.sleep(TICK_SECONDS / 2)
            for watched in group:
                self._end(watched)
        self.kill()

    def _end(self, watched: Watched) -> None:
        had_to_be_killed = watched.child.is_running()
        watched.child.kill()
        patience = f" (killed after {watched.child.program.stop_seconds:.0f} s)" if had_to_be_killed else ""
        self._say("good", f"{watched.name} stopped{patience}")

    def kill(self) -> None:
        """Kill whatever still runs."""
        for watched in reversed(self._watched):
            watched.child.kill()


def how_it_ended(code: int | None) -> str:
    """An exit code in words."""
    if code is not None and code < 0:
        try:
            return f"was killed by {signal.Signals(-code).name}"
        except ValueError:
            return f"was killed by signal {-code}"
    return f"ended with {code}"
