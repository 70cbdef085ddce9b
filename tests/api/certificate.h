/* Certificates for tests, made when they are needed: P-256, self-signed, for 127.0.0.1. */
#ifndef MLPD_TESTS_API_CERTIFICATE_H
#define MLPD_TESTS_API_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Writes both as PEM, the key with mode 0600. `name` is its common name; `ends` when it expires.
 * False when GnuTLS or the disk did not do it. */
bool certificate_make(const char *cert_path, const char *key_path, const char *name, time_t ends);

#endif
