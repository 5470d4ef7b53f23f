// OpenSSL's AEADs, for comparison only: loaded when the program runs, if the machine has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "crypto/bytes.h"

namespace ferry::perf {

// The functions of libcrypto.so.3 that a sealer needs.
struct OpenSsl;

// Null if there is no OpenSSL 3.
const OpenSsl* openssl();

enum class Cipher : std::uint8_t { aes128_gcm, chacha20_poly1305 };

// A key in a context that is kept from message to message, which is OpenSSL's fastest way.
class OpenSslSealer {
public:
    OpenSslSealer(const OpenSsl& library, Cipher cipher, ByteView key);
    OpenSslSealer(const OpenSslSealer&) = delete;
    OpenSslSealer& operator=(const OpenSslSealer&) = delete;
    ~OpenSslSealer();

    void seal(const std::uint8_t* nonce, ByteView from, std::uint8_t* to, std::uint8_t* tag) const;
    bool open(const std::uint8_t* nonce, ByteView from, std::uint8_t* to, std::uint8_t* tag) const;

private:
    const OpenSsl& library_;
    void* sealing_;
    void* opening_;
};

}  // namespace ferry::perf
