"""SDP offers of WHIP and WHEP clients, parsed into plain values (RFC 8866, the parts that WebRTC uses)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

MOST_LINES = 4000
MOST_MEDIA = 16
MOST_FORMATS = 128  # payload types have seven bits
DIRECTIONS = frozenset(("sendrecv", "sendonly", "recvonly", "inactive"))
SETUPS = frozenset(("active", "passive", "actpass"))
ALLOWS_MIXED = "extmap-allow-mixed"
HASHES = ("sha-256", "sha-384", "sha-512")  # of fingerprints, the best one last
_TOKEN = re.compile(r"[A-Za-z0-9+/]{1,256}")  # ice-char
_MEDIA = re.compile(r"m=([a-z]+) (\d{1,5})(?:/\d+)? ([A-Z/]+) (.+)", re.ASCII)
_EXTMAP = re.compile(r"(\d{1,5})(?:/[a-z]+)? +(\S{1,256})", re.ASCII)
_RID = re.compile(r"[A-Za-z0-9]{1,16}")  # RFC 8852: no longer than an element of a header extension
MOST_EXTENSION = 255
SHARED_CHARACTERS = 16_000  # an m-line's codecs in no more text than this may be kept for the next offer
SHARED_CODECS = 32  # so many of them: browsers in use, with and without simulcast
_RTPMAP = re.compile(r"(\d{1,3}) +([A-Za-z0-9._-]+)/(\d{1,9})(?:/(\d{1,2}))?", re.ASCII)


class BadSdp(ValueError):
    """The text is not an SDP offer that WebRTC could use: 400."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type as offered; `name` in capitals."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    parameters: Mapping[str, str] = field(default_factory=dict)
    feedback: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class MediaOffer:
    """One m-line."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    mid: str
    direction: str
    rtcp_mux: bool
    rtcp_rsize: bool
    is_bundle_only: bool
    is_mux_only: bool
    codecs: tuple[Codec, ...]
    extensions: Mapping[str, int] = field(default_factory=dict)  # header extensions: URI -> number
    allows_mixed: bool = False  # packets may have header extensions in the short form and in the long one (RFC 8285)
    rids: tuple[str, ...] = ()  # simulcast (RFC 8853): the encodings that are sent, or could be taken, best first

    @property
    def is_rejected(self) -> bool:
        """Whether the client itself switched it off. Port 0 with `bundle-only` (Firefox) means something else."""
        return (self.port == 0 and not self.is_bundle_only) or self.direction == "inactive"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a client offers. All its media share one transport (BUNDLE), whose parameters these are."""

    ice_ufrag: str
    ice_pwd: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    bundle: tuple[str, ...]
    media: tuple[MediaOffer, ...]


@dataclass(slots=True)
class _Section:
    """Attributes of the session or of one m-line while they are read."""

    head: str = ""
    attributes: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, value: str) -> None:
        values = self.attributes.get(name)
        if values is None:
            self.attributes[name] = [value]
        else:
            values.append(value)

    def first(self, name: str) -> str | None:
        return next(iter(self.every(name)), None)

    def every(self, name: str) -> Sequence[str]:
        return self.attributes.get(name, ())

    def has(self, name: str) -> bool:
        return name in self.attributes


def parse_offer(text: str) -> Offer:
    """Read an offer.

    Raises:
        BadSdp: when it is malformed or lacks what a WebRTC session needs.
    """
    session, sections = _split(text)
    if not sections:
        raise BadSdp("the offer has no media")
    allows_mixed = session.has(ALLOWS_MIXED)
    media = tuple(_read_media(section, index, allows_mixed) for index, section in enumerate(sections))
    if len({m.mid for m in media}) != len(media):
        raise BadSdp("two media have the same mid")
    group = next((g.split()[1:] for g in session.every("group") if g.split()[:1] == ["BUNDLE"]), [])
    live = [s for s, m in zip(sections, media, strict=True) if not m.is_rejected] or sections
    return Offer(
        ice_ufrag=_ice(session, live, "ice-ufrag", 4),
        ice_pwd=_ice(session, live, "ice-pwd", 22),
        fingerprints=_fingerprints(session, live),
        setup=_setup(session, live),
        bundle=tuple(group),
        media=media,
    )


