/* The server's certificate: read from files, checked, given to handshakes, replaced while running.
 *
 * GnuTLS asks for the certificate in each handshake (tls_retrieve), so a new one counts from the
 * next connection on. A connection holds the identity it began with until it ends. Locked inside.
 */
#ifndef MLPD_HTTP_TLS_H
#define MLPD_HTTP_TLS_H

#include <gnutls/abstract.h>

#include "base/base.h"
#include "base/err.h"

/* TLS 1.2 and 1.3, GnuTLS's usual choice of the rest. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct tls;
struct tls_identity; /* a certificate with its chain and key */

/* Both files are PEM. The key must be a regular file that only its owner (we, or root) may read;
 * certificate and key must belong together. An expired certificate is taken with a warning. */
int tls_new(const char *cert_file, const char *key_file, struct tls **out,
            struct err *err) MUST_CHECK;
/* The same files again; what was there before stays when they are no good. */
int tls_reload(struct tls *tls, struct err *err) MUST_CHECK;
/* When the certificate ends: seconds since 1970. */
int64_t tls_expires(struct tls *tls);
void tls_free(struct tls **tls);

/* The identity of a connection that begins; tls_drop when it has ended. */
struct tls_identity *tls_take(struct tls *tls, gnutls_session_t session);
void tls_drop(struct tls *tls, struct tls_identity *identity);

/* For the library: gives the identity that the session took. */
gnutls_certificate_retrieve_function3 tls_retrieve;

#endif
