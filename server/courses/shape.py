"""Courses and lessons as the page sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.accounts.model import User
from server.courses.intervals import from_the_start
from server.courses.model import Course, LessonView, Progress
from server.recordings.model import Gap, progress_of, stage_of
from server.wire import iso


def course_shape(course: Course, lesson_count: int) -> dict[str, Any]:
    """`Course`"""
    return {
        "id": course.id,
        "title": course.title,
        "summary": course.summary,
        "cover_url": course.cover_url,
        "teacher_name": course.teacher_name,
        "lesson_count": lesson_count,
        "is_replays": course.is_replays,
        "tags": {
            "crops": [*course.tags.crops],
            "seasons": [*course.tags.seasons],
            "counties": [*course.tags.counties],
        },
    }


def own_course_shape(course: Course, lesson_count: int) -> dict[str, Any]:
    """`OwnCourse`"""
    return {
        **course_shape(course, lesson_count),
        "state": course.state,
        "version": course.version,
        "no_skip": course.no_skip,
        "chapters": [{"title": chapter.title, "lesson_ids": [*chapter.lesson_ids]} for chapter in course.chapters],
    }


def outline_shape(course: Course, views: Sequence[LessonView]) -> list[dict[str, Any]]:
    """The chapters of a course with those of its lessons that are there."""
    there = {view.lesson.id for view in views}
    chapters = [
        {"title": chapter.title, "lesson_ids": [lesson for lesson in chapter.lesson_ids if lesson in there]}
        for chapter in course.chapters
    ]
    return [chapter for chapter in chapters if chapter["lesson_ids"]]


def _common_shape(view: LessonView) -> dict[str, Any]:
    lesson, asset = view.lesson, view.asset
    return {
        "id": lesson.id,
        "title": lesson.title,
        "course_id": lesson.course_id,
        "host_name": lesson.host_name,
        "poster_url": file_url(asset.poster_key),
        "duration_ms": asset.duration_ms,
        "bytes": asset.bytes,
        "watchable": view.is_watchable,
        "state": "working" if asset.work.state == "spread" else asset.work.state,
        "progress": round(progress_of(asset), 3),
        "created_at": iso(lesson.created_at),
    }


def summary_shape(view: LessonView) -> dict[str, Any]:
    """`LessonSummary`"""
    progress = view.progress or Progress()
    return {
        **_common_shape(view),
        "position_ms": progress.position_ms,
        "watched_ms": progress.watched_ms,
        "done": progress.is_done,
    }


def public_shape(view: LessonView) -> dict[str, Any]:
    """`Lesson` as it is the same for everybody."""
    lesson, asset = view.lesson, view.asset
    return {
        **_common_shape(view),
        "host_id": lesson.host_id,
        "stage": stage_of(asset),
        "playlist_url": file_url(asset.playlist_key),
        "thumbs_url": file_url(asset.thumbs_key),
        "waveform_url": file_url(asset.waveform_key),
        "renditions": [
            {
                "name": rendition.name,
                "width": rendition.width,
                "height": rendition.height,
                "bandwidth": rendition.bandwidth,
                "bytes": rendition.bytes,
            }
            for rendition in asset.renditions
        ],
        "sounds": [
            {
                "name": sound.name,
                "playlist_url": file_url(sound.playlist_key),
                "bandwidth": sound.bandwidth,
                "bytes": sound.bytes,
            }
            for sound in asset.sounds
        ],
        "chapters": [
            {
                "start_ms": chapter.start_ms,
                "end_ms": chapter.end_ms,
                "title": chapter.title,
                "product_id": chapter.product_id,
            }
            for chapter in asset.chapters
        ],
        "error": asset.work.error if asset.work.state == "failed" else None,
        "subtitles_url": subtitles_url(view),
        "no_skip": view.no_skip,
        "inserts": [{"at_ms": insert.at_ms, "length_ms": insert.length_ms} for insert in asset.inserts],
    }


def subtitles_url(view: LessonView) -> str | None:
    """Where the subtitles of a lesson are; another address when they change."""
    lesson = view.lesson
    return f"/api/lessons/{lesson.id}/subtitles.vtt?v={lesson.subtitles}" if lesson.subtitles else None


def lesson_shape(view: LessonView, user: User | None) -> dict[str, Any]:
    """`Lesson`; what is missing in a replay is its host's business alone."""
    is_own = user is not None and user.id == view.asset.host_id
    return {
        **public_shape(view),
        **progress_shape(view.progress or Progress()),
        "gaps": _gap_shapes(view.asset.gaps) if is_own else None,
        "filled": _gap_shapes(view.asset.filled) if is_own else None,
    }


def _gap_shapes(gaps: Sequence[Gap]) -> list[dict[str, int]]:
    return [{"start_ms": gap.start_ms, "end_ms": gap.end_ms, "at_ms": gap.at_ms} for gap in gaps]


def progress_shape(progress: Progress) -> dict[str, Any]:
    """What `PUT …/progress` answers."""
    return {
        "position_ms": progress.position_ms,
        "watched_ms": progress.watched_ms,
        "reached_ms": from_the_start(progress.intervals),
        "intervals": [[*interval] for interval in progress.intervals],
        "done": progress.is_done,
    }


def file_url(key: str | None) -> str | None:
    """The address of an object."""
    return None if key is None else f"/files/{key}"
