// With the trait TLS; Without.c is in its place otherwise.
#ifdef SILT_TLS
#include "COpenSSL.h"

#if __has_include(<openssl/ssl.h>)
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#else
#error "Siltstone's server needs the headers of OpenSSL 3: run 'apt-get install libssl-dev' (or 'make deps') and build again, or without TLS: swift build --disable-default-traits"
#endif
#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct silt_tls_context {
    SSL_CTX *handle;
    int is_server;
};

struct silt_tls {
    SSL *handle;
    BIO *input;
    BIO *output;
    char error[192];
};

// The first error that OpenSSL noted, in words; it forgets all of them.
static void explain(char *text, int size, const char *otherwise) {
    if (size <= 0) return;
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    snprintf(text, (size_t)size, "%s", reason ? reason : otherwise);
    ERR_clear_error();
}

static BIO *memory(const uint8_t *bytes, size_t count) {
    return count > INT_MAX ? NULL : BIO_new_mem_buf(bytes, (int)count);
}

// A key that asks for a password has none: nobody is there to ask.
static int no_password(char *buffer, int size, int is_writing, void *opaque) {
    (void)buffer, (void)size, (void)is_writing, (void)opaque;
    return -1;
}

// Puts a server's or client's own certificates and key in.
static int use_identity(SSL_CTX *handle, const uint8_t *chain, size_t chain_count, const uint8_t *key, size_t key_count, char *error,
                        int error_size) {
    BIO *bio = memory(chain, chain_count);
    X509 *first = bio ? PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL) : NULL;
    if (!first || SSL_CTX_use_certificate(handle, first) != 1) {
        explain(error, error_size, "the certificate cannot be read");
        X509_free(first);
        BIO_free(bio);
        return -1;
    }
    X509_free(first);
    for (X509 *next; (next = PEM_read_bio_X509(bio, NULL, no_password, NULL));) {
        if (SSL_CTX_add0_chain_cert(handle, next) != 1) {
            explain(error, error_size, "the certificate chain cannot be read");
            X509_free(next);
            BIO_free(bio);
            return -1;
        }
    }
    // That nothing more can be read says that the end was reached.
    ERR_clear_error();
    BIO_free(bio);
    bio = memory(key, key_count);
    EVP_PKEY *own = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    BIO_free(bio);
    if (!own) {
        explain(error, error_size, "the key cannot be read");
        return -1;
    }
    int is_right = SSL_CTX_use_PrivateKey(handle, own) == 1 && SSL_CTX_check_private_key(handle) == 1;
    EVP_PKEY_free(own);
    if (!is_right) explain(error, error_size, "the key is not the certificate's");
    return is_right ? 0 : -1;
}

// Believes authorities; for a server, also tells clients which they are.
static int use_authorities(SSL_CTX *handle, const uint8_t *ca, size_t ca_count, int tells, char *error, int error_size) {
    BIO *bio = memory(ca, ca_count);
    X509_STORE *store = SSL_CTX_get_cert_store(handle);
    int found = 0;
    for (X509 *next; bio && (next = PEM_read_bio_X509(bio, NULL, no_password, NULL));) {
        int is_added = X509_STORE_add_cert(store, next) == 1 && (!tells || SSL_CTX_add_client_CA(handle, next) == 1);
        X509_free(next);
        if (!is_added) {
            found = 0;
            break;
        }
        found++;
    }
    BIO_free(bio);
    if (found == 0) explain(error, error_size, "there is no certificate of an authority");
    ERR_clear_error();
    return found > 0 ? 0 : -1;
}

