// Who sends a request of the older form, and when: alternative ids and time tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "crypto/hash.h"
#include "crypto/random.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/limits.h"

namespace ferry::proto::vmess {

// The alternative ids of a user, one after the other and without end. How many of them count is
// agreed elsewhere: it is what configurations call alterId.
//
//   cost    one MD5 per id; nothing but the last id is kept
//   source  vmess.md 3; vectors in tests/vectors/identity.json
class AlternativeIds {
public:
    explicit AlternativeIds(const UserId& main) noexcept : last_(main) {}

    UserId next() noexcept;

private:
    UserId last_;
};

// The sixteen bytes in front of a request: HMAC-MD5 of the time under the signer's id. Whoever
// signs twice in a second sends the same token twice.
using TimeToken = crypto::Md5Digest;
TimeToken time_token(const UserId& signer, std::int64_t unix_time) noexcept;

// The tokens of many ids in one second, in their order: what a server looks requests up by.
//
//   cost    see crypto::hmac_md5_each()
void time_tokens(const crypto::Md5Keys& signers, std::int64_t unix_time,
                 crypto::Md5Digests& tokens) noexcept;

// The IV of the header that follows the token.
std::array<std::uint8_t, kIvBytes> legacy_header_iv(std::int64_t unix_time) noexcept;

// What a request of the older form is signed with.
struct LegacyStamp {
    UserId signer;           // an alternative id, or the main one
    std::int64_t unix_time;  // as the request states it, in seconds
};

// The ids that may sign for a client, kept for as long as the client is configured.
class Signers {
public:
    // `count` alternative ids; with none the main id signs, which servers of the time accept too.
    Signers(const UserId& main, std::uint16_t count);

    // Draws an id, and a time around the exact clock `unix_time`: from 30 s before to 29 s behind.
    LegacyStamp draw(crypto::Random& random, std::int64_t unix_time) const noexcept;

private:
    std::vector<UserId> ids_;
};

}  // namespace ferry::proto::vmess