def _split(text: str) -> tuple[_Section, list[_Section]]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if len(lines) > MOST_LINES:
        raise BadSdp("the offer has too many lines")
    if lines[0].strip() != "v=0":
        raise BadSdp("the offer does not begin with v=0")
    session = section = _Section()
    sections: list[_Section] = []
    for raw in lines[1:]:
        line = raw.rstrip()
        kind = line[:2]
        if kind == "a=":
            name, _, value = line[2:].partition(":")
            section.add(name, value.lstrip())
        elif kind == "m=":
            section = _Section(line)
            sections.append(section)
        elif line and (len(line) < 2 or line[1] != "="):
            raise BadSdp("a line is not of the form x=…")
    if len(sections) > MOST_MEDIA:
        raise BadSdp("the offer has too many media")
    return session, sections


def _read_media(section: _Section, index: int, allows_mixed: bool) -> MediaOffer:
    match = _MEDIA.fullmatch(section.head)
    if match is None:
        raise BadSdp("an m-line cannot be read")
    kind, port, protocol, formats = match.groups()
    mid = section.first("mid")
    direction = next((name for name in section.attributes if name in DIRECTIONS), "sendrecv")
    types = tuple(formats.split())
    if len(types) > MOST_FORMATS:
        raise BadSdp("an m-line has too many formats")
    return MediaOffer(
        kind=kind,
        port=int(port),
        protocol=protocol,
        formats=types,
        mid=str(index) if mid is None else _mid(mid),
        direction=direction,
        rtcp_mux=section.has("rtcp-mux"),
        rtcp_rsize=section.has("rtcp-rsize"),
        is_bundle_only=section.has("bundle-only"),
        is_mux_only=section.has("rtcp-mux-only"),
        codecs=_codecs(section, types) if kind in ("audio", "video") else (),
        extensions=_extensions(section),
        allows_mixed=allows_mixed or section.has(ALLOWS_MIXED),
        rids=_simulcast(section, "recv" if direction == "recvonly" else "send"),
    )


def _extensions(section: _Section) -> Mapping[str, int]:
    """Header extensions (RFC 8285): `extmap:<number>[/direction] <URI> …`."""
    found: dict[str, int] = {}
    for value in section.every("extmap"):
        match = _EXTMAP.match(value)
        if match is None:
            raise BadSdp("an extmap cannot be read")
        number = int(match[1])
        if 1 <= number <= MOST_EXTENSION:
            found[match[2]] = number
    return found


def _simulcast(section: _Section, direction: str) -> tuple[str, ...]:
    """The rids of `simulcast:send a;b,c;~d` (RFC 8853): of alternatives the first; a paused one may begin later."""
    words = (section.first("simulcast") or "").split()
    listed = next((words[at + 1] for at in range(0, len(words) - 1, 2) if words[at] == direction), "")
    described = {value.split()[0] for value in section.every("rid") if value.split()[1:2] == [direction]}
    named = [alternatives.split(",")[0].removeprefix("~") for alternatives in listed.split(";") if alternatives]
    return tuple(dict.fromkeys(rid for rid in named if rid in described and _RID.fullmatch(rid)))


def _mid(value: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]{1,32}", value):
        raise BadSdp("a mid cannot be read")
    return value


def _codecs(section: _Section, formats: tuple[str, ...]) -> tuple[Codec, ...]:
    """The codecs of an m-line. Browsers of one kind offer the same ones in the same words, so those are shared:
    of Chromium's that saves 36 kB for each viewer, and half of the time that reading an offer takes."""
    maps, parameters, feedback = (tuple(section.every(name)) for name in ("rtpmap", "fmtp", "rtcp-fb"))
    size = sum(len(value) for values in (formats, maps, parameters, feedback) for value in values)
    read = _read_shared_codecs if size <= SHARED_CHARACTERS else _read_codecs
    return read(formats, maps, parameters, feedback)


