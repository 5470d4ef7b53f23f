// The sixteen bytes in front of a request that name user and time.
#pragma once

#include <array>
#include <cstdint>

#include "crypto/block.h"
#include "proto/fault.h"
#include "proto/vmess/limits.h"

namespace ferry::proto::vmess {

using AuthId = std::array<std::uint8_t, kAuthIdBytes>;

// Makes the auth id of a request.
//
//   key        auth_id_key() of the user
//   unix_time  seconds, the exact clock
//   random     four bytes that make the auth ids of one second differ
AuthId make_auth_id(const crypto::BlockRow& aes, std::span<const std::uint8_t, kKeyBytes> key,
                    std::int64_t unix_time,
                    std::span<const std::uint8_t, kAuthIdRandomBytes> random) noexcept;

// Opens an auth id with one user's key. To find the user among many there is crypto::TrialRow.
//
//   gives   the time in it, any 64-bit number: see in_time_window()
//   faults  unknown_user, save for one stranger's id in 2^32
Parsed<std::int64_t> open_auth_id(const crypto::BlockRow& aes,
                                  std::span<const std::uint8_t, kKeyBytes> key,
                                  std::span<const std::uint8_t, kAuthIdBytes> id) noexcept;

// Is a request of this time to be served now? Negative times never are.
bool in_time_window(std::int64_t unix_time, std::int64_t now) noexcept;

}  // namespace ferry::proto::vmess