static SSL_CTX *new_handle(const SSL_METHOD *method) {
    SSL_CTX *handle = SSL_CTX_new(method);
    if (!handle) return NULL;
    SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
    SSL_CTX_set_options(handle, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // Connections without traffic hold no buffers.
    SSL_CTX_set_mode(handle, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_OFF);
    return handle;
}

static silt_tls_context *new_context(SSL_CTX *handle, int is_server) {
    silt_tls_context *context = handle ? calloc(1, sizeof *context) : NULL;
    if (!context) {
        SSL_CTX_free(handle);
        return NULL;
    }
    context->handle = handle;
    context->is_server = is_server;
    return context;
}

// HTTP/1.1 is all there is; who offers other protocols only finds out by its answers.
static int choose_protocol(SSL *handle, const unsigned char **chosen, unsigned char *chosen_count, const unsigned char *offered,
                           unsigned int offered_count, void *opaque) {
    (void)handle, (void)opaque;
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *found = NULL;
    if (SSL_select_next_proto(&found, chosen_count, ours, sizeof ours - 1, offered, offered_count) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

silt_tls_context *silt_tls_server_context(const uint8_t *chain, size_t chain_count, const uint8_t *key, size_t key_count,
                                          const uint8_t *ca, size_t ca_count, char *error, int error_size) {
    ERR_clear_error();
    SSL_CTX *handle = new_handle(TLS_server_method());
    if (!handle) {
        explain(error, error_size, "no memory");
        return NULL;
    }
    SSL_CTX_set_alpn_select_cb(handle, choose_protocol, NULL);
    if (use_identity(handle, chain, chain_count, key, key_count, error, error_size) != 0 ||
        (ca_count > 0 && use_authorities(handle, ca, ca_count, 1, error, error_size) != 0)) {
        SSL_CTX_free(handle);
        return NULL;
    }
    if (ca_count > 0) {
        SSL_CTX_set_verify(handle, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        // Each connection shows its certificate anew: one that has expired meanwhile does not count.
        SSL_CTX_set_options(handle, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(handle, 0);
    }
    return new_context(handle, 1);
}

silt_tls_context *silt_tls_client_context(const uint8_t *ca, size_t ca_count, const uint8_t *chain, size_t chain_count,
                                          const uint8_t *key, size_t key_count, char *error, int error_size) {
    ERR_clear_error();
    SSL_CTX *handle = new_handle(TLS_client_method());
    if (!handle) {
        explain(error, error_size, "no memory");
        return NULL;
    }
    SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, NULL);
    int is_right = ca_count > 0 ? use_authorities(handle, ca, ca_count, 0, error, error_size) == 0
                                : SSL_CTX_set_default_verify_paths(handle) == 1;
    if (is_right && chain_count > 0)
        is_right = use_identity(handle, chain, chain_count, key, key_count, error, error_size) == 0;
    if (!is_right) {
        SSL_CTX_free(handle);
        return NULL;
    }
    return new_context(handle, 0);
}

void silt_tls_context_free(silt_tls_context *context) {
    if (!context) return;
    SSL_CTX_free(context->handle);
    free(context);
}

// Whether a host is written as an address.
static int is_address(const char *host) {
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

silt_tls *silt_tls_new(silt_tls_context *context, const char *host) {
    silt_tls *tls = calloc(1, sizeof *tls);
    if (!tls) return NULL;
    tls->handle = SSL_new(context->handle);
    BIO *input = BIO_new(BIO_s_mem());
    BIO *output = BIO_new(BIO_s_mem());
    if (!tls->handle || !input || !output) {
        BIO_free(input);
        BIO_free(output);
        silt_tls_free(tls);
        return NULL;
    }
    SSL_set_bio(tls->handle, input, output);
    tls->input = input;
    tls->output = output;
    if (context->is_server) {
        SSL_set_accept_state(tls->handle);
        return tls;
    }
    SSL_set_connect_state(tls->handle);
    int is_set = !host                ? 1
                 : is_address(host)   ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->handle), host)
                                      : SSL_set1_host(tls->handle, host) && SSL_set_tlsext_host_name(tls->handle, host);
    if (is_set != 1) {
        silt_tls_free(tls);
        return NULL;
    }
    return tls;
}

void silt_tls_free(silt_tls *tls) {
    if (!tls) return;
    SSL_free(tls->handle);
    free(tls);
}

int silt_tls_receive(silt_tls *tls, const uint8_t *bytes, size_t count) {
    while (count > 0) {
        int part = count > INT_MAX ? INT_MAX : (int)count;
        if (BIO_write(tls->input, bytes, part) != part) {
            explain(tls->error, sizeof tls->error, "no memory");
            return SILT_TLS_FAILED;
        }
        bytes += part;
        count -= (size_t)part;
    }
    return 0;
}

size_t silt_tls_waiting(silt_tls *tls) { return BIO_ctrl_pending(tls->output); }

size_t silt_tls_take(silt_tls *tls, uint8_t *bytes, size_t capacity) {
    int count = BIO_read(tls->output, bytes, capacity > INT_MAX ? INT_MAX : (int)capacity);
    return count > 0 ? (size_t)count : 0;
}

static int outcome(silt_tls *tls, int result) {
    switch (SSL_get_error(tls->handle, result)) {
    case SSL_ERROR_WANT_READ: return SILT_TLS_MORE;
    case SSL_ERROR_ZERO_RETURN: return SILT_TLS_ENDED;
    default: break;
    }
    long verdict = SSL_get_verify_result(tls->handle);
    const char *otherwise = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : "the connection ended";
    // What is wrong with the certificate says more than that something is.
    if (verdict != X509_V_OK) ERR_clear_error();
    explain(tls->error, sizeof tls->error, otherwise);
    return SILT_TLS_FAILED;
}

int silt_tls_handshake(silt_tls *tls) {
    ERR_clear_error();
    int result = SSL_do_handshake(tls->handle);
    return result == 1 ? 1 : outcome(tls, result);
}

long silt_tls_read(silt_tls *tls, uint8_t *bytes, size_t capacity) {
    ERR_clear_error();
    int result = SSL_read(tls->handle, bytes, capacity > INT_MAX ? INT_MAX : (int)capacity);
    return result > 0 ? result : outcome(tls, result);
}

int silt_tls_write(silt_tls *tls, const uint8_t *bytes, size_t count) {
    ERR_clear_error();
    size_t done = 0;
    while (count > 0) {
        if (SSL_write_ex(tls->handle, bytes, count, &done) != 1) {
            outcome(tls, -1);
            return SILT_TLS_FAILED;
        }
        bytes += done;
        count -= done;
    }
    return 0;
}

void silt_tls_end(silt_tls *tls) {
    ERR_clear_error();
    if (SSL_is_init_finished(tls->handle)) SSL_shutdown(tls->handle);
    ERR_clear_error();
}

size_t silt_tls_peer_name(silt_tls *tls, uint8_t *name, size_t capacity) {
    X509 *peer = SSL_get0_peer_certificate(tls->handle);
    if (!peer) return 0;
    const X509_NAME *subject = X509_get_subject_name(peer);
    int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0) return 0;
    unsigned char *text = NULL;
    int count = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
    size_t taken = count > 0 && (size_t)count <= capacity ? (size_t)count : 0;
    if (taken > 0) memcpy(name, text, taken);
    OPENSSL_free(text);
    return taken;
}

const char *silt_tls_error(const silt_tls *tls) { return tls->error; }

// MARK: Signatures

struct silt_public_key {
    EVP_PKEY *handle;
    int kind;
};

// Takes the key; NULL when it is of no kind that is used here.
static silt_public_key *new_key(EVP_PKEY *handle) {
    int kind = 0;
    char curve[32];
    if (handle && EVP_PKEY_is_a(handle, "RSA")) {
        if (EVP_PKEY_get_bits(handle) >= 2048) kind = SILT_KEY_RS256;
    } else if (handle && EVP_PKEY_is_a(handle, "EC") && EVP_PKEY_get_group_name(handle, curve, sizeof curve, NULL) == 1) {
        if (strcmp(curve, SN_X9_62_prime256v1) == 0) kind = SILT_KEY_ES256;
    }
    silt_public_key *key = kind ? calloc(1, sizeof *key) : NULL;
    ERR_clear_error();
    if (!key) {
        EVP_PKEY_free(handle);
        return NULL;
    }
    key->handle = handle;
    key->kind = kind;
    return key;
}

silt_public_key *silt_public_key_from_pem(const uint8_t *text, size_t count, size_t *used) {
    *used = count;
    BIO *bio = memory(text, count);
    if (!bio) return NULL;
    char *name = NULL, *header = NULL;
    unsigned char *bytes = NULL;
    long size = 0;
    EVP_PKEY *handle = NULL;
    if (PEM_read_bio(bio, &name, &header, &bytes, &size) == 1) {
        const unsigned char *start = bytes;
        if (strcmp(name, PEM_STRING_PUBLIC) == 0) {
            handle = d2i_PUBKEY(NULL, &start, size);
        } else if (strcmp(name, PEM_STRING_X509) == 0) {
            X509 *certificate = d2i_X509(NULL, &start, size);
            if (certificate) handle = X509_get_pubkey(certificate);
            X509_free(certificate);
        }
        *used = count - BIO_ctrl_pending(bio);
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(bytes);
    BIO_free(bio);
    return new_key(handle);
}

// A key made of parameters, which are freed.
static EVP_PKEY *made_of(const char *type, OSSL_PARAM *parameters) {
    EVP_PKEY *handle = NULL;
    EVP_PKEY_CTX *maker = parameters ? EVP_PKEY_CTX_new_from_name(NULL, type, NULL) : NULL;
    if (maker && EVP_PKEY_fromdata_init(maker) == 1 &&
        EVP_PKEY_fromdata(maker, &handle, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        handle = NULL;
    EVP_PKEY_CTX_free(maker);
    OSSL_PARAM_free(parameters);
    return handle;
}

silt_public_key *silt_public_key_rsa(const uint8_t *modulus, size_t modulus_count, const uint8_t *exponent, size_t exponent_count) {
    // Beyond 16,384 bits OpenSSL itself refuses.
    if (modulus_count > 2048 || exponent_count > 8) return NULL;
    BIGNUM *n = BN_bin2bn(modulus, (int)modulus_count, NULL);
    BIGNUM *e = BN_bin2bn(exponent, (int)exponent_count, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *handle = NULL;
    if (n && e && builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        handle = made_of("RSA", OSSL_PARAM_BLD_to_param(builder));
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return new_key(handle);
}

silt_public_key *silt_public_key_p256(const uint8_t *x, const uint8_t *y) {
    unsigned char point[65] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, x, 32);
    memcpy(point + 33, y, 32);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *handle = NULL;
    if (builder && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1)
        handle = made_of("EC", OSSL_PARAM_BLD_to_param(builder));
    OSSL_PARAM_BLD_free(builder);
    return new_key(handle);
}

void silt_public_key_free(silt_public_key *key) {
    if (!key) return;
    EVP_PKEY_free(key->handle);
    free(key);
}

int silt_public_key_kind(const silt_public_key *key) { return key->kind; }

// The two numbers of an ES256 signature as OpenSSL wants them; the number of bytes, or 0.
static int der_of(const uint8_t *signature, unsigned char **bytes) {
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, 32, NULL);
    BIGNUM *s = BN_bin2bn(signature + 32, 32, NULL);
    if (!pair || !r || !s || ECDSA_SIG_set0(pair, r, s) != 1) {
        ECDSA_SIG_free(pair);
        BN_free(r);
        BN_free(s);
        return 0;
    }
    int count = i2d_ECDSA_SIG(pair, bytes);
    ECDSA_SIG_free(pair);
    return count > 0 ? count : 0;
}

int silt_public_key_verify(const silt_public_key *key, const uint8_t *message, size_t message_count, const uint8_t *signature,
                           size_t signature_count) {
    unsigned char *der = NULL;
    if (key->kind == SILT_KEY_ES256) {
        if (signature_count != 64) return 0;
        signature_count = (size_t)der_of(signature, &der);
        if (signature_count == 0) return 0;
        signature = der;
    }
    EVP_MD_CTX *check = EVP_MD_CTX_new();
    int is_right = check && EVP_DigestVerifyInit(check, NULL, EVP_sha256(), NULL, key->handle) == 1 &&
                   EVP_DigestVerify(check, signature, signature_count, message, message_count) == 1;
    EVP_MD_CTX_free(check);
    OPENSSL_free(der);
    ERR_clear_error();
    return is_right;
}

int silt_tls_is_built(void) { return 1; }
#endif
