"""What to answer an offer: codecs chosen for a publisher or a viewer, and the answer's text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from media.rtp import extension
from media.sdp import ALLOWS_MIXED, Codec, MediaOffer, Offer

# Profiles of H.264 by what they can decode; a viewer matches by profile and never by level: levels are about size,
# and nothing here re-encodes. Constrained Baseline is what every browser decodes, so it is taken first.
BASELINE, MAIN, HIGH, OTHER = 0, 1, 2, 3
_PROFILE_RANK = {0x42: BASELINE, 0x4D: MAIN, 0x58: OTHER, 0x64: HIGH}
# In order of preference: H.264 goes into MP4 and plays on every phone; the last three are forwarded as they are.
VIDEO_CODECS = ("H264", "VP8", "VP9", "AV1", "H265")
MOST_LAYERS = 3
# What a publisher says about a packet that viewers need. Not the orientation: without it browsers turn the picture
# themselves, so that recordings stand upright too.
# Of a keyframe with layers it is longer than the short form holds, so only who takes both forms is given it.
PASSED_ON = (extension.DEPENDENCY,)
ICE_OPTIONS = "trickle ice2"  # RFC 9725: the same in the answer and in the answer to a restart
SETUP_ANSWERS = {"actpass": "passive", "active": "passive", "passive": "active"}


class CannotServe(Exception):
    """The offer is well formed, but asks for something that we don't do: 406."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a publisher sends of one kind: the codec and, for H.264, the rank of its profile."""

    codec: str
    profile_rank: int = BASELINE
    rids: tuple[str, ...] = ()  # of simulcast, best first
    extensions: Mapping[str, int] = field(default_factory=dict)  # URI -> number, of those that can be passed on


@dataclass(frozen=True, slots=True)
class ChosenCodec:
    """One codec of an answer, under the client's payload types."""

    codec: Codec
    rtx_payload_type: int | None

    @property
    def name(self) -> str:
        """H264, VP8 or opus."""
        return "opus" if self.codec.name == "OPUS" else self.codec.name


@dataclass(frozen=True, slots=True)
class ChosenMedia:
    """One m-line of an answer; without codecs it is rejected."""

    offer: MediaOffer
    codecs: tuple[ChosenCodec, ...]
    extensions: Mapping[str, int] = field(default_factory=dict)  # accepted header extensions: URI -> number
    rids: tuple[str, ...] = ()  # accepted simulcast, best first


@dataclass(frozen=True, slots=True)
class SendingTrack:
    """What an answer says of a track that we send."""

    ssrc: int
    rtx_ssrc: int


@dataclass(frozen=True, slots=True)
class Local:
    """Our side of the transport."""

    ice_ufrag: str
    ice_pwd: str
    fingerprint: str
    candidates: tuple[str, ...]


def profile_rank(codec: Codec) -> int:
    """The H.264 profile of an offered codec: BASELINE, MAIN, HIGH or OTHER."""
    text = codec.parameters.get("profile-level-id", "42e01f")
    try:
        return _PROFILE_RANK.get(int(text[:2], 16), OTHER)
    except ValueError:
        return OTHER


def _usable(codec: Codec, name: str) -> bool:
    if codec.name != name:
        return False
    if name == "OPUS":
        return codec.clock_rate == 48000
    # Packetization mode 0 would forbid the fragments that every encoder sends.
    return codec.clock_rate == 90000 and (name != "H264" or codec.parameters.get("packetization-mode") == "1")


def _with_rtx(media: MediaOffer, codec: Codec) -> ChosenCodec:
    wanted = str(codec.payload_type)
    rtx = next((c.payload_type for c in media.codecs if c.name == "RTX" and c.parameters.get("apt") == wanted), None)
    return ChosenCodec(codec, rtx)


