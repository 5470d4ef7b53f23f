#include "proto/vmess/auth_id.h"

#include "crypto/hash.h"
#include "proto/cursor.h"

namespace ferry::proto::vmess {

AuthId make_auth_id(const crypto::BlockRow& aes, std::span<const std::uint8_t, kKeyBytes> key,
                    std::int64_t unix_time,
                    std::span<const std::uint8_t, kAuthIdRandomBytes> random) noexcept {
    AuthId plain;
    Writer to(plain);
    to.u64(static_cast<std::uint64_t>(unix_time));
    to.bytes(random);
    to.u32(crypto::crc32(to.written()));
    return crypto::Aes128(aes, key).encrypt(plain);
}

Parsed<std::int64_t> open_auth_id(const crypto::BlockRow& aes,
                                  std::span<const std::uint8_t, kKeyBytes> key,
                                  std::span<const std::uint8_t, kAuthIdBytes> id) noexcept {
    const AuthId plain = crypto::Aes128(aes, key).decrypt(id);
    Reader from(plain);
    const auto unix_time = static_cast<std::int64_t>(from.u64());
    from.bytes(kAuthIdRandomBytes);
    const std::uint32_t checksum = crypto::crc32(ByteView(plain).first(from.at()));
    if (from.u32() != checksum) {
        return std::unexpected(Fault::unknown_user);
    }
    return unix_time;
}

bool in_time_window(std::int64_t unix_time, std::int64_t now) noexcept {
    if (unix_time < 0 || now < 0) {
        return false;
    }
    // Neither is negative, so the difference cannot overflow.
    const std::int64_t ahead = unix_time - now;
    return -kTimeWindowSeconds <= ahead && ahead <= kTimeWindowSeconds;
}

}  // namespace ferry::proto::vmess
