"""The command line: `dongting up`, `dongting status`, `dongting settings`."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from dongting.machine import AlreadyRunning, gather, take_lock
from dongting.up import STATE_FILE, Up

ROOT = Path(__file__).parents[1]
TONES = {"good": "[green]✓[/]", "warn": "[yellow]•[/]", "bad": "[red]✗[/]"}

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
console = Console(highlight=False, soft_wrap=True)

Var = Annotated[Path, typer.Option(envvar="DONGTING_VAR", help="Folder for data, logs and secrets.")]


def say(tone: str, text: str) -> None:
    """One line for the person at the terminal, who may have left."""
    with suppress(OSError):
        console.print(TONES[tone], text, markup=True)


@app.command()
def up(var: Var = ROOT / "var", *, demo: Annotated[bool, typer.Option(help="Fill it with the demo.")] = True) -> None:
    """Run everything on this machine until Ctrl-C."""
    try:
        lock = take_lock(var.resolve())
    except AlreadyRunning as error:
        say("bad", str(error))
        raise typer.Exit(1) from None
    machine = gather(ROOT, var, with_demo=demo, environ=os.environ)
    try:
        code = Up(machine, say, welcome).run()
    finally:
        os.close(lock)
    raise typer.Exit(code)


def welcome(_: str, address: str) -> None:
    """Where to go now."""
    with suppress(OSError):
        console.print(Panel.fit(f"[bold]{address}[/]\n\nCtrl-C stops everything; data stays.", title="洞庭 Dongting"))


@app.command()
def status(var: Var = ROOT / "var") -> None:
    """What runs, and since how many restarts."""
    try:
        state = json.loads((var / STATE_FILE).read_text())
    except (OSError, ValueError):
        say("warn", "nothing runs from " + str(var.resolve()))
        raise typer.Exit(1) from None
    table = Table("process", "pid", "state", "restarts", "log", title=state["address"])
    for process in state["processes"]:
        shown = "[green]ready[/]" if process["ready"] else "[yellow]coming[/]"
        table.add_row(process["name"], str(process["pid"]), shown, str(process["restarts"]), process["log"])
    console.print(table)


def main() -> None:
    """The entry point."""
    app(prog_name="dongting")
