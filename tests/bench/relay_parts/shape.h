/* The packets of the benchmark's one stream, as publisher and limit write them and viewers check them. */
#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

enum { VIDEO, AUDIO };
enum { HEADER = 12, VIDEO_PAYLOAD = 1100, AUDIO_PAYLOAD = 90, TRAILER = 16, CLEAR = 16, MOST_BYTES = 2048 };
enum { FRAME_PACKETS = 6, KEYFRAME_PACKETS = 24, KEYFRAME_EVERY = 60, VIDEO_RATE = 30, AUDIO_RATE = 50 };

static const int PAYLOAD[2] = {VIDEO_PAYLOAD, AUDIO_PAYLOAD};
static uint8_t filler[VIDEO_PAYLOAD];

static inline int64_t clock_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline void sleep_until(int64_t at_ns) {
    struct timespec t = {at_ns / 1000000000LL, at_ns % 1000000000LL};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0);
}

static inline void make_filler(void) {
    uint32_t x = 2463534242u;
    for (int i = 0; i < VIDEO_PAYLOAD; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        filler[i] = x;
    }
}

struct packet {
    int kind, index, count, is_key;
    uint32_t frame, timestamp, ssrc;
    uint16_t sequence;
    uint8_t payload_type;
    uint64_t number;
    int64_t sent_ns;
};

/* VP8 with a 15-bit picture id as Chromium sends it; Opus of 20 ms. The body is filler, the last 16 bytes say
   which packet this is and when it was sent. */
static inline int write_packet(uint8_t *out, const struct packet *p) {
    int size = PAYLOAD[p->kind], at = HEADER;
    int is_last = p->kind == AUDIO ? 0 : p->index == p->count - 1;
    uint16_t sequence = htons(p->sequence);
    uint32_t words[2] = {htonl(p->timestamp), htonl(p->ssrc)};
    out[0] = 0x80;
    out[1] = p->payload_type | (is_last ? 0x80 : 0);
    memcpy(out + 2, &sequence, 2);
    memcpy(out + 4, words, 8);
    memcpy(out + HEADER, filler, size);
    if (p->kind == AUDIO) {
        out[at] = 0xF8; /* CELT, full band, one frame of 20 ms */
    } else {
        out[at++] = 0x80 | (p->index == 0 ? 0x10 : 0);
        out[at++] = 0x80;
        out[at++] = 0x80 | (p->frame >> 8 & 0x7F);
        out[at++] = p->frame;
        if (p->index == 0 && p->is_key) {
            static const uint8_t head[10] = {0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x00, 0x05, 0xD0, 0x02}; /* 1280 x 720 */
            memcpy(out + at, head, sizeof head);
        } else if (p->index == 0) {
            out[at] = 0x11;
        }
    }
    memcpy(out + HEADER + size - TRAILER, &p->number, 8);
    memcpy(out + HEADER + size - 8, &p->sent_ns, 8);
    return HEADER + size;
}

/* Whether a plain packet ends as `write_packet` ended it. A relay may rewrite what stands before. */
static inline int is_right(const uint8_t *packet, int length, int kind) {
    int body = PAYLOAD[kind] - TRAILER - CLEAR;
    if (length < HEADER + PAYLOAD[kind])
        return 0;
    return memcmp(packet + length - TRAILER - body, filler + CLEAR, body) == 0;
}