def _check(offer: Offer, directions: frozenset[str]) -> None:
    live = [m for m in offer.media if not m.is_rejected]
    for media in live:
        if media.kind not in ("audio", "video"):
            raise CannotServe(f"media of the kind {media.kind} is not served")
        if media.protocol not in ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF"):
            raise CannotServe("media must be sent over DTLS-SRTP")
        if media.direction not in directions:
            raise CannotServe(f"a track is offered as {media.direction}")
    for kind in ("audio", "video"):
        if sum(m.kind == kind for m in live) > 1:
            raise CannotServe(f"several tracks of the kind {kind}")
    if not live:
        raise CannotServe("no track is offered")
    # RFC 9143: what concerns the shared transport may stand in one section of the bundle alone.
    if not any(m.rtcp_mux for m in live):
        raise CannotServe("RTP and RTCP must share a port (rtcp-mux)")
    if len(live) > 1 and not {m.mid for m in live} <= set(offer.bundle):
        raise CannotServe("all tracks must share one transport (BUNDLE)")


def choose_for_publisher(offer: Offer) -> tuple[ChosenMedia, ...]:
    """One codec for each track that a publisher offers.

    Raises:
        CannotServe: several tracks of a kind, or a track without a codec that we forward.
    """
    _check(offer, frozenset(("sendonly", "sendrecv")))
    return tuple(_choose_to_receive(media) for media in offer.media)


def _choose_to_receive(media: MediaOffer) -> ChosenMedia:
    if media.is_rejected:
        return ChosenMedia(media, ())
    names = ("OPUS",) if media.kind == "audio" else VIDEO_CODECS
    for name in names:
        found = [c for c in media.codecs if _usable(c, name)]
        if found:
            best = min(found, key=_publishing_order) if name == "H264" else found[0]
            wanted = _publishing_extensions(media, best)
            return ChosenMedia(media, (_with_rtx(media, best),), wanted, _layers(media))
    raise CannotServe(f"none of the codecs for {media.kind} is known here")


def _layers(media: MediaOffer) -> tuple[str, ...]:
    """The encodings to take. Without the rid in each packet nobody could tell them apart."""
    is_possible = media.kind == "video" and extension.RID in media.extensions and len(media.rids) > 1
    return media.rids[:MOST_LAYERS] if is_possible else ()


def _publishing_extensions(media: MediaOffer, codec: Codec) -> Mapping[str, int]:
    wanted = [extension.TRANSPORT_WIDE] if "transport-cc" in codec.feedback else []
    if media.kind == "video" and media.allows_mixed:
        wanted += PASSED_ON
    if _layers(media):
        wanted += [extension.MID, extension.RID, extension.REPAIRED_RID]
    return {uri: media.extensions[uri] for uri in wanted if uri in media.extensions}


def _publishing_order(codec: Codec) -> tuple[int, bool]:
    profile = codec.parameters.get("profile-level-id", "42e01f").lower()
    return profile_rank(codec), not profile.startswith("42e0")


def choose_for_viewer(offer: Offer, published: Mapping[str, Published]) -> tuple[ChosenMedia, ...]:
    """The codecs in which a viewer can be served; the published one first, others in case the publisher changes.

    Raises:
        CannotServe: several tracks of a kind, or the viewer lacks the codec of a published track that he asks for.
    """
    _check(offer, frozenset(("recvonly", "sendrecv")))
    chosen = tuple(_choose_to_send(media, published.get(media.kind)) for media in offer.media)
    if not any(media.codecs for media in chosen):
        raise CannotServe("none of the offered codecs is known here")
    return chosen


