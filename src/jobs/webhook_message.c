/* The words of webhooks; see webhook_message.h. */
#include "jobs/webhook_message.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "jobs/json_util.h"

#define MINUTE      60.0
#define HOUR        3600.0
#define JITTER      0.1  /* of a wait, at most, is added to it */
#define LONGEST_H   24 /* hours that a receiver may ask for */
#define LONGEST     (LONGEST_H * HOUR)
#define GONE        410
#define TOO_MANY    429
#define UNAVAILABLE 503

/* Before the second send, the third, ...: the first is at once. */
static const double waits[WEBHOOK_SENDS - 1] = {
    5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR};

_Static_assert(LONGEST_H * 3600000LL * 11 / 10 < STORE_DELIVERY_MOST_MS,
               "no wait looks like a clock that was set back");

/* ---- what it says ---- */

static void put_text(struct buf *b, const char *key, const char *text)
{
    buf_printf(b, ",\"%s\":", key);
    if (text != NULL) {
        json_util_text(b, text);
    } else {
        buf_puts(b, "null");
    }
}

static void put_time(struct buf *b, const char *key, int64_t at)
{
    char text[CLOCK_TEXT_LEN];

    clock_format(at, text);
    put_text(b, key, text);
}

char *webhook_message_body(const struct store_delivery *d)
{
    struct buf b = BUF_INIT;

    buf_printf(&b, "{\"type\":\"job.%s\"", job_state_name(d->event));
    put_time(&b, "timestamp", d->at);
    buf_printf(&b, ",\"data\":{\"id\":%" PRId64, d->job_id);
    put_text(&b, "kind", d->kind);
    put_text(&b, "name", d->name);
    buf_printf(&b, ",\"model_id\":%" PRId64, d->model_id);
    put_text(&b, "state", job_state_name(d->event));
    buf_printf(&b, ",\"attempt\":%" PRId64, d->attempt);
    put_time(&b, "created_at", d->created_at);
    put_text(&b, "error_code", d->event == JOB_FAILED ? d->error_code : NULL);
    buf_puts(&b, "}}");
    return buf_take(&b);
}

/* ---- how it is signed ---- */

static size_t sign_one(const struct webhook_secret *secret, const char *head, const char *body,
                       size_t len, char *out, size_t size)
{
    crypto_auth_hmacsha256_state state;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];

    (void)crypto_auth_hmacsha256_init(&state, secret->key, secret->len); /* these always work */
    (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)head, strlen(head));
    (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, len);
    (void)crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof state);
    memcpy(out, "v1,", 3);
    (void)sodium_bin2base64(out + 3, size - 3, mac, sizeof mac, sodium_base64_VARIANT_ORIGINAL);
    return strlen(out);
}

void webhook_message_sign(const struct webhook_secrets *secrets, const char *id, int64_t seconds,
                          const char *body, size_t len, char out[WEBHOOK_SIGNATURE_LEN])
{
    char *head = xasprintf("%s.%" PRId64 ".", id, seconds);
    size_t used = 0, i;

    for (i = 0; i < secrets->n; i++) {
        if (i > 0) {
            out[used++] = ' ';
        }
        used += sign_one(&secrets->of[i], head, body, len, out + used,
                         WEBHOOK_SIGNATURE_LEN - used);
    }
    free(head);
}

/* ---- where it goes ---- */

char *webhook_message_receiver(const char *url)
{
    const char *host = strstr(url, "://");
    size_t scheme = host != NULL ? (size_t)(host - url) + 3 : 0, i;
    char *receiver = xstrndup(url, scheme + strcspn(url + scheme, "/?#"));

    for (i = 0; receiver[i] != '\0'; i++) {
        receiver[i] = (char)tolower((unsigned char)receiver[i]);
    }
    return receiver;
}

/* ---- what the answer means ---- */

/* Not this time. `at_least`: what the receiver asks for, or NaN. */
static struct webhook_verdict failed(int64_t step, const char *why, double at_least, double chance)
{
    struct webhook_verdict v = {.state = DELIVERY_IS_GIVEN_UP};

    CHK(step >= 0);
    (void)snprintf(v.why, sizeof v.why, "%s", why); /* cut, if it is long */
    if (step < WEBHOOK_SENDS - 1) {
        double wait = waits[step];

        if (!isnan(at_least)) {
            wait = fmax(wait, fmin(at_least, LONGEST));
        }
        v.state = DELIVERY_IS_PENDING;
        v.wait_seconds = wait * (1 + JITTER * chance);
    }
    return v;
}

struct webhook_verdict webhook_message_unanswered(int64_t step, const char *why, double chance)
{
    return failed(step, why, NAN, chance);
}

struct webhook_verdict webhook_message_judge(int64_t step, long status, double retry_after,
                                             double chance)
{
    bool may_ask = status == TOO_MANY || status == UNAVAILABLE;
    char why[80];

    if (status / 100 == 2) {
        return (struct webhook_verdict){.state = DELIVERY_IS_DELIVERED};
    }
    (void)snprintf(why, sizeof why, "the receiver answered %ld%s", status,
                   status / 100 == 3 ? "; redirects are not followed" : "");
    if (status == GONE) {
        struct webhook_verdict v = {.state = DELIVERY_IS_GIVEN_UP, .gone = true};

        (void)snprintf(v.why, sizeof v.why, "%s: it wants no more of this job", why);
        return v;
    }
    return failed(step, why, may_ask ? retry_after : NAN, chance);
}
