"""The folders of workers: the dead ones' are deleted, and never one of those who are just starting."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path
from typing import Any

import pytest

from workers.folders import LOCK, WorkFolder


def delete_folders(base: Path) -> None:
    for folder in base.glob("worker-*"):
        shutil.rmtree(folder)


def test_what_a_dead_worker_left_is_deleted_and_a_living_ones_is_not(tmp_path: Path) -> None:
    # given
    dead = tmp_path / "worker-dead"
    dead.mkdir()
    (dead / LOCK).touch()
    living, other = WorkFolder(tmp_path), WorkFolder(tmp_path)
    # when
    living.open()
    other.open()
    # then
    assert not dead.exists()
    assert len(list(tmp_path.glob("worker-*"))) == 2
    living.close()
    other.close()
    assert list(tmp_path.iterdir()) == []


async def test_a_worker_whose_folder_is_deleted_before_it_is_locked_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given another worker that takes the folder for a dead one's, just before it is locked
    flock = fcntl.flock
    deleted: list[Path] = []

    def delete_first(file: Any, how: int) -> None:
        if not deleted:
            deleted.append(Path(file.name).parent)
            shutil.rmtree(deleted[0])
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", delete_first)
    # when
    folders = WorkFolder(tmp_path)
    folders.open()
    # then
    async with folders.job() as folder:
        assert folder.is_dir()
        assert folder.parent != deleted[0]
    folders.close()


def test_a_worker_whose_folder_is_gone_before_its_lock_is_made_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    mkdir = Path.mkdir
    made: list[Path] = []

    def lose_the_first(path: Path, *arguments: Any, **options: Any) -> None:
        mkdir(path, *arguments, **options)
        if path.name.startswith("worker-") and not made:
            path.rmdir()
        made.append(path)

    monkeypatch.setattr(Path, "mkdir", lose_the_first)
    # when
    folders = WorkFolder(tmp_path)
    folders.open()
    # then
    assert len(list(tmp_path.glob("worker-*/lock"))) == 1
    folders.close()


async def test_a_job_gets_its_folder_although_somebody_swept_the_disk(tmp_path: Path) -> None:
    folders = WorkFolder(tmp_path)
    folders.open()
    delete_folders(tmp_path)
    async with folders.job() as folder:
        assert folder.is_dir()
    folders.close()
