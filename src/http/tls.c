/* The server's certificate; see tls.h.
 *
 * An identity never changes once it is made. It is counted: one for being the present one, one for
 * each connection that took it. The bytes of the key's file are cleared as soon as they are read.
 */
#include "http/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define TLS_MAGIC   0x71500bb5u
#define MAX_FILE    (1u << 20)
#define MAX_CHAIN   16
#define KEY_ID_LEN  64
#define DAY_SECONDS 86400

struct tls_identity {
    gnutls_pcert_st chain[MAX_CHAIN]; /* the server's own first */
    unsigned n_chain;
    gnutls_privkey_t key;
    int64_t expires;
    size_t users; /* under the lock of struct tls */
};

struct tls {
    unsigned magic;
    char *cert_file, *key_file;
    pthread_mutex_t lock;
    struct tls_identity *now;
};

/* ---- files ---- */

static int check_owner(int fd, const char *path, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INVALID, "the key %.200s is not a regular file", path);
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return err_set(err, ERR_INVALID,
                       "the key %.200s may be used by its group or by others (mode %03o): "
                       "chmod 600 it",
                       path, (unsigned)(st.st_mode & 0777));
    }
    if (st.st_uid != geteuid() && st.st_uid != 0) {
        return err_set(err, ERR_INVALID, "the key %.200s belongs to another user (%u)", path,
                       (unsigned)st.st_uid);
    }
    return 0;
}

/* The file's bytes, with a NUL behind; the caller clears and frees. */
static int load(const char *path, const char *what, bool secret, gnutls_datum_t *out,
                struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us up */
    unsigned char *bytes;
    size_t n = 0;
    ssize_t got = 0;

    if (fd < 0) {
        return err_set(err, ERR_INVALID, "the %s %.200s cannot be read: %s", what, path,
                       strerror(errno));
    }
    if (secret && check_owner(fd, path, err) != 0) {
        (void)close(fd); /* only read */
        return -1;
    }
    bytes = xcalloc(1, MAX_FILE + 1);
    while (n < MAX_FILE && (got = read(fd, bytes + n, MAX_FILE - n)) > 0) {
        n += (size_t)got;
    }
    *out = (gnutls_datum_t){.data = bytes, .size = (unsigned)n};
    if (got < 0) {
        (void)err_set(err, ERR_INVALID, "the %s %.200s cannot be read: %s", what, path,
                      strerror(errno));
    } else if (n == 0 || n == MAX_FILE) {
        (void)err_set(err, ERR_INVALID, "the %s %.200s is %s", what, path,
                      n == 0 ? "empty" : "longer than 1 MiB");
    }
    (void)close(fd); /* only read */
    return got < 0 || n == 0 || n == MAX_FILE ? -1 : 0;
}

static void forget(gnutls_datum_t *bytes)
{
    if (bytes->data != NULL) {
        explicit_bzero(bytes->data, bytes->size);
        free(bytes->data);
    }
    *bytes = (gnutls_datum_t){.data = NULL};
}

/* ---- identities ---- */

static void identity_free(struct tls_identity *id)
{
    unsigned i;

    for (i = 0; i < id->n_chain; i++) {
        gnutls_pcert_deinit(&id->chain[i]);
    }
    if (id->key != NULL) {
        gnutls_privkey_deinit(id->key);
    }
    free(id);
}

/* Whether the key is that of the certificate. */
static bool belongs(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key)
{
    unsigned char of_cert[KEY_ID_LEN], of_key[KEY_ID_LEN];
    size_t n_cert = sizeof of_cert, n_key = sizeof of_key;

    return gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, of_cert, &n_cert) == 0 &&
           gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key, &n_key) == 0 &&
           n_cert == n_key && memcmp(of_cert, of_key, n_cert) == 0;
}

/* The chain, and when its first certificate counts. */
static int read_chain(const struct tls *tls, gnutls_x509_crt_t **certs, unsigned *n,
                      struct tls_identity *id, struct err *err)
{
    gnutls_datum_t bytes = {.data = NULL};
    int rc = load(tls->cert_file, "certificate", false, &bytes, err);

    if (rc == 0) {
        rc = gnutls_x509_crt_list_import2(certs, n, &bytes, GNUTLS_X509_FMT_PEM, 0);
        if (rc < 0 || *n > MAX_CHAIN) {
            rc = err_set(err, ERR_INVALID, "the certificate %.200s is no good: %s", tls->cert_file,
                         rc < 0 ? gnutls_strerror(rc) : "too many in the chain");
        }
        *n = *certs != NULL ? *n : 0;
    }
    forget(&bytes);
    if (rc < 0) {
        return -1;
    }
    id->n_chain = *n;
    rc = gnutls_pcert_import_x509_list(id->chain, *certs, &id->n_chain, GNUTLS_X509_CRT_LIST_SORT);
    if (rc < 0) {
        id->n_chain = 0;
        return err_set(err, ERR_INVALID, "the certificate %.200s is no good: %s", tls->cert_file,
                       gnutls_strerror(rc));
    }
    id->expires = (int64_t)gnutls_x509_crt_get_expiration_time((*certs)[0]);
    return 0;
}

static int read_key(const struct tls *tls, gnutls_x509_crt_t cert, struct tls_identity *id,
                    struct err *err)
{
    gnutls_datum_t bytes = {.data = NULL};
    gnutls_x509_privkey_t key = NULL;
    int rc;

