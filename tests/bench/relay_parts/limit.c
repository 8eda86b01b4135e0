/* The limit: what protecting and sending the same packets costs when nothing else is done. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <sys/socket.h>

#include "shape.h"
#include "load.h"

enum { MOST_MESSAGES = 240 };

static uint8_t slots[MOST_MESSAGES][MOST_BYTES];

static void flush(struct limit *l, struct mmsghdr *messages, int count) {
    for (int done = 0; done < count;) {
        int sent = sendmmsg(l->fd, messages + done, count - done, 0);
        if (sent <= 0) {
            l->failed += count - done;
            return;
        }
        done += sent;
    }
}

/* One frame to everybody: viewer after viewer, plain sendmmsg of so many messages at once. */
static void send_to_all(struct limit *l, int kind, uint32_t frame, uint16_t sequence, uint64_t number) {
    struct mmsghdr messages[MOST_MESSAGES];
    struct iovec pieces[MOST_MESSAGES];
    int is_key = kind == VIDEO && frame % KEYFRAME_EVERY == 0, filled = 0;
    int count = kind == AUDIO ? 1 : is_key ? KEYFRAME_PACKETS : FRAME_PACKETS;
    memset(messages, 0, sizeof messages);
    for (int v = 0; v < l->count; v++) {
        for (int i = 0; i < count; i++, filled++) {
            struct packet packet = {
                .kind = kind, .index = i, .count = count, .is_key = is_key, .frame = frame,
                .ssrc = l->ssrcs[2 * v + kind], .timestamp = frame * (kind == VIDEO ? 3000 : 960),
                .sequence = sequence + i, .payload_type = kind == VIDEO ? 96 : 111, .number = number + i,
            };
            int length = write_packet(slots[filled], &packet);
            l->failed += l->protect(l->outbound[v], slots[filled], &length) != 0;
            pieces[filled] = (struct iovec){slots[filled], length};
            struct msghdr *head = &messages[filled].msg_hdr;
            head->msg_name = l->addresses + v * sizeof(struct sockaddr_in);
            head->msg_namelen = sizeof(struct sockaddr_in);
            head->msg_iov = &pieces[filled];
            head->msg_iovlen = 1;
        }
        if (filled + count > l->messages || v == l->count - 1) {
            flush(l, messages, filled);
            filled = 0;
        }
    }
    l->packets += (uint64_t)count * l->count;
}

/* Whole periods between keyframes, so that the mix is the stream's, until the time is over. */
void limit_run(struct limit *l) {
    uint32_t frames[2] = {0, 0};
    uint64_t numbers[2] = {0, 0};
    int64_t period = KEYFRAME_EVERY * 1000000000LL / VIDEO_RATE;
    make_filler();
    int64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID), began = clock_ns(CLOCK_MONOTONIC), media = 0, now = began;
    while (now - began < l->seconds * 1e9) {
        for (media += period;;) {
            int64_t video = frames[VIDEO] * 1000000000LL / VIDEO_RATE, audio = frames[AUDIO] * 1000000000LL / AUDIO_RATE;
            int kind = audio < video ? AUDIO : VIDEO;
            int64_t due = kind == AUDIO ? audio : video;
            if (due >= media)
                break;
            if (l->is_paced)
                sleep_until(began + due);
            int count = kind == AUDIO ? 1 : frames[VIDEO] % KEYFRAME_EVERY == 0 ? KEYFRAME_PACKETS : FRAME_PACKETS;
            send_to_all(l, kind, frames[kind]++, numbers[kind], numbers[kind]);
            numbers[kind] += count;
        }
        now = clock_ns(CLOCK_MONOTONIC);
    }
    l->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    l->wall_ns = now - began;
}
