/* Whom a new job tells; see submit_notify.h. Any thread; no name is looked up here. */
#include "jobs/submit_notify.h"

#include <stdlib.h>

#include "base/hash.h"
#include "jobs/webhook_message.h"

int submit_notify_check(const struct outgoing *outgoing, const struct job_notify *notify,
                        struct err *err)
{
    struct err why = ERR_INIT;
    int rc = 0;

    if (notify == NULL || notify->url == NULL) {
        return 0;
    }
    if (outgoing == NULL) {
        return err_add(err, "/notify/url", "this daemon sends no messages");
    }
    if (outgoing_check_url(outgoing, notify->url, &why) != 0) {
        rc = why.code == ERR_INVALID ? err_add(err, "/notify/url", "%s", why.detail)
                                     : err_set(err, why.code, "%s", why.detail);
    }
    err_fini(&why);
    return rc;
}

const struct store_notify *submit_notify_init(struct submit_notify *out,
                                              const struct job_notify *notify)
{
    *out = (struct submit_notify){.receiver = NULL};
    if (notify == NULL || notify->url == NULL) {
        return NULL;
    }
    hash_random_hex((sizeof out->key - 1) / 2, out->key);
    out->receiver = webhook_message_receiver(notify->url);
    out->row = (struct store_notify){.url = notify->url,
                                     .receiver = out->receiver,
                                     .key = out->key,
                                     .events = notify->events};
    return &out->row;
}

void submit_notify_fini(struct submit_notify *notify)
{
    free(notify->receiver);
    notify->receiver = NULL;
}
