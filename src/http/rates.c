/* Token buckets by address; see rates.h.
 *
 * All entries are made at once and live in one array: a table of chains finds them, a ring from
 * the newest to the oldest says which to forget. Indexes stand for pointers, NONE for NULL. One
 * lock over everything: a look takes well under a microsecond.
 */
#include "http/rates.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define RATES_MAGIC 0x4a7e5b00u
#define NONE        UINT32_MAX

struct bucket {
    struct rates_key key;
    double level; /* requests left at `seen` */
    double seen;
    uint32_t chain;        /* the next with the same hash */
    uint32_t newer, older; /* in the ring of use */
};

struct rates {
    unsigned magic;
    double rate, burst;
    uint64_t seed; /* so that nobody can choose addresses that share a chain */
    pthread_mutex_t lock;
    struct bucket *buckets; /* [most]; the first n are in use */
    uint32_t *heads;        /* [most] */
    uint32_t most, n;
    uint32_t newest, oldest;
};

struct rates_key rates_key_of(const struct sockaddr *address)
{
    struct rates_key key = {.bytes = {0}};

    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;

        key.bytes[0] = 4;
        memcpy(key.bytes + 1, &v4->sin_addr, 4);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;

        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            key.bytes[0] = 4;
            memcpy(key.bytes + 1, v6->sin6_addr.s6_addr + 12, 4);
        } else {
            key.bytes[0] = 6;
            memcpy(key.bytes + 1, v6->sin6_addr.s6_addr, 8);
        }
    }
    return key;
}

bool rates_key_equal(const struct rates_key *a, const struct rates_key *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct rates *rates_new(double rate, double burst, size_t most)
{
    struct rates *r = xcalloc(1, sizeof *r);
    size_t i;

    CHK(rate > 0 && burst >= 1 && most >= 1 && most < NONE);
    r->magic = RATES_MAGIC;
    r->rate = rate;
    r->burst = burst;
    r->seed = hash_random_seed();
    r->most = (uint32_t)most;
    r->buckets = xcalloc(most, sizeof *r->buckets);
    r->heads = xcalloc(most, sizeof *r->heads);
    for (i = 0; i < most; i++) {
        r->heads[i] = NONE;
    }
    r->newest = r->oldest = NONE;
    PTOK(pthread_mutex_init(&r->lock, NULL));
    return r;
}

static uint32_t *head_of(struct rates *r, const struct rates_key *key)
{
    uint64_t h = r->seed ^ 14695981039346656037u;
    size_t i;

    for (i = 0; i < sizeof key->bytes; i++) {
        h = (h ^ key->bytes[i]) * 1099511628211u;
        h ^= h >> 29;
    }
    return &r->heads[h % r->most];
}

static void unlink_use(struct rates *r, uint32_t i)
{
    struct bucket *b = &r->buckets[i];

    *(b->newer != NONE ? &r->buckets[b->newer].older : &r->newest) = b->older;
    *(b->older != NONE ? &r->buckets[b->older].newer : &r->oldest) = b->newer;
}

static void link_newest(struct rates *r, uint32_t i)
{
    r->buckets[i].newer = NONE;
    r->buckets[i].older = r->newest;
    *(r->newest != NONE ? &r->buckets[r->newest].newer : &r->oldest) = i;
    r->newest = i;
}

/* The oldest one leaves its chain and the ring. */
static uint32_t forget_oldest(struct rates *r)
{
    uint32_t i = r->oldest, *at = head_of(r, &r->buckets[i].key);

    while (*at != i) {
        at = &r->buckets[*at].chain;
    }
    *at = r->buckets[i].chain;
    unlink_use(r, i);
    return i;
}

/* The client's bucket, now the newest; made, and full, if it was not there. */
static struct bucket *find(struct rates *r, const struct rates_key *key, double now)
{
    uint32_t i = *head_of(r, key), *head;

    while (i != NONE && !rates_key_equal(&r->buckets[i].key, key)) {
        i = r->buckets[i].chain;
    }
    if (i != NONE) {
        unlink_use(r, i);
    } else {
        i = r->n < r->most ? r->n++ : forget_oldest(r);
        head = head_of(r, key);
        r->buckets[i] =
            (struct bucket){.key = *key, .level = r->burst, .seen = now, .chain = *head};
        *head = i;
    }
    link_newest(r, i);
    return &r->buckets[i];
}

double rates_take(struct rates *rates, const struct rates_key *key, double now)
{
    struct bucket *b;
    double wait = 0;

    CHK_OBJ(rates, RATES_MAGIC);
    PTOK(pthread_mutex_lock(&rates->lock));
    b = find(rates, key, now);
    if (now > b->seen) { /* threads may read the clock in one order and come here in another */
        b->level += (now - b->seen) * rates->rate;
        b->level = b->level < rates->burst ? b->level : rates->burst;
        b->seen = now;
    }
    if (b->level >= 1) {
        b->level -= 1;
    } else {
        wait = (1 - b->level) / rates->rate;
    }
    PTOK(pthread_mutex_unlock(&rates->lock));
    return wait;
}

void rates_free(struct rates **rates)
{
    struct rates *r = *rates;

    if (r == NULL) {
        return;
    }
    CHK_OBJ(r, RATES_MAGIC);
    *rates = NULL;
    PTOK(pthread_mutex_destroy(&r->lock));
    free(r->buckets);
    free(r->heads);
    r->magic = 0;
    free(r);
}
