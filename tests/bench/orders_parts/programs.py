"""Programs of the benchmark: each a process of its own that answers with one JSON line."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.harness.processes import ROOT

PROGRAM_SECONDS = 180.0


class ProgramFailed(Exception):
    """A program of ours did not answer; the text says what it said."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one program's presses led to. `acknowledged`: (buyer, request, order) of every order it was told of."""

    seconds: float
    latencies_ms: list[float]
    refusals: dict[str, int]
    acknowledged: list[tuple[str, str, str]]

    @property
    def rate(self) -> float:
        """Orders per second."""
        return len(self.acknowledged) / self.seconds if self.seconds else 0.0

    @classmethod
    def together(cls, outcomes: Sequence[Outcome]) -> Outcome:
        """Of programs that began at the same moment."""
        refusals: Counter[str] = Counter()
        for outcome in outcomes:
            refusals.update(outcome.refusals)
        return cls(
            max(outcome.seconds for outcome in outcomes),
            [wait for outcome in outcomes for wait in outcome.latencies_ms],
            dict(refusals),
            [line for outcome in outcomes for line in outcome.acknowledged],
        )

    @classmethod
    def read(cls, text: str) -> Outcome:
        """What `leave` wrote."""
        fields = json.loads(text)
        fields["acknowledged"] = [tuple(line) for line in fields["acknowledged"]]
        return cls(**fields)


async def run_program(
    name: str, environment: Mapping[str, str], wanted: Mapping[str, Any], folder: Path, prefix: Sequence[str] = ()
) -> list[Outcome]:
    """Run `tests.bench.orders_parts.NAME` with a JSON of what is wanted; answers what it measured, in order.

    Raises:
        ProgramFailed
    """
    answer = folder / f"{name}-{wanted.get('name', '')}.json"
    child = await asyncio.create_subprocess_exec(
        *prefix,
        sys.executable,
        "-m",
        f"tests.bench.orders_parts.{name}",
        json.dumps({**wanted, "answer": str(answer)}),
        env={**environment, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PROGRAM_SECONDS):
            _, said = await child.communicate()
    except TimeoutError:
        raise ProgramFailed(f"{name} did not end in {PROGRAM_SECONDS:.0f} s") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        raise ProgramFailed(f"{name}: {said.decode(errors='replace')[-2000:]}")
    return [Outcome.read(line) for line in answer.read_text().splitlines()]


def leave(outcomes: Sequence[Outcome], path: str) -> None:
    """What a program measured, one line each."""
    Path(path).write_text("\n".join(json.dumps(asdict(outcome)) for outcome in outcomes))
