"""Lists the benchmarks: each file of tests/bench with the first line that says what it measures."""

from __future__ import annotations

import ast
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "tests" / "bench"


def main() -> None:
    """One line for each benchmark."""
    files = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")
    for path in files:
        first = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "says nothing about itself").splitlines()[0]
        print(f"{path.relative_to(FOLDER.parents[1])}  {first}")
    if not files:
        print("no benchmarks yet: they will be files of tests/bench")
    else:
        print("\nrun one with: .venv/bin/python -m tests.bench.NAME")


if __name__ == "__main__":
    main()
