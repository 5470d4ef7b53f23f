// GlobalIds: the names under which a server knows the local sources of datagrams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "crypto/hash.h"
#include "crypto/secret.h"
#include "proto/mux/frame.h"

namespace ferry::proto::mux {

// Makes global ids. The same source has the same one as long as the process lives, and without the
// key nobody can tell which source an id stands for, or make that of another's.
//
//   thread  any, at once
class GlobalIds {
public:
    static constexpr std::size_t kKeyBytes = 32;

    // `key` is random, and new in every process.
    GlobalIds(const crypto::HashRow& sha256, std::span<const std::uint8_t, kKeyBytes> key) noexcept
        : sha256_(sha256), key_(key) {}

    // The id of a source, such as "udp:192.0.2.7:5353": the front of a keyed hash. Servers look at
    // nothing but whether it is the same, so that the hash is our choice.
    //
    //   gives   never all zero, which means that there is no id
    GlobalId of(std::string_view source) const noexcept;

private:
    const crypto::HashRow& sha256_;
    crypto::Secret<kKeyBytes> key_;
};

}  // namespace ferry::proto::mux
