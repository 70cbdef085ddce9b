/* The file of signing secrets; see webhook_secret.h.
 *
 * Any thread, and other processes beside it: who changes the file holds the folder's lock, and who
 * reads it finds the old file or the new one. Keys are wiped where they are not needed any more.
 */
#include "jobs/webhook_secret.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/private_file.h"

#define WHAT     "webhook secret"
#define PREFIX   "whsec_"
#define VARIANT  sodium_base64_VARIANT_ORIGINAL
#define NEW_LEN  32
#define MAX_FILE 1024

void webhook_secrets_wipe(struct webhook_secrets *secrets)
{
    sodium_memzero(secrets, sizeof *secrets);
}

/* ---- text ---- */

bool webhook_secret_parse(const char *text, size_t len, struct webhook_secret *out)
{
    const size_t prefix = sizeof PREFIX - 1;

    *out = (struct webhook_secret){.len = 0};
    return len > prefix && memcmp(text, PREFIX, prefix) == 0
           && sodium_base642bin(out->key, sizeof out->key, text + prefix, len - prefix, NULL,
                                &out->len, NULL, VARIANT)
                  == 0
           && out->len >= WEBHOOK_SECRET_LEAST;
}

void webhook_secret_text(const struct webhook_secret *secret, char out[WEBHOOK_SECRET_TEXT])
{
    const size_t prefix = sizeof PREFIX - 1;

    memcpy(out, PREFIX, prefix);
    (void)sodium_bin2base64(out + prefix, WEBHOOK_SECRET_TEXT - prefix, secret->key, secret->len,
                            VARIANT);
}

/* Lines of them; empty ones do not count. */
static int parse(const char *text, size_t len, struct webhook_secrets *out, struct err *err)
{
    const char *p = text, *end = text + len, *stop;

    out->n = 0;
    for (; p < end; p = stop + 1) {
        stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop != NULL ? stop : end;
        if (stop == p) {
            continue;
        }
        if (out->n == WEBHOOK_SECRETS
            || !webhook_secret_parse(p, (size_t)(stop - p), &out->of[out->n])) {
            webhook_secrets_wipe(out);
            return err_set(err, ERR_CORRUPT,
                           "the " WHAT " file must hold one or two lines of \"" PREFIX
                           "\" and the base64 of 24 to 64 bytes");
        }
        out->n++;
    }
    return out->n > 0 ? 0 : err_set(err, ERR_CORRUPT, "the " WHAT " file is empty");
}

/* ---- the file ---- */

/* 1: there is none. */
static int load(int folder, const char *name, struct webhook_secrets *out, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    int rc;

    if (private_file_read(folder, name, WHAT, MAX_FILE, &text, &len, NULL, err) != 0) {
        if (err->code != ERR_NOT_FOUND) {
            return -1;
        }
        err_fini(err);
        *err = (struct err)ERR_INIT;
        return 1;
    }
    rc = parse(text, len, out, err);
    sodium_memzero(text, len);
    free(text);
    return rc;
}

static int store(int folder, const char *name, const struct webhook_secrets *secrets,
                 struct err *err)
{
    char lines[WEBHOOK_SECRETS * WEBHOOK_SECRET_TEXT];
    size_t len = 0, i;
    int rc;

    for (i = 0; i < secrets->n; i++) {
        webhook_secret_text(&secrets->of[i], lines + len);
        len += strlen(lines + len);
        lines[len++] = '\n';
    }
    rc = private_file_replace(folder, name, WHAT, lines, len, err);
    sodium_memzero(lines, sizeof lines);
    return rc;
}

static void add_new(struct webhook_secrets *secrets)
{
    secrets->of[1] = secrets->of[0];
    secrets->n = secrets->n > 0 ? 2 : 1;
    secrets->of[0] = (struct webhook_secret){.len = NEW_LEN};
    randombytes_buf(secrets->of[0].key, NEW_LEN);
}

enum change { MAKE, ROTATE, RETIRE };

static int change_in(int folder, const char *name, enum change change, struct webhook_secrets *out,
                     struct err *err)
{
    int rc = load(folder, name, out, err);

    if (rc < 0) {
        return -1;
    }
    if (rc == 1) {
        *out = (struct webhook_secrets){.n = 0};
        add_new(out);
    } else if (change == ROTATE) {
        add_new(out);
    } else if (change == RETIRE && out->n > 1) {
        sodium_memzero(&out->of[1], sizeof out->of[1]);
        out->n = 1;
    } else {
        return 0; /* as it is meant to be */
    }
    return store(folder, name, out, err);
}

static int change_file(const char *path, enum change change, struct webhook_secrets *out,
                       struct err *err)
{
    char *dir;
    const char *name = private_file_split(path, &dir);
    int folder = -1, rc = private_file_lock(dir, WHAT, &folder, err);

    if (rc == 0) {
        rc = change_in(folder, name, change, out, err);
        file_folder_close(&folder); /* the lock goes with it */
    }
    free(dir);
    if (rc != 0) {
        webhook_secrets_wipe(out);
    }
    return rc;
}

int webhook_secrets_read(const char *path, struct webhook_secrets *out, struct err *err)
{
    char *dir;
    const char *name = private_file_split(path, &dir);
    int folder = -1, rc = file_folder_open(dir, WHAT, &folder, err);

    if (rc == 0) {
        rc = load(folder, name, out, err);
        file_folder_close(&folder);
    }
    free(dir);
    return rc == 1 ? change_file(path, MAKE, out, err) : rc;
}

int webhook_secrets_rotate(const char *path, struct webhook_secrets *out, struct err *err)
{
    return change_file(path, ROTATE, out, err);
}

int webhook_secrets_retire(const char *path, struct webhook_secrets *out, struct err *err)
{
    return change_file(path, RETIRE, out, err);
}
