"""The offer with which a node asks another one for a copy of a stream: everything that nodes forward, to receive."""

from __future__ import annotations

import secrets

from media.answer import BASELINE, HIGH, MAIN, ChosenCodec, ChosenMedia
from media.rtp import extension
from media.sdp import ALLOWS_MIXED, Offer
from media.transport.ice import Credentials

# Payload type, its RTX, codec, its parameters. H.264 in every profile, so that the answer tells which one it is.
_H264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id="
PROFILES = {BASELINE: "42e01f", MAIN: "4d001f", HIGH: "640c1f"}
VIDEO = (
    (96, 97, "H264/90000", _H264 + PROFILES[BASELINE]),
    (98, 99, "H264/90000", _H264 + PROFILES[MAIN]),
    (100, 101, "H264/90000", _H264 + PROFILES[HIGH]),
    (102, 103, "VP8/90000", ""),
    (104, 105, "VP9/90000", "profile-id=0"),
    (106, 107, "AV1/90000", ""),
    (108, 109, "H265/90000", ""),
)
AUDIO = ((111, None, "opus/48000/2", "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"),)
# Every layer is taken: the answer names those that the publisher sends, and each packet says which one it belongs to.
RIDS = ("h", "m", "l")
EXTENSIONS = ((1, extension.RID), (2, extension.DEPENDENCY))
# No REMB: between nodes there is room for every layer, and nobody should choose for the viewers over there.
FEEDBACK = {"video": ("nack", "nack pli"), "audio": ()}


def write_offer(credentials: Credentials, fingerprint: str) -> str:
    """The text. We are the controlling agent and the DTLS client, and name no candidates: the other side is lite."""
    lines = ["v=0", f"o=- {secrets.randbits(62)} 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]
    for mid, kind, codecs in (("0", "video", VIDEO), ("1", "audio", AUDIO)):
        numbers = [str(number) for entry in codecs for number in entry[:2] if number is not None]
        lines += [f"m={kind} 9 UDP/TLS/RTP/SAVPF {' '.join(numbers)}", "c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0"]
        lines += [f"a=ice-ufrag:{credentials.ufrag}", f"a=ice-pwd:{credentials.pwd}"]
        lines += [f"a=fingerprint:sha-256 {fingerprint}", "a=setup:active", f"a=mid:{mid}", "a=recvonly"]
        lines += ["a=rtcp-mux", "a=rtcp-rsize", *_codec_lines(kind, codecs)]
        if kind == "video":
            lines += [f"a={ALLOWS_MIXED}", *(f"a=extmap:{number} {uri}" for number, uri in EXTENSIONS)]
            lines += [*(f"a=rid:{rid} recv" for rid in RIDS), f"a=simulcast:recv {';'.join(RIDS)}"]
    return "\r\n".join(lines) + "\r\n"


def _codec_lines(kind: str, codecs: tuple[tuple[int, int | None, str, str], ...]) -> list[str]:
    lines = []
    for number, rtx, name, parameters in codecs:
        lines.append(f"a=rtpmap:{number} {name}")
        lines += [f"a=rtcp-fb:{number} {wish}" for wish in FEEDBACK[kind]]
        lines += [f"a=fmtp:{number} {parameters}"] if parameters else []
        if rtx is not None:
            lines += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={number}"]
    return lines


def chosen_by(answer: Offer, kinds: frozenset[str]) -> tuple[ChosenMedia, ...]:
    """What the other side will send, as if its answer were a publisher's offer; the codec in use stands first.

    `kinds`: what is published; an answer may promise sound that nobody sends.
    """
    chosen = []
    for media in answer.media:
        rtx = {c.parameters.get("apt"): c.payload_type for c in media.codecs if c.name == "RTX"}
        codecs = [ChosenCodec(c, rtx.get(str(c.payload_type))) for c in media.codecs if c.name != "RTX"]
        is_sent = media.kind in kinds and not media.is_rejected
        extensions = dict(media.extensions)
        if extension.RID in extensions:  # the origin puts it on packets that it sends again, too
            extensions[extension.REPAIRED_RID] = extensions[extension.RID]
        chosen.append(ChosenMedia(media, tuple(codecs) if is_sent else (), extensions, media.rids))
    return tuple(chosen)
