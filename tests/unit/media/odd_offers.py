"""Offers with the oddities of their clients, cut down to what matters; plain ones stand in offers.py."""

from __future__ import annotations

from tests.unit.media.offers import FINGERPRINT, ICE, OBS

# RFC 9725, figure 2: what concerns the transport stands in the first section of the bundle alone.
RFC_9725 = f"""v=0
o=- 5228595038118931041 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=ice-options:trickle ice2
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
{ICE}
{FINGERPRINT}
a=setup:actpass
a=mid:0
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendonly
a=msid:d46fb922 ce326ecf
a=rtcp-mux
a=rtcp-mux-only
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
m=video 0 UDP/TLS/RTP/SAVPF 96 97
a=mid:1
a=bundle-only
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
a=sendonly
a=msid:d46fb922 3956b460
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
"""

# Firefox: fingerprint in the session part, candidates by name (mDNS), one H.264 without a packetization mode,
# the second track bundle-only with port 0.
FIREFOX = f"""v=0
o=mozilla...THIS_IS_SDPARTA-140.0 5402874183942541712 0 IN IP4 0.0.0.0
s=-
t=0 0
a=sendrecv
{FINGERPRINT}
a=group:BUNDLE 0 1
a=ice-options:trickle
a=msid-semantic:WMS *
m=audio 50323 UDP/TLS/RTP/SAVPF 109 9 0 8 101
c=IN IP4 0.0.0.0
a=candidate:0 1 UDP 2122252543 fd7b7b8f-1e2d-4c3b-9a8f-7e6d5c4b3a29.local 50323 typ host
a=candidate:1 1 TCP 2105524479 fd7b7b8f-1e2d-4c3b-9a8f-7e6d5c4b3a29.local 9 typ host tcptype active
a=sendonly
a=end-of-candidates
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1
a=fmtp:101 0-15
{ICE}
a=mid:0
a=msid:stream sound
a=rtcp-mux
a=rtpmap:109 opus/48000/2
a=rtpmap:9 G722/8000/1
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000/1
a=setup:actpass
a=ssrc:11 cname:someone
m=video 0 UDP/TLS/RTP/SAVPF 120 124 126 127 97 98
c=IN IP4 0.0.0.0
a=bundle-only
a=sendonly
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1
a=fmtp:97 profile-level-id=42e01f;level-asymmetry-allowed=1
a=fmtp:120 max-fs=12288;max-fr=60
a=fmtp:124 apt=120
a=fmtp:127 apt=126
a=fmtp:98 apt=97
{ICE}
a=mid:1
a=msid:stream picture
a=rtcp-fb:120 nack
a=rtcp-fb:120 nack pli
a=rtcp-fb:120 ccm fir
a=rtcp-fb:120 goog-remb
a=rtcp-fb:126 nack
a=rtcp-fb:126 nack pli
a=rtcp-fb:126 ccm fir
a=rtcp-fb:126 goog-remb
a=rtcp-fb:126 transport-cc
a=rtcp-fb:97 nack
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:120 VP8/90000
a=rtpmap:124 rtx/90000
a=rtpmap:126 H264/90000
a=rtpmap:127 rtx/90000
a=rtpmap:97 H264/90000
a=rtpmap:98 rtx/90000
a=setup:actpass
a=ssrc:21 cname:someone
a=ssrc:22 cname:someone
a=ssrc-group:FID 21 22
"""

# Safari with a camera: High before Constrained Baseline, both of level 5.2, H.265 first of all.
SAFARI = f"""v=0
o=- 7161418349437120379 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=msid-semantic: WMS camera
m=audio 9 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 0.0.0.0
{ICE}
a=ice-options:trickle
{FINGERPRINT}
a=setup:actpass
a=mid:0
a=sendonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
m=video 9 UDP/TLS/RTP/SAVPF 49 50 96 97 98 99 100 101
c=IN IP4 0.0.0.0
{ICE}
{FINGERPRINT}
a=setup:actpass
a=mid:1
a=sendonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:49 H265/90000
a=fmtp:49 level-id=186;profile-id=1;tier-flag=0;tx-mode=SRST
a=rtpmap:50 rtx/90000
a=fmtp:50 apt=49
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640c34
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:98 H264/90000
a=rtcp-fb:98 goog-remb
a=rtcp-fb:98 transport-cc
a=rtcp-fb:98 ccm fir
a=rtcp-fb:98 nack
a=rtcp-fb:98 nack pli
a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e034
a=rtpmap:99 rtx/90000
a=fmtp:99 apt=98
a=rtpmap:100 VP8/90000
a=rtcp-fb:100 nack pli
a=rtpmap:101 rtx/90000
a=fmtp:101 apt=100
"""