def _read_codecs(
    formats: tuple[str, ...], rtpmaps: tuple[str, ...], fmtps: tuple[str, ...], wishes_of: tuple[str, ...]
) -> tuple[Codec, ...]:
    maps: dict[int, tuple[str, int, int]] = {}
    for value in rtpmaps:
        match = _RTPMAP.fullmatch(value)
        if match is None:
            raise BadSdp("an rtpmap cannot be read")
        payload_type, name, rate, channels = match.groups()
        maps[int(payload_type)] = (name.upper(), int(rate), int(channels or 1))
    parameters = {p: _parameters(rest) for p, rest in _by_payload_type(fmtps)}
    feedback: dict[str, set[str]] = {}
    for value in wishes_of:
        payload, _, rest = value.partition(" ")
        feedback.setdefault(payload, set()).add(" ".join(rest.split()))
    found = []
    for text in formats:
        if not text.isascii() or not text.isdigit() or len(text) > 3 or int(text) > 127:
            raise BadSdp("a payload type is not a number")
        payload_type = int(text)
        if payload_type in maps:
            name, rate, channels = maps[payload_type]
            wishes = feedback.get(text, set()) | feedback.get("*", set())
            known = parameters.get(payload_type, {})
            found.append(Codec(payload_type, name, rate, channels, known, frozenset(wishes)))
    return tuple(found)


_read_shared_codecs = lru_cache(SHARED_CODECS)(_read_codecs)


def _by_payload_type(values: Sequence[str]) -> list[tuple[int, str]]:
    found = []
    for value in values:
        number, _, rest = value.partition(" ")
        if not number.isascii() or not number.isdigit() or len(number) > 3:
            raise BadSdp("a format parameter has no payload type")
        found.append((int(number), rest))
    return found


def _parameters(text: str) -> Mapping[str, str]:
    found = {}
    for part in text.split(";"):
        key, _, value = part.strip().partition("=")
        if key:
            found[key.lower()] = value.strip()
    return found


def _ice(session: _Section, media: list[_Section], name: str, least: int) -> str:
    """An ICE credential of the bundled transport: of the first m-line that has one, else of the session."""
    value = next((v for v in (m.first(name) for m in media) if v), None) or session.first(name) or ""
    if len(value) < least or not _TOKEN.fullmatch(value):
        raise BadSdp(f"{name} is missing or wrong")
    return value


def _fingerprints(session: _Section, media: list[_Section]) -> tuple[tuple[str, str], ...]:
    values = next((f for f in (m.every("fingerprint") for m in media) if f), None) or session.every("fingerprint")
    found = []
    for value in values:
        algorithm, _, digest = value.partition(" ")
        digest = digest.strip().upper()
        if algorithm.lower() in HASHES and re.fullmatch(r"[0-9A-F]{2}(?::[0-9A-F]{2}){31,63}", digest):
            found.append((algorithm.lower(), digest))
    if not found:
        raise BadSdp("a certificate fingerprint (SHA-256 or better) is missing")
    return tuple(found)


def _setup(session: _Section, media: list[_Section]) -> str:
    value = next((v for v in (m.first("setup") for m in media) if v), None) or session.first("setup") or "actpass"
    if value not in SETUPS:
        raise BadSdp("setup is neither active, passive nor actpass")
    return value


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a PATCH carries (RFC 8840): ICE credentials; the candidates are of no use to an ICE-lite server."""

    ice_ufrag: str | None
    ice_pwd: str | None


def parse_fragment(text: str) -> Fragment:
    """Read a trickle-ice-sdpfrag.

    Raises:
        BadSdp: when it is malformed.
    """
    ufrag = pwd = None
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > MOST_LINES or not any(line.strip() for line in lines):
        raise BadSdp("the fragment is empty or too long")
    for raw in lines:
        line = raw.rstrip()
        if line and (len(line) < 2 or line[1] != "="):
            raise BadSdp("a line is not of the form x=…")
        if line.startswith("a=ice-ufrag:"):
            ufrag = line.removeprefix("a=ice-ufrag:").strip()
        elif line.startswith("a=ice-pwd:"):
            pwd = line.removeprefix("a=ice-pwd:").strip()
    for value, least in ((ufrag, 4), (pwd, 22)):
        if value is not None and (len(value) < least or not _TOKEN.fullmatch(value)):
            raise BadSdp("ICE credentials are wrong")
    return Fragment(ufrag, pwd)
