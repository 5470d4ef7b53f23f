// The users that a load makes its connections for.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "crypto/dispatch.h"
#include "perf/load/options.h"

namespace ferry::load {

// The user of a number: the first 16 bytes of the SHA-256 of "SEED/NUMBER" in decimal digits, so
// that whoever configures the program under test can have the same ones.
proto::vmess::UserId seed_user(const crypto::Dispatch& dispatch, std::uint32_t seed,
                               std::uint32_t number);

// All of them, in order; none where no end speaks VMess.
//
//   errors  in words: a file that is not there, is empty, or has a line that is no id
std::expected<std::vector<proto::vmess::UserId>, std::string> ids_of(
    const Users& users, const crypto::Dispatch& dispatch);

}  // namespace ferry::load
