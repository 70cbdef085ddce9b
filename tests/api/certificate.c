/* Certificates for tests; see certificate.h. */
#include "certificate.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static bool write_file(const char *path, const gnutls_datum_t *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, bytes->data, bytes->size) == (ssize_t)bytes->size;

    return fd >= 0 && close(fd) == 0 && good;
}

static bool fill(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key, const char *name, time_t ends)
{
    struct in_addr here = {.s_addr = htonl(INADDR_LOOPBACK)};
    const unsigned char serial = 1;

    return gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0 &&
           gnutls_x509_crt_set_version(cert, 3) == 0 &&
           gnutls_x509_crt_set_serial(cert, &serial, 1) == 0 &&
           gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                         (unsigned)strlen(name)) == 0 &&
           gnutls_x509_crt_set_activation_time(cert, time(NULL) - 86400) == 0 &&
           gnutls_x509_crt_set_expiration_time(cert, ends) == 0 &&
           gnutls_x509_crt_set_basic_constraints(cert, 1, -1) == 0 &&
           gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, &here, sizeof here,
                                                GNUTLS_FSAN_SET) == 0 &&
           gnutls_x509_crt_set_key(cert, key) == 0 &&
           gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0) == 0;
}

bool certificate_make(const char *cert_path, const char *key_path, const char *name, time_t ends)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t cert = NULL;
    gnutls_datum_t cert_pem = {NULL, 0}, key_pem = {NULL, 0};
    bool good = gnutls_x509_privkey_init(&key) == 0 && gnutls_x509_crt_init(&cert) == 0 &&
                fill(cert, key, name, ends) &&
                gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &cert_pem) == 0 &&
                gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem) == 0 &&
                write_file(cert_path, &cert_pem) && write_file(key_path, &key_pem);

    gnutls_free(cert_pem.data);
    gnutls_free(key_pem.data);
    if (cert != NULL) {
        gnutls_x509_crt_deinit(cert);
    }
    if (key != NULL) {
        gnutls_x509_privkey_deinit(key);
    }
    return good;
}
