// User ids, and the keys that follow from them and from a request.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "proto/fault.h"
#include "proto/vmess/kdf.h"
#include "proto/vmess/limits.h"

namespace ferry::proto::vmess {

// Who somebody is: the bytes of a UUID in the order of its text. As good as a password; not for
// logs.
struct UserId {
    std::array<std::uint8_t, kUserIdBytes> bytes{};

    friend bool operator==(const UserId&, const UserId&) = default;
};

// Reads a UUID as V2Ray does: 32 hex digits of either case, with or without each of the four usual
// dashes; what follows the last digit is ignored.
//
//   faults  bad_syntax
Parsed<UserId> parse_uuid(std::string_view text) noexcept;

// "b831381d-6324-4d53-ad4f-8cda48b30811", always in lower case.
std::string uuid_text(const UserId& id);

// The key of a user, from which the keys of his request headers follow.
class CommandKey {
public:
    explicit CommandKey(const UserId& id) noexcept;

    CommandKey copy() const noexcept { return CommandKey(key_.copy()); }
    std::span<const std::uint8_t, kKeyBytes> view() const noexcept { return key_.view(); }

private:
    explicit CommandKey(Key16 key) noexcept : key_(std::move(key)) {}

    Key16 key_;
};

// The AES key of a user's auth ids: once per user, kept in the table of users.
Key16 auth_id_key(const crypto::HashRow& hash, const CommandKey& key);

// Key and IV of one direction of one body. Wiped when destroyed.
struct BodyKeys {
    std::array<std::uint8_t, kKeyBytes> key{};
    std::array<std::uint8_t, kIvBytes> iv{};

    ~BodyKeys() {
        crypto::wipe(key.data(), key.size());
        crypto::wipe(iv.data(), iv.size());
    }
};

// The keys of the answer to a request of the AEAD form.
BodyKeys response_keys(const crypto::HashRow& hash, const BodyKeys& request) noexcept;

// The keys of the answer to a request of the older form.
BodyKeys legacy_response_keys(const BodyKeys& request) noexcept;

// The key that seals chunk lengths. It comes from the request's key in both directions.
Key16 chunk_length_key(const crypto::HashRow& hash, const BodyKeys& request);

// A 16-byte key drawn out to the 32 bytes of ChaCha20-Poly1305.
Key32 chacha_key(std::span<const std::uint8_t, kKeyBytes> key) noexcept;

}  // namespace ferry::proto::vmess
