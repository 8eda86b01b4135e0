"""What the viewers of a stream get, as each media node that serves some of them reports it, and added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.logs import logger

log = logger(__name__)

MOST_LAYERS = 16  # simulcast has three; a node that reports more than this is not believed


def audience_leases(stream_id: str) -> str:
    """What the names of the leases about one stream begin with; a node's id follows."""
    return f"audience:{stream_id}:"


class _Reported(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class LayerReport(_Reported):
    """One encoding of the published pictures. Bitrate 0: not sent now; width and height 0: not known yet."""

    rid: str = Field("", max_length=100)
    bitrate: int = Field(0, ge=0)
    width: int = Field(0, ge=0)
    height: int = Field(0, ge=0)


class Ingest(_Reported):
    """What comes in from the publisher, layers best first; with `b_frames` browsers show it badly.

    `recording`: `behind` while the object store is away, `off` while nothing can be kept.
    """

    bitrate: int = Field(0, ge=0)
    loss: float = Field(0.0, ge=0, le=1)
    b_frames: bool = False
    recording: Literal["on", "behind", "off"] = "on"
    layers: tuple[LayerReport, ...] = Field((), max_length=MOST_LAYERS)


class Audience(_Reported):
    """Viewers by what they get: moving pictures of a layer, slides, or sound alone.

    `stalling`: how many had picture or sound standing still lately; `loss`: mean share of packets lost on the way.
    """

    viewers: int = Field(0, ge=0)
    by_layer: Mapping[str, int] = Field(default_factory=dict, max_length=MOST_LAYERS)
    slides: int = Field(0, ge=0)
    audio: int = Field(0, ge=0)
    stalling: int = Field(0, ge=0)
    loss: float = Field(0.0, ge=0, le=1)
    ingest: Ingest | None = None


def read_reports(leases: Mapping[str, Mapping[str, Any]]) -> list[Audience]:
    """The reports in these leases; one that is malformed is left out."""
    reports = []
    for name, value in leases.items():
        try:
            reports.append(Audience.model_validate(value))
        except ValidationError as error:
            log.warning("audience report is malformed, left out", lease=name, problems=error.error_count())
    return reports


def add_up(reports: Iterable[Audience]) -> Audience:
    """All nodes together; of what comes in, the fullest report counts (two nodes may have one during a take-over)."""
    reports = list(reports)
    by_layer: Counter[str] = Counter()
    for report in reports:
        by_layer.update(report.by_layer)
    viewers = sum(report.viewers for report in reports)
    lost = sum(report.loss * report.viewers for report in reports)
    incoming = [report.ingest for report in reports if report.ingest is not None]
    return Audience(
        viewers=viewers,
        by_layer=dict(by_layer),
        slides=sum(report.slides for report in reports),
        audio=sum(report.audio for report in reports),
        stalling=min(viewers, sum(report.stalling for report in reports)),
        loss=min(1.0, lost / viewers) if viewers else 0.0,
        ingest=max(incoming, key=lambda ingest: ingest.bitrate, default=None),
    )
