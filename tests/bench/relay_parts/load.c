/* The load at C speed: a publisher on a precise clock, and viewers who only count, but decrypt one packet in so many.
 *
 * One thread runs `receive`, one `publish`. Python fills a viewer's struct before `receive_from` gives him to the
 * receiver, and afterwards only reads; the receiver itself copies the counts when a window opens and closes. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "shape.h"
#include "load.h"

enum { MESSAGES = 32, EVENTS = 256, NUMBERS = 1024, REPORTS_PER_TURN = 16, MOST_WHOLE_BYTES = 65536 };
#define REPORT_NS 1000000000LL
#define NTP_OFFSET 2208988800ULL

static inline void forget_number(struct track *t, int64_t n) { t->seen[(n % NUMBERS) >> 6] &= ~(1ULL << (n & 63)); }

static inline int is_new(struct track *t, int64_t n) {
    uint64_t bit = 1ULL << (n & 63), *word = &t->seen[(n % NUMBERS) >> 6];
    if (*word & bit)
        return 0;
    *word |= bit;
    return 1;
}

/* Count a packet by its number; answers whether it is the track's first. */
static int count_packet(struct track *t, uint16_t sequence) {
    if (t->highest == 0) {
        t->highest = t->reported_highest = 65536 + sequence;
        t->received = is_new(t, t->highest);
        return 1;
    }
    int64_t number = t->highest + (int16_t)(sequence - (uint16_t)t->highest);
    if (number > t->highest) {
        int64_t from = number - t->highest > NUMBERS ? number - NUMBERS : t->highest;
        for (int64_t n = from + 1; n <= number; n++)
            forget_number(t, n);
        t->highest = number;
    }
    if (t->highest - number < NUMBERS && is_new(t, number))
        t->received++;
    else
        t->duplicates++;
    return 0;
}

/* Put one byte group of RTCP: RR with a block for each track heard, and REMB. */
static int write_report(struct viewer *v, uint8_t *out) {
    uint32_t word, *w = (uint32_t *)out;
    int blocks = 0, at = 2;
    for (int k = 0; k < 2; k++) {
        struct track *t = &v->tracks[k];
        if (t->highest == 0)
            continue;
        int64_t expected = t->highest - t->reported_highest, lost = expected - (int64_t)(t->received - t->reported_received);
        int64_t fraction = expected > 0 && lost > 0 ? lost * 256 / expected : 0;
        t->reported_highest = t->highest, t->reported_received = t->received;
        w[at++] = htonl(t->ssrc);
        w[at++] = htonl((uint32_t)(fraction > 255 ? 255 : fraction) << 24);
        w[at++] = htonl((uint32_t)(t->highest - 65536));
        w[at++] = htonl(40); /* jitter, last report and delay as of a receiver without sender reports */
        w[at++] = 0, w[at++] = 0;
        blocks++;
    }
    w[0] = htonl(0x80C90000u | blocks << 24 | (uint32_t)(at - 1));
    w[1] = htonl(v->report_ssrc);
    int begin = at;
    w[at++] = htonl(0x8FCE0000u | 6);
    w[at++] = htonl(v->report_ssrc);
    w[at++] = 0;
    memcpy(&w[at++], "REMB", 4);
    word = 2u << 24 | 5u << 18 | (5000000u >> 5); /* two sources, 5 Mbit/s */
    w[at++] = htonl(word);
    w[at++] = htonl(v->tracks[VIDEO].ssrc);
    w[at++] = htonl(v->tracks[AUDIO].ssrc);
    w[begin] = htonl(0x8FCE0000u | (uint32_t)(at - begin - 1));
    return at * 4;
}

static void send_reports(struct receiver *r, int *next, int64_t now) {
    uint8_t out[MOST_BYTES];
    int count = __atomic_load_n(&r->count, __ATOMIC_ACQUIRE);
    for (int i = 0; i < REPORTS_PER_TURN && count; i++) {
        if (*next >= count)
            *next = 0;
        struct viewer *v = &r->viewers[*next];
        if (v->outbound && now < v->report_at_ns)
            return; /* they were given times in this order */
        ++*next;
        if (!v->outbound)
            continue;
        v->report_at_ns = now - v->report_at_ns > REPORT_NS ? now + REPORT_NS : v->report_at_ns + REPORT_NS;
        int length = write_report(v, out);
        if (r->protect_rtcp(v->outbound, out, &length) == 0)
            send(v->fd, out, length, MSG_DONTWAIT);
    }
}

