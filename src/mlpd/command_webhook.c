/* mlpd webhook-secret: what receivers of webhooks check signatures with.
 *
 * It changes STATE/webhook-secret and nothing else, with a daemon or without one; a daemon reads
 * that file for each message. The newest secret goes to stdout, alone; every other word to stderr.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "jobs/webhook_secret.h"
#include "mlpd/command.h"
#include "mlpd/open.h"
#include "mlpd/state.h"

static const struct verb {
    const char *name;
    int (*run)(const char *path, struct webhook_secrets *out, struct err *err);
} verbs[] = {{"show", webhook_secrets_read},
             {"rotate", webhook_secrets_rotate},
             {"retire", webhook_secrets_retire}};

static int show(const struct webhook_secrets *secrets, struct err *err)
{
    char text[WEBHOOK_SECRET_TEXT];
    bool shown;

    webhook_secret_text(&secrets->of[0], text);
    shown = printf("%s\n", text) > 0 && fflush(stdout) == 0;
    sodium_memzero(text, sizeof text);
    (void)fprintf(stderr, "mlpd: messages carry %s\n",
                  secrets->n > 1 ? "its signature and that of the secret before it, until mlpd "
                                   "webhook-secret retire"
                                 : "its signature alone");
    return shown ? 0 : err_set(err, ERR_IO, "the secret could not be printed");
}

int command_webhook_secret(const struct options_line *line, struct err *err)
{
    struct webhook_secrets secrets;
    char *path;
    size_t i = 0;
    int rc;

    while (i < ARRAY_LEN(verbs) && strcmp(verbs[i].name, line->word) != 0) {
        i++;
    }
    if (i == ARRAY_LEN(verbs)) {
        return err_set(err, ERR_INVALID, "it takes show, rotate or retire, not \"%.40s\"",
                       line->word);
    }
    path = open_path(line->options.state, "webhook-secret");
    rc = state_make(line->options.state, err);
    if (rc == 0) {
        rc = verbs[i].run(path, &secrets, err);
    }
    if (rc == 0) {
        rc = show(&secrets, err);
        webhook_secrets_wipe(&secrets);
    }
    free(path);
    return rc;
}
