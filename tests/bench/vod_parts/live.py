"""Figures of streams that are on, measured by other programs: how late LL-HLS is, what recording costs."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

FIGURES = {
    "ll_hls_delay_seconds_p95": ("tests.bench.vod_parts.ll_hls", ()),
    "recording_core_share": ("tests.bench.relay", ("--viewers", "50", "--seconds", "6")),
}
LONGEST_SECONDS = 300.0


def measure_live() -> dict[str, float | None]:
    """Each figure from the JSON line of its program; None: it could not be measured here."""
    return {name: _figure(name, module, arguments) for name, (module, arguments) in FIGURES.items()}


def _figure(name: str, module: str, arguments: tuple[str, ...]) -> float | None:
    if importlib.util.find_spec(module) is None:
        return None
    try:
        program = [sys.executable, "-m", module, *arguments]
        said = subprocess.run(program, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=True).stdout
        return float(json.loads(said.splitlines()[-1])[name])
    except (subprocess.SubprocessError, ValueError, LookupError, TypeError) as error:
        words = (getattr(error, "stderr", None) or str(error)).splitlines()
        sys.stderr.write(f"{name} could not be measured: {words[-1] if words else type(error).__name__}\n")
        return None
