"""One run of a publisher: RTP packets of both tracks in, samples on one clock out."""

from __future__ import annotations

from collections import deque

from media.recording.assemble import AudioAssembler, VideoAssembler, make_video_assembler
from media.recording.audio_line import AudioLine
from media.recording.continuity import Break, Continuity
from media.recording.merge import Merge
from media.recording.reorder import OrderedPacket, Reorder
from media.recording.timeline import LipSync, SenderReport, TrackClock
from media.recording.tracks import SECOND_NS, AccessUnit, AudioSetup, Kind, Sample, TrackFormat
from media.rtp.packet import parse_rtp

# Sound waits so long for a first picture, then the run goes on as sound alone until one comes.
PICTURE_WAIT_NS = 10 * SECOND_NS
# Before its first sound is placed the publisher has so long to say how his two clocks belong together. Pictures are
# held no longer than that for want of sound, so it stays within what a crash may cost.
REPORT_WAIT_NS = SECOND_NS
# Sound held while no picture has come: 12 s. The oldest is dropped; sound before the first picture goes anyway.
HELD_SOUNDS = 600
# Sound that is so far behind the picture is muted or lost; silence takes its place,
SILENCE_AFTER_NS = SECOND_NS * 8 // 10
# but only up to this far behind the picture, so that late sound still finds its place.
SILENCE_LAG_NS = SECOND_NS // 2