static void check_packet(struct receiver *r, struct viewer *v, int kind, uint8_t *packet, int length, int is_sample,
                         int64_t *now) {
    int64_t sent_ns;
    r->checked++;
    if (r->unprotect(v->inbound, packet, &length) != 0 || !is_right(packet, length, kind)) {
        r->wrong++;
        return;
    }
    if (!is_sample || r->window_seen != 1 || r->delays >= r->most_delays)
        return;
    if (!*now)
        *now = clock_ns(CLOCK_MONOTONIC);
    memcpy(&sent_ns, packet + length - 8, 8);
    r->delays_us[r->delays++] = *now > sent_ns ? (*now - sent_ns) / 1000 : 0;
}

static void take(struct receiver *r, struct viewer *v, uint8_t *packet, int length, int64_t *now) {
    static uint32_t random = 88172645u, until_sample = 1;
    if (length < HEADER || packet[0] >> 6 != 2) {
        if (length > 0 && packet[0] < 4)
            v->stun++;
        else
            v->others++;
        return;
    }
    if (packet[1] >= 192 && packet[1] < 224) {
        v->rtcp++;
        return;
    }
    uint32_t ssrc;
    uint16_t sequence;
    memcpy(&ssrc, packet + 8, 4);
    memcpy(&sequence, packet + 2, 2);
    ssrc = ntohl(ssrc);
    int kind = ssrc == v->tracks[VIDEO].ssrc ? VIDEO : AUDIO;
    struct track *t = &v->tracks[kind];
    if (ssrc != t->ssrc) {
        v->repairs++;
        return;
    }
    int is_first = count_packet(t, ntohs(sequence)), is_sample = --until_sample == 0;
    if (is_sample) { /* at random distances, so that no viewer and no place in a frame is preferred */
        random ^= random << 13, random ^= random >> 17, random ^= random << 5;
        until_sample = 1 + random % (2 * r->one_in - 1);
    }
    if (is_first || is_sample)
        check_packet(r, v, kind, packet, length, is_sample, now);
}

static void turn_window(struct receiver *r) {
    int is_open = r->window == 1, count = __atomic_load_n(&r->count, __ATOMIC_ACQUIRE);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < 2; k++) {
            struct track *t = &r->viewers[i].tracks[k];
            *(is_open ? &t->open_highest : &t->close_highest) = t->highest;
            *(is_open ? &t->open_received : &t->close_received) = t->received;
        }
    for (int k = 0; k < 2; k++)
        (is_open ? r->sent_at_open : r->sent_at_close)[k] = r->publisher ? r->publisher->sent[k] : 0;
    *(is_open ? &r->opened_ns : &r->closed_ns) = clock_ns(CLOCK_MONOTONIC);
    if (is_open)
        r->delays = 0;
    __atomic_store_n(&r->window_seen, r->window, __ATOMIC_RELEASE);
}

int receive_from(struct receiver *r, int number) {
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = number};
    if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->viewers[number].fd, &e) != 0)
        return errno;
    __atomic_store_n(&r->count, number + 1, __ATOMIC_RELEASE);
    return 0;
}

/* How long each datagram is: a socket with UDP_GRO hands over what was sent in one piece, uncut. */
static int size_of_each(struct mmsghdr *message) {
    struct cmsghdr *c = CMSG_FIRSTHDR(&message->msg_hdr);
    int size = message->msg_len;
    if (c && c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
        memcpy(&size, CMSG_DATA(c), sizeof size);
    return size;
}

static void take_all(struct receiver *r, struct viewer *v, uint8_t *bytes, struct mmsghdr *message, int64_t *now) {
    int length = message->msg_len, each = size_of_each(message);
    for (int at = 0; at < length; at += each)
        take(r, v, bytes + at, length - at < each ? length - at : each, now);
}

void receive(struct receiver *r) {
    static uint8_t buffers[MESSAGES][MOST_WHOLE_BYTES];
    static _Alignas(struct cmsghdr) uint8_t controls[MESSAGES][CMSG_SPACE(sizeof(int))];
    struct mmsghdr messages[MESSAGES];
    struct iovec pieces[MESSAGES];
    struct epoll_event events[EVENTS];
    int next = 0;
    make_filler();
    setpriority(PRIO_PROCESS, 0, -10); /* before the Python beside it; without the right to, it goes on as it is */
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < MESSAGES; i++) {
        pieces[i] = (struct iovec){buffers[i], MOST_WHOLE_BYTES};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_control = controls[i];
        messages[i].msg_hdr.msg_controllen = sizeof controls[i];
    }
    while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
        int ready = epoll_wait(r->epoll, events, EVENTS, 5);
        for (int i = 0; i < ready; i++) {
            struct viewer *v = &r->viewers[events[i].data.u32];
            int64_t now = 0;
            int got = recvmmsg(v->fd, messages, MESSAGES, MSG_DONTWAIT, 0); /* what is left makes it ready again */
            for (int k = 0; k < got; k++) {
                take_all(r, v, buffers[k], &messages[k], &now);
                messages[k].msg_hdr.msg_controllen = sizeof controls[k];
            }
        }
        if (__atomic_load_n(&r->window, __ATOMIC_ACQUIRE) != r->window_seen)
            turn_window(r);
        send_reports(r, &next, clock_ns(CLOCK_MONOTONIC));
    }
}

