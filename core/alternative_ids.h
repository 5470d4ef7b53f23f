// The alternative ids of a user, by which the older header is found.
#pragma once

#include <cstdint>

#include "proto/vmess/keys.h"

namespace ferry::core {

// The id that follows in the chain that begins with the user's own.
//
//   source  vmess.md 3; vectors in tests/vectors/identity.json
proto::vmess::UserId next_alternative(const proto::vmess::UserId& id) noexcept;

}  // namespace ferry::core