class RunIntake:
    """The packets between a publisher's joining and its leaving."""

    def __init__(self, video: TrackFormat | None, audio: TrackFormat | None) -> None:
        self._formats: dict[Kind, TrackFormat] = {}
        self._reorders: dict[Kind, Reorder] = {}
        self._video: VideoAssembler | None = None
        self._audio = AudioAssembler()
        self._video_clock = TrackClock(video.clock_rate if video else 90_000)
        self._audio_clock = TrackClock(audio.clock_rate if audio else 48_000)
        self._lip_sync = LipSync(self._video_clock, self._audio_clock)
        self._continuity = Continuity()
        self.audio_setup: AudioSetup | None = None
        if video is not None:
            self._video = make_video_assembler(video)
            self._formats["video"], self._reorders["video"] = video, Reorder()
        if audio is not None:
            self.audio_setup = AudioSetup(2 if audio.channels == 2 else 1)
            self._formats["audio"], self._reorders["audio"] = audio, Reorder()
        self._line: AudioLine | None = None
        self._held: deque[AccessUnit] = deque(maxlen=HELD_SOUNDS)
        self._picture_wait_ns = PICTURE_WAIT_NS
        self._merge = Merge(set(self._formats))
        self._newest_picture_ns: int | None = None
        self._first_picture_arrival_ns = 0
        self.first_picture_ns: int | None = None  # on the arrival clock; known before it is handed out
        self.has_jumped = False  # a clock ran away bit by bit: nothing more is taken, another intake must go on
        self.broken_packets = 0

    @property
    def needs_keyframe(self) -> bool:
        """Whether pictures are lost until the publisher sends a keyframe."""
        return self._video is not None and self._video.waits_for_keyframe

    @property
    def lost_packets(self) -> int:
        """Packets that neither came nor were repaired in time."""
        return sum(reorder.lost_packets for reorder in self._reorders.values())

    def push(self, kind: Kind, data: bytes, arrival_ns: int) -> Break | None:
        """Take one packet; what is not of this track is counted and dropped.

        Answers why the run ends before it, if it does; the packet is not taken then.
        """
        track = self._formats.get(kind)
        try:
            packet = parse_rtp(data)
        except ValueError:
            self.broken_packets += 1
            return None
        if track is None or packet.payload_type != track.payload_type:
            self.broken_packets += 1
            return None
        found = self._continuity.check(kind, packet, track.clock_rate, arrival_ns)
        if found is None:
            self._reorders[kind].push(packet, arrival_ns)
        return found

    def resume(self) -> None:
        """After a silence, and `flush`: wait for a keyframe, as if the publisher had come back; his clocks run on.

        Whose camera was off before is not waited for: his sound begins at once.
        """
        if self._line is not None:
            seen_ns = self._newest_picture_ns
            was_off = seen_ns is None or self._line.end_ns - seen_ns > PICTURE_WAIT_NS
            self._picture_wait_ns = 0 if was_off else PICTURE_WAIT_NS
        if self._video is not None:
            self._video = make_video_assembler(self._formats["video"])
        self._line = None
        self._held.clear()
        self._merge = Merge(set(self._formats))
        self._newest_picture_ns = self.first_picture_ns = None

    def report(self, kind: Kind, report: SenderReport) -> None:
        """Take a sender report."""
        if len(self._formats) == 2:
            self._lip_sync.report(kind, report)
            self._start_with_picture(is_late=False)

    def take(self, now_ns: int) -> list[Sample]:
        """The samples that are in order by now."""
        for kind, reorder in self._reorders.items():
            for packet in reorder.take(now_ns):
                self._assemble(kind, packet)
        self._start_with_picture(is_late=now_ns - self._first_picture_arrival_ns > REPORT_WAIT_NS)
        self._start_without_picture(now_ns)
        # Only now: within a batch all pictures come first, however late the batch is.
        self._fill_silence(SILENCE_AFTER_NS, SILENCE_LAG_NS)
        return self._merge.take()

    def flush(self) -> list[Sample]:
        """Every sample that is left, because the run is over."""
        for kind, reorder in self._reorders.items():
            for packet in reorder.flush():
                self._assemble(kind, packet)
        if self._video is not None:
            for unit in self._video.flush():
                self._place_picture(unit)
        self._start_with_picture(is_late=True)
        self._fill_silence(0, 0)
        return self._merge.flush()

    def flush_idle(self) -> list[Sample]:
        """What was placed but waits for the other track, because nothing comes at present."""
        return self._merge.flush()

    def _assemble(self, kind: Kind, packet: OrderedPacket) -> None:
        if kind == "audio":
            for unit in self._audio.push(packet):
                self._place_sound(unit)
        elif self._video is not None:
            for unit in self._video.push(packet):
                self._place_picture(unit)

    def _place_picture(self, unit: AccessUnit) -> None:
        at_ns, is_anchored_anew = self._video_clock.at_ns(unit.timestamp, unit.arrival_ns)
        self.has_jumped = self.has_jumped or is_anchored_anew
        if self.has_jumped:
            return
        if self._newest_picture_ns is None:
            self.first_picture_ns, self._first_picture_arrival_ns = at_ns, unit.arrival_ns
            self._lip_sync.align()
            self._start_with_picture(is_late=False)
        self._newest_picture_ns = max(at_ns, self._newest_picture_ns or at_ns)
        self._merge.push(Sample("video", at_ns, 0, unit.data, unit.keyframe, unit.after_loss, unit.setup))

    def _place_sound(self, unit: AccessUnit) -> None:
        if self._line is None:
            if not self._lip_sync.is_aligned:
                self._audio_clock.lower(unit.timestamp, unit.arrival_ns)
            self._held.append(unit)
            if self._video is None:
                self._start_sound(self._audio_clock.place(self._held[0].timestamp))
            return
        at_ns, is_anchored_anew = self._audio_clock.at_ns(unit.timestamp, unit.arrival_ns)
        self.has_jumped = self.has_jumped or is_anchored_anew
        if self.has_jumped:
            return
        if self._lip_sync.is_due:  # this was the first sound: its clock runs only now
            self._lip_sync.align()
            at_ns = self._audio_clock.place(unit.timestamp)
        self._push_sounds(self._line.add(at_ns, unit.data, unit.after_loss))

    def _start_with_picture(self, *, is_late: bool) -> None:
        """Let the sound begin with the first picture, once it is known which sound belongs to it."""
        if self.first_picture_ns is not None and (is_late or self._lip_sync.is_aligned):
            self._start_sound(self.first_picture_ns)

    def _start_without_picture(self, now_ns: int) -> None:
        if self._line is None and self._held and now_ns - self._held[0].arrival_ns > self._picture_wait_ns:
            self._start_sound(self._audio_clock.place(self._held[0].timestamp))

    def _start_sound(self, at_ns: int) -> None:
        """Let the sound begin at `at_ns`; what was heard before it is dropped."""
        if self._line is not None or self.audio_setup is None:
            return
        self._line = AudioLine(at_ns, self.audio_setup.channels)
        held, self._held = list(self._held), deque(maxlen=HELD_SOUNDS)
        for unit in held:
            if self._audio_clock.place(unit.timestamp) >= at_ns:
                self._place_sound(unit)

    def _fill_silence(self, after_ns: int, lag_ns: int) -> None:
        """Put silence where no sound came, if it is more than `after_ns` behind the picture."""
        newest_ns = self._newest_picture_ns
        if self._line is not None and newest_ns is not None and newest_ns - self._line.end_ns > after_ns:
            self._push_sounds(self._line.fill_to(newest_ns - lag_ns))

    def _push_sounds(self, samples: list[Sample]) -> None:
        for sample in samples:
            self._merge.push(sample)
