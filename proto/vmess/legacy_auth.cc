#include "proto/vmess/legacy_auth.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "crypto/bytes.h"

namespace ferry::proto::vmess {
namespace {

// Hashed behind an id to get the next one, and behind that as often as the id would be the same.
constexpr std::string_view kNextSalt = "16167dc8-16b6-4e6d-b8bb-65dd68113a81";
constexpr std::string_view kAgainSalt = "533eff8a-4113-4b10-b5ce-0f5d76b98cd2";

// Seconds that a client's time may be off the clock: uniform in [-30, +29], as 4.34 draws it.
constexpr std::int64_t kJitterSeconds = 30;

// How often the time is repeated in what the header's IV is the MD5 of.
constexpr std::size_t kTimesInIv = 4;

using TimeBytes = std::array<std::uint8_t, sizeof(std::uint64_t)>;

TimeBytes bytes_of(std::int64_t unix_time) {
    TimeBytes bytes;
    crypto::store_be(bytes.data(), static_cast<std::uint64_t>(unix_time));
    return bytes;
}

void update(crypto::Md5& hash, std::string_view salt) {
    static_assert(kNextSalt.size() == kAgainSalt.size());
    std::array<std::uint8_t, kNextSalt.size()> bytes;
    std::ranges::copy(salt, bytes.begin());
    hash.update(bytes);
}

}  // namespace

UserId AlternativeIds::next() noexcept {
    crypto::Md5 input;
    input.update(last_.bytes);
    update(input, kNextSalt);
    UserId next{crypto::Md5(input).finish()};
    while (next == last_) {
        update(input, kAgainSalt);
        next.bytes = crypto::Md5(input).finish();
    }
    last_ = next;
    return next;
}

TimeToken time_token(const UserId& signer, std::int64_t unix_time) noexcept {
    return crypto::hmac_md5(signer.bytes, bytes_of(unix_time));
}

void time_tokens(const crypto::Md5Keys& signers, std::int64_t unix_time,
                 crypto::Md5Digests& tokens) noexcept {
    crypto::hmac_md5_each(signers, bytes_of(unix_time), tokens);
}

std::array<std::uint8_t, kIvBytes> legacy_header_iv(std::int64_t unix_time) noexcept {
    crypto::Md5 hash;
    for (std::size_t time = 0; time < kTimesInIv; ++time) {
        hash.update(bytes_of(unix_time));
    }
    return hash.finish();
}

Signers::Signers(const UserId& main, std::uint16_t count) {
    if (count == 0) {
        ids_.push_back(main);
        return;
    }
    ids_.reserve(count);
    AlternativeIds alternatives(main);
    for (std::uint16_t index = 0; index < count; ++index) {
        ids_.push_back(alternatives.next());
    }
}

LegacyStamp Signers::draw(crypto::Random& random, std::int64_t unix_time) const noexcept {
    const UserId& signer = ids_[random.below(ids_.size())];
    const auto jitter = static_cast<std::int64_t>(random.below(2 * kJitterSeconds));
    return {.signer = signer, .unix_time = unix_time - kJitterSeconds + jitter};
}

}  // namespace ferry::proto::vmess
