/* Webhooks: jobs tell other servers of their states.
 *
 * What is to be told stands in the store, where it came with the state itself (store.h,
 * deliveries); here are the threads that send it, through net/outgoing, signed, until the receiver
 * says 2xx or it is given up (webhook_message.h). Receivers may see a message twice, with the same
 * id: when the daemon was killed, or stopped, before it could note an answer. Messages of one
 * receiver go one after the other in the order of their times, but for those that are sent again.
 *
 * A receiver has one sender at a time, so one that is slow holds up its own messages alone, unless
 * so many of them are slow at once as there are senders; each send ends after 20 seconds. The
 * senders start with the first message.
 */
#ifndef MLPD_JOBS_WEBHOOK_H
#define MLPD_JOBS_WEBHOOK_H

#include "net/outgoing.h"
#include "store/store.h"

#define WEBHOOK_SENDERS 4
#define WEBHOOK_SECONDS 20.0 /* for a receiver to answer */

struct webhooks;

struct webhook_options {
    struct store *store;             /* outlives it, like the next */
    const struct outgoing *outgoing;
    const char *secret_path;         /* webhook_secret.h */
    double send_seconds;             /* of one send; 0: WEBHOOK_SECONDS */
    double pace;                     /* for tests: waits are so many times as long; 0: 1 */
};

/* What waits in the store goes out. */
struct webhooks *webhooks_start(const struct webhook_options *options);
/* Ends sends in progress within a second or so, as if they had not begun; joins the senders. */
void webhooks_stop(struct webhooks *w);
/* After the store was closed, which may wake it until then. */
void webhooks_free(struct webhooks **w);

#endif
