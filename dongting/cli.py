"""The command line: `dongting up`, `dongting status`, `dongting role`, `dongting settings`."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from config.settings import ServerSettings, SettingsError, load_from
from dongting.demo.data import WHAT_TO_TRY
from dongting.machine import AlreadyRunning, Machine, gather, remembered, take_lock
from dongting.ports import NoPorts
from dongting.settings_table import put_into, table
from dongting.up import STATE_FILE, Up
from server.accounts.model import Role
from server.errors import DomainError

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
    except OSError as error:
        say("bad", f"{error.filename}: {error.strerror}; choose another folder with --var or DONGTING_VAR")
        raise typer.Exit(1) from None
    try:
        code = Up(gather(ROOT, var, with_demo=demo, environ=os.environ), say, welcome).run()
    except NoPorts as error:
        say("bad", str(error))
        code = 1
    finally:
        os.close(lock)
    raise typer.Exit(code)


def welcome(machine: Machine) -> None:
    """Where to go now, and what to try there."""
    lines = ["", f"[bold green]洞庭 Dongting[/]  [bold]{machine.address}[/]", ""]
    if machine.with_demo:
        lines += [*WHAT_TO_TRY, ""]
    lines += [f"[dim]logs: {machine.logs} · Ctrl-C stops everything, data stays[/]"]
    with suppress(OSError):
        console.print("\n".join(lines))


@app.command()
def status(var: Var = ROOT / "var") -> None:
    """What runs, and since how many restarts."""
    try:
        state = json.loads((var / STATE_FILE).read_text())
    except (OSError, ValueError):
        say("warn", "nothing runs from " + str(var.resolve()))
        raise typer.Exit(1) from None
    shown = Table("process", "pid", "state", "restarts", "log", title=state["address"])
    for process in state["processes"]:
        state_word = "[green]ready[/]" if process["ready"] else "[yellow]coming[/]"
        shown.add_row(process["name"], str(process["pid"]), state_word, str(process["restarts"]), process["log"])
    console.print(shown)


@app.command()
def role(
    name: Annotated[str, typer.Argument(help="What somebody signs in with; he has registered already.")],
    role: Annotated[Role, typer.Argument()],
    var: Var = ROOT / "var",
    *,
    take: Annotated[bool, typer.Option("--take", help="Take the role away instead of giving it.")] = False,
    room: Annotated[str, typer.Option(help="A new host's room: its address, e.g. zhang.")] = "",
    title: Annotated[str, typer.Option(help="The room's title; the merchant's name, if none is given.")] = "",
    merchant: Annotated[str, typer.Option(help="For whom a new host sells.")] = "",
) -> None:
    """Make somebody an operator or a host, or let him be none any more."""
    # The whole server comes with these; the other commands are quick without it.
    from dongting.people import Stand, give_role, take_role
    from server.infra.away import AWAY

    stand = Stand(room, merchant, title) if room and merchant else None
    try:
        settings = load_from(ServerSettings, remembered(ROOT, var, os.environ))
        work = take_role(settings, name, role) if take else give_role(settings, name, role, stand)
        user = asyncio.run(work)
    except (SettingsError, DomainError) as error:
        say("bad", str(error))
        raise typer.Exit(1) from None
    except AWAY as error:
        say("bad", f"the database cannot be reached ({type(error).__name__}); does Dongting run?")
        raise typer.Exit(1) from None
    say("good", f"{user.display_name} ({user.name}): {', '.join(sorted(user.roles))}")


@app.command()
def settings(*, write: Annotated[bool, typer.Option(help="Put the table into docs/operations.md.")] = False) -> None:
    """Every setting of every process, as a table."""
    document = ROOT / "docs" / "operations.md"
    if write:
        document.write_text(put_into(document.read_text("utf-8")), "utf-8")
    else:
        console.print(table(), markup=False)


def main() -> None:
    """The entry point."""
    app(prog_name="dongting")