def _choose_to_send(media: MediaOffer, published: Published | None) -> ChosenMedia:
    if media.is_rejected:
        return ChosenMedia(media, ())
    names = ("OPUS",) if media.kind == "audio" else VIDEO_CODECS
    rank = published.profile_rank if published is not None else BASELINE
    chosen = []
    for name in names:
        found = [c for c in media.codecs if _usable(c, name)]
        if found:
            best = min(found, key=_viewing_order(rank)) if name == "H264" else found[0]
            chosen.append(_with_rtx(media, best))
    if published is not None:
        chosen.sort(key=lambda c: c.name != published.codec)
        if not chosen or chosen[0].name != published.codec:
            raise CannotServe(f"the {media.kind} is sent as {published.codec}, which is not among the offered codecs")
    # Without RTX a packet goes out again under its own number: safe only if nothing in it is new (RFC 3711 9.1).
    goes_out_again = media.kind == "video" and bool(chosen) and chosen[0].rtx_payload_type is None
    passed = [] if goes_out_again else [extension.ABS_SEND_TIME]
    if published is not None and media.allows_mixed:
        passed += [uri for uri in PASSED_ON if uri in published.extensions]
    rids: tuple[str, ...] = ()
    if published is not None and published.rids and media.rids and extension.RID in media.extensions:
        rids = published.rids  # another node, which takes every layer
        passed.append(extension.RID)
    return ChosenMedia(media, tuple(chosen), {u: media.extensions[u] for u in passed if u in media.extensions}, rids)


def _viewing_order(rank: int) -> Callable[[Codec], tuple[int, bool]]:
    """The same profile first, then the next that can decode it, then whatever is there: decoders know more than
    their offers say (Debian's Chromium decodes High and offers Main)."""

    def order(codec: Codec) -> tuple[int, bool]:
        own = profile_rank(codec)
        if own == rank:
            distance = 0
        elif own == OTHER:
            distance = 20
        else:
            distance = own - rank if own > rank else 10 + rank - own
        return distance, not codec.parameters.get("profile-level-id", "").lower().startswith("42e0")

    return order


def write_answer(
    offer: Offer,
    chosen: Sequence[ChosenMedia],
    local: Local,
    session_number: int,
    sending: Mapping[str, SendingTrack] | None = None,
    stream_name: str = "dongting",
) -> str:
    """The answer's text: recvonly for a publisher, sendonly (with `sending` by kind) for a viewer."""
    served = [m.offer.mid for m in chosen if m.codecs]
    lines = ["v=0", f"o=- {session_number} 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-lite"]
    lines.append(f"a=ice-options:{ICE_OPTIONS}")
    if offer.bundle:
        lines.append("a=group:BUNDLE " + " ".join(served))
    if sending is not None:
        lines.append(f"a=msid-semantic: WMS {stream_name}")
    first = True
    for media in chosen:
        if not media.codecs:
            lines += [f"m={media.offer.kind} 0 {media.offer.protocol} {' '.join(media.offer.formats)}"]
            lines += ["c=IN IP4 0.0.0.0", f"a=mid:{media.offer.mid}", "a=inactive"]
            continue
        lines += _media_lines(media)
        lines += _transport_lines(local, SETUP_ANSWERS[offer.setup], first)
        lines += _sending_lines(media, sending, stream_name)
        first = False
    return "\r\n".join(lines) + "\r\n"


def _media_lines(media: ChosenMedia) -> list[str]:
    payload_types: list[int] = []
    attributes: list[str] = []
    for chosen in media.codecs:
        codec, number = chosen.codec, chosen.codec.payload_type
        payload_types.append(number)
        attributes.append(f"a=rtpmap:{number} {_rtpmap(codec)}")
        attributes += [f"a=rtcp-fb:{number} {wish}" for wish in _feedback(codec, media)]
        parameters = _answer_parameters(codec)
        if parameters:
            attributes.append(f"a=fmtp:{number} {parameters}")
        if chosen.rtx_payload_type is not None:
            payload_types.append(chosen.rtx_payload_type)
            attributes.append(f"a=rtpmap:{chosen.rtx_payload_type} rtx/{codec.clock_rate}")
            attributes.append(f"a=fmtp:{chosen.rtx_payload_type} apt={number}")
    offer = media.offer
    head = [
        f"m={offer.kind} 9 {offer.protocol} {' '.join(map(str, payload_types))}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=mid:{offer.mid}",
        "a=rtcp-mux",
    ]
    head += ["a=rtcp-mux-only"] if offer.is_mux_only else []
    head += ["a=rtcp-rsize"] if offer.rtcp_rsize else []
    head += [f"a={ALLOWS_MIXED}"] if offer.allows_mixed else []
    head += [f"a=extmap:{number} {uri}" for uri, number in media.extensions.items()]
    return head + attributes


