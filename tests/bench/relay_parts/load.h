struct track {
    uint32_t ssrc;
    int64_t highest;
    uint64_t received;
    uint64_t duplicates;
    uint64_t seen[16];
    int64_t reported_highest;
    uint64_t reported_received;
    int64_t open_highest;
    uint64_t open_received;
    int64_t close_highest;
    uint64_t close_received;
};

struct viewer {
    int fd;
    uint32_t report_ssrc;
    void *inbound;
    void *outbound;
    int64_t report_at_ns;
    uint64_t rtcp;
    uint64_t stun;
    uint64_t others;
    uint64_t repairs;
    struct track tracks[2];
};

struct publisher {
    int fd;
    uint32_t ssrcs[2];
    uint8_t payload_types[2];
    uint16_t sequences[2];
    void *outbound;
    int (*protect)(void *, void *, int *);
    int (*protect_rtcp)(void *, void *, int *);
    int stop;
    uint64_t sent[2];
    uint64_t failed;
    int64_t latest_ns;
};

struct receiver {
    struct viewer *viewers;
    int count;
    int epoll;
    int stop;
    int window;
    int window_seen;
    int one_in;
    int (*unprotect)(void *, void *, int *);
    int (*protect_rtcp)(void *, void *, int *);
    struct publisher *publisher;
    uint64_t sent_at_open[2];
    uint64_t sent_at_close[2];
    int64_t opened_ns;
    int64_t closed_ns;
    uint64_t checked;
    uint64_t wrong;
    uint32_t *delays_us;
    int delays;
    int most_delays;
};

struct limit {
    int fd;
    int count;
    uint8_t *addresses;
    uint32_t *ssrcs;
    void **outbound;
    int (*protect)(void *, void *, int *);
    int messages;
    int is_paced;
    double seconds;
    uint64_t packets;
    uint64_t failed;
    int64_t cpu_ns;
    int64_t wall_ns;
};

void receive(struct receiver *r);
int receive_from(struct receiver *r, int number);
void publish(struct publisher *p);
void limit_run(struct limit *l);
