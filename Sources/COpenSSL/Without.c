// Without the trait TLS: nothing can be made, and whoever tries is told why. What needs a thing that was made is never called.
#ifndef SILT_TLS
#include "COpenSSL.h"
#include <stdio.h>

static const char reason[] = "this program was built without TLS (the package trait TLS)";

static silt_tls_context *refuse(char *error, int error_size) {
    if (error_size > 0) snprintf(error, (size_t)error_size, "%s", reason);
    return NULL;
}

int silt_tls_is_built(void) { return 0; }

silt_tls_context *silt_tls_server_context(const uint8_t *chain, size_t chain_count, const uint8_t *key, size_t key_count,
                                          const uint8_t *ca, size_t ca_count, char *error, int error_size) {
    (void)chain, (void)chain_count, (void)key, (void)key_count, (void)ca, (void)ca_count;
    return refuse(error, error_size);
}

silt_tls_context *silt_tls_client_context(const uint8_t *ca, size_t ca_count, const uint8_t *chain, size_t chain_count,
                                          const uint8_t *key, size_t key_count, char *error, int error_size) {
    (void)chain, (void)chain_count, (void)key, (void)key_count, (void)ca, (void)ca_count;
    return refuse(error, error_size);
}

void silt_tls_context_free(silt_tls_context *context) { (void)context; }

silt_tls *silt_tls_new(silt_tls_context *context, const char *host) {
    (void)context, (void)host;
    return NULL;
}

void silt_tls_free(silt_tls *tls) { (void)tls; }

int silt_tls_receive(silt_tls *tls, const uint8_t *bytes, size_t count) {
    (void)tls, (void)bytes, (void)count;
    return SILT_TLS_FAILED;
}

size_t silt_tls_waiting(silt_tls *tls) {
    (void)tls;
    return 0;
}

size_t silt_tls_take(silt_tls *tls, uint8_t *bytes, size_t capacity) {
    (void)tls, (void)bytes, (void)capacity;
    return 0;
}

int silt_tls_handshake(silt_tls *tls) {
    (void)tls;
    return SILT_TLS_FAILED;
}

long silt_tls_read(silt_tls *tls, uint8_t *bytes, size_t capacity) {
    (void)tls, (void)bytes, (void)capacity;
    return SILT_TLS_FAILED;
}

int silt_tls_write(silt_tls *tls, const uint8_t *bytes, size_t count) {
    (void)tls, (void)bytes, (void)count;
    return SILT_TLS_FAILED;
}

void silt_tls_end(silt_tls *tls) { (void)tls; }

size_t silt_tls_peer_name(silt_tls *tls, uint8_t *name, size_t capacity) {
    (void)tls, (void)name, (void)capacity;
    return 0;
}

const char *silt_tls_error(const silt_tls *tls) {
    (void)tls;
    return reason;
}

silt_public_key *silt_public_key_from_pem(const uint8_t *text, size_t count, size_t *used) {
    (void)text, (void)count;
    *used = 0;
    return NULL;
}

silt_public_key *silt_public_key_rsa(const uint8_t *modulus, size_t modulus_count, const uint8_t *exponent,
                                     size_t exponent_count) {
    (void)modulus, (void)modulus_count, (void)exponent, (void)exponent_count;
    return NULL;
}

silt_public_key *silt_public_key_p256(const uint8_t *x, const uint8_t *y) {
    (void)x, (void)y;
    return NULL;
}

void silt_public_key_free(silt_public_key *key) { (void)key; }

int silt_public_key_kind(const silt_public_key *key) {
    (void)key;
    return 0;
}

int silt_public_key_verify(const silt_public_key *key, const uint8_t *message, size_t message_count, const uint8_t *signature,
                           size_t signature_count) {
    (void)key, (void)message, (void)message_count, (void)signature, (void)signature_count;
    return 0;
}
#endif