def _rtpmap(codec: Codec) -> str:
    name = "opus" if codec.name == "OPUS" else codec.name
    return f"{name}/{codec.clock_rate}" + (f"/{codec.channels}" if codec.channels > 1 else "")


def _feedback(codec: Codec, media: ChosenMedia) -> list[str]:
    wishes = ["nack", "nack pli", "ccm fir"] if media.offer.kind == "video" else []
    if extension.TRANSPORT_WIDE in media.extensions:
        wishes.append("transport-cc")
    elif media.offer.kind == "video":
        wishes.append("goog-remb")
    return [wish for wish in wishes if wish in codec.feedback]


def _answer_parameters(codec: Codec) -> str:
    if codec.name == "H264":
        profile = codec.parameters.get("profile-level-id", "42e01f")
        return f"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}"
    if codec.name == "OPUS":
        stereo = codec.parameters.get("stereo") == "1" or codec.parameters.get("sprop-stereo") == "1"
        return "minptime=10;useinbandfec=1" + (";stereo=1;sprop-stereo=1" if stereo else "")
    return ";".join(f"{key}={value}" for key, value in codec.parameters.items())


def _transport_lines(local: Local, setup: str, with_candidates: bool) -> list[str]:
    lines = [
        f"a=ice-ufrag:{local.ice_ufrag}",
        f"a=ice-pwd:{local.ice_pwd}",
        f"a=fingerprint:sha-256 {local.fingerprint}",
        f"a=setup:{setup}",
    ]
    if with_candidates:
        lines += [f"a=candidate:{candidate}" for candidate in local.candidates]
        lines.append("a=end-of-candidates")
    return lines


def _sending_lines(media: ChosenMedia, sending: Mapping[str, SendingTrack] | None, stream_name: str) -> list[str]:
    if sending is None:
        return ["a=recvonly", *_simulcast_lines(media, "recv")]
    kind = media.offer.kind
    track = sending[kind]
    lines = ["a=sendonly", f"a=msid:{stream_name} {kind}"]
    if media.rids:
        return lines + _simulcast_lines(media, "send")
    ssrcs = [track.ssrc]
    if any(c.rtx_payload_type is not None for c in media.codecs):
        ssrcs.append(track.rtx_ssrc)
        lines.append(f"a=ssrc-group:FID {track.ssrc} {track.rtx_ssrc}")
    for ssrc in ssrcs:
        lines += [f"a=ssrc:{ssrc} cname:{stream_name}", f"a=ssrc:{ssrc} msid:{stream_name} {kind}"]
    return lines


def _simulcast_lines(media: ChosenMedia, direction: str) -> list[str]:
    if not media.rids:
        return []
    return [*(f"a=rid:{rid} {direction}" for rid in media.rids), f"a=simulcast:{direction} {';'.join(media.rids)}"]


def write_fragment(local: Local, mids: Sequence[str]) -> str:
    """The answer to an ICE restart: new credentials and the candidates (RFC 8840)."""
    lines = ["a=ice-lite", f"a=ice-options:{ICE_OPTIONS}", "a=group:BUNDLE " + " ".join(mids)]
    lines += [f"a=ice-ufrag:{local.ice_ufrag}", f"a=ice-pwd:{local.ice_pwd}", "m=audio 9 UDP/TLS/RTP/SAVPF 0"]
    lines += [f"a=mid:{mids[0]}"] if mids else []
    lines += [f"a=candidate:{candidate}" for candidate in local.candidates]
    return "\r\n".join([*lines, "a=end-of-candidates"]) + "\r\n"
