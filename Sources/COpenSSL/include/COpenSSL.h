// What Siltstone needs of OpenSSL, in terms of plain buffers and numbers: TLS over memory, and signatures.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Whether there is an OpenSSL behind this: the trait TLS. Otherwise no context and no key can be made.
int silt_tls_is_built(void);

typedef struct silt_tls_context silt_tls_context;
typedef struct silt_tls silt_tls;

/// How a step of a connection ended, where it is not a count of bytes.
enum {
    SILT_TLS_MORE = 0,   // nothing happens until the other side sends more
    SILT_TLS_ENDED = -1, // the other side said that it ends
    SILT_TLS_FAILED = -2 // see `silt_tls_error`
};

/// What a server needs for its connections: certificates and key in PEM. With the certificates of authorities (`ca`) it asks clients
/// for a certificate of theirs. NULL with a text in `error` when something is wrong with them.
silt_tls_context *silt_tls_server_context(const uint8_t *chain, size_t chain_count, const uint8_t *key, size_t key_count,
                                          const uint8_t *ca, size_t ca_count, char *error, int error_size);
/// What a client needs: the authorities that it believes (none: those of the system), and its own certificates and key, if it has some.
silt_tls_context *silt_tls_client_context(const uint8_t *ca, size_t ca_count, const uint8_t *chain, size_t chain_count,
                                          const uint8_t *key, size_t key_count, char *error, int error_size);
void silt_tls_context_free(silt_tls_context *context);

/// A connection; for a client `host` is the name or address that the other side's certificate must be for. NULL when memory is short.
silt_tls *silt_tls_new(silt_tls_context *context, const char *host);
void silt_tls_free(silt_tls *tls);

/// Takes bytes that came; 0, or `SILT_TLS_FAILED` when memory is short.
int silt_tls_receive(silt_tls *tls, const uint8_t *bytes, size_t count);
/// How many bytes are to be sent.
size_t silt_tls_waiting(silt_tls *tls);
/// Takes bytes that are to be sent; their number.
size_t silt_tls_take(silt_tls *tls, uint8_t *bytes, size_t capacity);

/// Goes on with the handshake: 1 once it is done, or one of the above.
int silt_tls_handshake(silt_tls *tls);
/// Reads what the other side wrote: the number of bytes, or one of the above.
long silt_tls_read(silt_tls *tls, uint8_t *bytes, size_t capacity);
/// Writes all of it, after the handshake; 0, or `SILT_TLS_FAILED`.
int silt_tls_write(silt_tls *tls, const uint8_t *bytes, size_t count);
/// Tells the other side that nothing more comes.
void silt_tls_end(silt_tls *tls);

/// The common name of the other side's certificate, in UTF-8; its number of bytes, 0 when there is none that fits.
size_t silt_tls_peer_name(silt_tls *tls, uint8_t *name, size_t capacity);
/// Why the last step failed.
const char *silt_tls_error(const silt_tls *tls);

typedef struct silt_public_key silt_public_key;

/// What kind of key: RSA of at least 2,048 bits for RS256, P-256 for ES256.
enum { SILT_KEY_RS256 = 1, SILT_KEY_ES256 = 2 };

/// The first public key or certificate in a text of PEM; NULL when there is none that can be used. `used` says how far it was read.
silt_public_key *silt_public_key_from_pem(const uint8_t *text, size_t count, size_t *used);
/// A key of RSA by its numbers, big end first; NULL when it cannot be used.
silt_public_key *silt_public_key_rsa(const uint8_t *modulus, size_t modulus_count, const uint8_t *exponent, size_t exponent_count);
/// A key of the curve P-256 by its point, 32 bytes each; NULL when there is no such point.
silt_public_key *silt_public_key_p256(const uint8_t *x, const uint8_t *y);
void silt_public_key_free(silt_public_key *key);
int silt_public_key_kind(const silt_public_key *key);
/// Whether a signature, in the form of JSON Web Signatures (RFC 7518), is the key's; any thread may ask.
int silt_public_key_verify(const silt_public_key *key, const uint8_t *message, size_t message_count, const uint8_t *signature,
                           size_t signature_count);