# FFmpeg 8: no candidates, no RTX, no feedback at all; it waits for our DTLS (passive).
FFMPEG_8 = f"""v=0
o=FFmpeg 4489045141692799359 2 IN IP4 127.0.0.1
s=FFmpegPublishSession
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
{ICE}
{FINGERPRINT}
a=setup:passive
a=mid:0
a=sendonly
a=msid:FFmpeg audio
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=ssrc:2687521757 cname:FFmpeg
m=video 9 UDP/TLS/RTP/SAVPF 106
c=IN IP4 0.0.0.0
{ICE}
{FINGERPRINT}
a=setup:passive
a=mid:1
a=sendonly
a=msid:FFmpeg video
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:106 H264/90000
a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42000c
a=ssrc:2687521758 cname:FFmpeg
"""

# FFmpeg 9 (as the imageio-ffmpeg package sent it to us): RTX and NACK, but still no PLI.
FFMPEG_9 = FFMPEG_8.replace("SAVPF 106\n", "SAVPF 106 105\n").replace(
    "a=ssrc:2687521758 cname:FFmpeg\n",
    "a=rtcp-fb:106 nack\na=rtpmap:105 rtx/90000\na=fmtp:105 apt=106\n"
    "a=ssrc-group:FID 2687521758 2687521759\na=ssrc:2687521758 cname:FFmpeg\n",
)

# GStreamer's whipclientsink (webrtcbin): long ICE names, mids that are words, parameter sets in the fmtp,
# OPUS in capitals, feedback for sound, the transport's attributes in every section.
GSTREAMER = f"""v=0
o=- 1938737043334325940 0 IN IP4 0.0.0.0
s=-
t=0 0
a=ice-options:trickle
a=group:BUNDLE video0 audio1
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
a=setup:actpass
a=ice-ufrag:YZxU9JlWHzHcF6O2U09/q3PvBhbTPdZW
a=ice-pwd:fyrt730GWo5mFGc9m2z/vbUu3z1lewla
a=rtcp-mux
a=rtcp-rsize
a=sendonly
a=rtpmap:96 H264/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 transport-cc
a=framerate:30
a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAH9oBQBbsBagICAoAAAMAAg==,aM48gA==;profile-level-id=42c01f
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=ssrc:3484078950 msid:user4@host webrtctransceiver0
a=ssrc:3484078950 cname:user4@host
a=mid:video0
{FINGERPRINT}
a=rtcp-mux-only
m=audio 0 UDP/TLS/RTP/SAVPF 98
c=IN IP4 0.0.0.0
a=setup:actpass
a=bundle-only
a=ice-ufrag:YZxU9JlWHzHcF6O2U09/q3PvBhbTPdZW
a=ice-pwd:fyrt730GWo5mFGc9m2z/vbUu3z1lewla
a=rtcp-mux
a=rtcp-rsize
a=sendonly
a=rtpmap:98 OPUS/48000/2
a=rtcp-fb:98 nack
a=rtcp-fb:98 nack pli
a=fmtp:98 sprop-stereo=0;sprop-maxcapturerate=48000
a=mid:audio1
{FINGERPRINT}
a=rtcp-mux-only
"""

FIREFOX_PLAYS = FIREFOX.replace("a=sendonly", "a=recvonly")
GSTREAMER_PLAYS = GSTREAMER.replace("a=sendonly", "a=recvonly")
SAFARI_PLAYS_ALL = SAFARI.replace("a=sendonly", "a=recvonly")
PUBLISHERS = {
    "the RFC's example": RFC_9725,
    "Firefox": FIREFOX,
    "Safari": SAFARI,
    "FFmpeg 8": FFMPEG_8,
    "FFmpeg 9": FFMPEG_9,
    "OBS 30": OBS,
    "GStreamer": GSTREAMER,
}
PLAYERS = {"Firefox": FIREFOX_PLAYS, "Safari": SAFARI_PLAYS_ALL, "GStreamer": GSTREAMER_PLAYS}