    if (load(tls->key_file, "key", true, &bytes, err) != 0) {
        forget(&bytes);
        return -1;
    }
    rc = gnutls_x509_privkey_init(&key);
    if (rc == 0) {
        rc = gnutls_x509_privkey_import2(key, &bytes, GNUTLS_X509_FMT_PEM, NULL, 0);
    }
    forget(&bytes);
    if (rc < 0) {
        (void)err_set(err, ERR_INVALID, "the key %.200s is no good: %s", tls->key_file,
                      gnutls_strerror(rc));
    } else if (!belongs(cert, key)) {
        rc = err_set(err, ERR_INVALID, "the key %.200s is not that of the certificate %.200s",
                     tls->key_file, tls->cert_file);
    } else if (gnutls_privkey_init(&id->key) != 0 ||
               gnutls_privkey_import_x509(id->key, key, GNUTLS_PRIVKEY_IMPORT_COPY) != 0) {
        rc = err_set(err, ERR_INVALID, "the key %.200s cannot be used", tls->key_file);
    }
    if (key != NULL) {
        gnutls_x509_privkey_deinit(key);
    }
    return rc < 0 ? -1 : 0;
}

static int identity_read(const struct tls *tls, struct tls_identity **out, struct err *err)
{
    struct tls_identity *id = xcalloc(1, sizeof *id);
    gnutls_x509_crt_t *certs = NULL;
    unsigned n = 0, i;
    int rc = read_chain(tls, &certs, &n, id, err);

    if (rc == 0) {
        rc = read_key(tls, certs[0], id, err);
    }
    for (i = 0; i < n; i++) {
        gnutls_x509_crt_deinit(certs[i]);
    }
    gnutls_free(certs);
    if (rc != 0) {
        identity_free(id);
        return -1;
    }
    id->users = 1;
    *out = id;
    return 0;
}

static void warn_of_end(const struct tls_identity *id)
{
    int64_t left = id->expires - clock_now_ms() / 1000;
    char when[CLOCK_TEXT_LEN];

    clock_format(id->expires * 1000, when);
    if (left < 0) {
        log_warn("the certificate expired at %s", when);
    } else if (left < 14 * DAY_SECONDS) {
        log_warn("the certificate expires at %s", when);
    } else {
        log_info("the certificate is good until %s", when);
    }
}

/* ---- */

int tls_new(const char *cert_file, const char *key_file, struct tls **out, struct err *err)
{
    struct tls *tls = xcalloc(1, sizeof *tls);

    tls->magic = TLS_MAGIC;
    tls->cert_file = xstrdup(cert_file);
    tls->key_file = xstrdup(key_file);
    PTOK(pthread_mutex_init(&tls->lock, NULL));
    if (identity_read(tls, &tls->now, err) != 0) {
        tls_free(&tls);
        return -1;
    }
    warn_of_end(tls->now);
    *out = tls;
    return 0;
}

int tls_reload(struct tls *tls, struct err *err)
{
    struct tls_identity *id = NULL, *old;

    CHK_OBJ(tls, TLS_MAGIC);
    if (identity_read(tls, &id, err) != 0) {
        return -1;
    }
    warn_of_end(id);
    PTOK(pthread_mutex_lock(&tls->lock));
    old = tls->now;
    tls->now = id;
    PTOK(pthread_mutex_unlock(&tls->lock));
    tls_drop(tls, old);
    return 0;
}

int64_t tls_expires(struct tls *tls)
{
    int64_t expires;

    CHK_OBJ(tls, TLS_MAGIC);
    PTOK(pthread_mutex_lock(&tls->lock));
    expires = tls->now->expires;
    PTOK(pthread_mutex_unlock(&tls->lock));
    return expires;
}

void tls_free(struct tls **tls)
{
    struct tls *t = *tls;

    if (t == NULL) {
        return;
    }
    CHK_OBJ(t, TLS_MAGIC);
    *tls = NULL;
    if (t->now != NULL) {
        CHK(t->now->users == 1);
        identity_free(t->now);
    }
    PTOK(pthread_mutex_destroy(&t->lock));
    free(t->cert_file);
    free(t->key_file);
    t->magic = 0;
    free(t);
}

struct tls_identity *tls_take(struct tls *tls, gnutls_session_t session)
{
    struct tls_identity *id;

    CHK_OBJ(tls, TLS_MAGIC);
    PTOK(pthread_mutex_lock(&tls->lock));
    id = tls->now;
    id->users++;
    PTOK(pthread_mutex_unlock(&tls->lock));
    gnutls_session_set_ptr(session, id);
    return id;
}

void tls_drop(struct tls *tls, struct tls_identity *identity)
{
    size_t left;

    CHK_OBJ(tls, TLS_MAGIC);
    PTOK(pthread_mutex_lock(&tls->lock));
    left = --identity->users;
    PTOK(pthread_mutex_unlock(&tls->lock));
    if (left == 0) {
        identity_free(identity);
    }
}

int tls_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                 gnutls_pcert_st **certs, unsigned *n_certs, gnutls_ocsp_data_st **ocsp,
                 unsigned *n_ocsp, gnutls_privkey_t *key, unsigned *flags)
{
    struct tls_identity *id = gnutls_session_get_ptr(session);

    (void)info;
    if (id == NULL) {
        return -1;
    }
    *certs = id->chain;
    *n_certs = id->n_chain;
    *ocsp = NULL;
    *n_ocsp = 0;
    *key = id->key;
    *flags = 0; /* all of it stays ours */
    return 0;
}
