/* "notify" of a job: whom it tells of its states, and of which.
 *
 * The URL's form and where it leads are judged by the rules of outgoing.h when the job is
 * submitted, and again, by address, whenever something is sent. Here: that it is there, and what
 * the words for states come to. Any thread; no state.
 */
#include <string.h>

#include "base/mem.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"
#include "store/store.h"

_Static_assert(NOTIFY_RUNNING == 1 << 0 && NOTIFY_PAUSED == 1 << 1 && NOTIFY_SUCCEEDED == 1 << 2
                   && NOTIFY_FAILED == 1 << 3 && NOTIFY_CANCELLED == 1 << 4,
               "the bits are the places in config_events");

void config_notify_check(const struct config_value *values, struct err *err)
{
    const json_t *events = values[KEY_NOTIFY_EVENTS].json;

    if (values[KEY_NOTIFY].json != NULL && !values[KEY_NOTIFY_URL].given) {
        config_refuse_key(err, KEY_NOTIFY_URL, "is required: where the messages are posted to");
    }
    if (events != NULL && json_array_size(events) == 0) {
        config_refuse_key(err, KEY_NOTIFY_EVENTS,
                          "must name a state at least; leave it out for succeeded, failed and "
                          "cancelled");
    }
}

static unsigned event_bit(const char *name)
{
    const char *const *names = config_events();
    unsigned i = 0;

    while (names[i] != NULL && strcmp(names[i], name) != 0) {
        i++;
    }
    CHK(names[i] != NULL); /* the reader knows them */
    return 1u << i;
}

static struct job_notify notify_of(const struct config_value *values)
{
    const char *url = json_string_value(values[KEY_NOTIFY_URL].json);
    const json_t *events = values[KEY_NOTIFY_EVENTS].json;
    struct job_notify notify = {.events = events == NULL ? NOTIFY_ENDS : 0};
    size_t i;

    if (url == NULL) {
        return (struct job_notify){.url = NULL};
    }
    notify.url = xstrdup(url);
    for (i = 0; i < json_array_size(events); i++) {
        notify.events |= event_bit(json_string_value(json_array_get(events, i)));
    }
    return notify;
}

struct job_notify config_notify(const struct config *config)
{
    return notify_of(config->values);
}

int config_notify_read(const json_t *json, struct job_notify *out, struct err *err)
{
    struct config_value values[KEY_COUNT] = {{.given = false}};
    struct buf pointer = BUF_INIT;

    json_util_pointer(&pointer, "notify");
    config_read_value(json, KEY_NOTIFY, &pointer, &values[KEY_NOTIFY], err);
    if (values[KEY_NOTIFY].json != NULL) {
        config_read_object(json, "notify", &pointer, values, err);
        config_notify_check(values, err);
    }
    buf_fini(&pointer);
    if (err_is(err)) {
        return -1;
    }
    *out = notify_of(values);
    return 0;
}

void config_print_notify(struct buf *b, const struct job_notify *notify)
{
    const char *const *names = config_events(), *separator = "";
    unsigned i;

    if (notify->url == NULL) {
        buf_puts(b, "null");
        return;
    }
    buf_puts(b, "{\"url\":");
    json_util_text(b, notify->url);
    buf_puts(b, ",\"events\":[");
    for (i = 0; names[i] != NULL; i++) {
        if ((notify->events & 1u << i) != 0) {
            buf_printf(b, "%s\"%s\"", separator, names[i]);
            separator = ",";
        }
    }
    buf_puts(b, "]}");
}