/* -- the publisher */

static void send_frame(struct publisher *p, int kind, uint32_t frame) {
    static uint8_t slots[KEYFRAME_PACKETS][MOST_BYTES];
    struct mmsghdr messages[KEYFRAME_PACKETS];
    struct iovec pieces[KEYFRAME_PACKETS];
    int is_key = kind == VIDEO && frame % KEYFRAME_EVERY == 0;
    int count = kind == AUDIO ? 1 : is_key ? KEYFRAME_PACKETS : FRAME_PACKETS;
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < count; i++) {
        struct packet packet = {
            .kind = kind, .index = i, .count = count, .is_key = is_key, .frame = frame, .ssrc = p->ssrcs[kind],
            .timestamp = frame * (kind == VIDEO ? 90000 / VIDEO_RATE : 48000 / AUDIO_RATE),
            .sequence = p->sequences[kind]++, .payload_type = p->payload_types[kind],
            .number = p->sent[kind] + i, .sent_ns = clock_ns(CLOCK_MONOTONIC),
        };
        int length = write_packet(slots[i], &packet);
        p->failed += p->protect(p->outbound, slots[i], &length) != 0;
        pieces[i] = (struct iovec){slots[i], length};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int sent = sendmmsg(p->fd, messages, count, 0);
    p->failed += count - (sent > 0 ? sent : 0);
    p->sent[kind] += count;
}

static void send_sender_report(struct publisher *p, int kind, uint32_t timestamp) {
    uint8_t out[MOST_BYTES];
    int64_t wall = clock_ns(CLOCK_REALTIME);
    uint32_t words[7] = {
        htonl(0x80C80006u), htonl(p->ssrcs[kind]), htonl((uint32_t)(wall / 1000000000LL + NTP_OFFSET)),
        htonl((uint32_t)(((uint64_t)(wall % 1000000000LL) << 32) / 1000000000ULL)), htonl(timestamp),
        htonl((uint32_t)p->sent[kind]), htonl((uint32_t)(p->sent[kind] * PAYLOAD[kind])),
    };
    int length = sizeof words;
    memcpy(out, words, sizeof words);
    if (p->protect_rtcp(p->outbound, out, &length) == 0)
        send(p->fd, out, length, MSG_DONTWAIT);
}

void publish(struct publisher *p) {
    uint8_t rubbish[MOST_BYTES];
    struct sched_param priority = {.sched_priority = 1};
    int64_t began = clock_ns(CLOCK_MONOTONIC) + 10000000LL;
    uint32_t frames[2] = {0, 0};
    make_filler();
    if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0)
        setpriority(PRIO_PROCESS, 0, -15);
    while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
        int64_t video = began + frames[VIDEO] * 1000000000LL / VIDEO_RATE;
        int64_t audio = began + 7000000LL + frames[AUDIO] * 1000000000LL / AUDIO_RATE;
        int kind = audio < video ? AUDIO : VIDEO;
        int64_t due = kind == AUDIO ? audio : video;
        sleep_until(due);
        int64_t late = clock_ns(CLOCK_MONOTONIC) - due;
        if (late > p->latest_ns)
            p->latest_ns = late;
        if (frames[kind] % (kind == VIDEO ? VIDEO_RATE : AUDIO_RATE) == 0)
            send_sender_report(p, kind, frames[kind] * (kind == VIDEO ? 90000 / VIDEO_RATE : 48000 / AUDIO_RATE));
        send_frame(p, kind, frames[kind]++);
        while (recv(p->fd, rubbish, sizeof rubbish, MSG_DONTWAIT) > 0)
            ; /* reports and answers to checks */
    }
}
