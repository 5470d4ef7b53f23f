// Fault: every way in which bytes from the wire can be wrong.
#pragma once

#include <cstdint>
#include <expected>
#include <string_view>

#include "crypto/bytes.h"

namespace ferry::proto {

// One counter each. The order is the order in which a request meets them.
enum class Fault : std::uint8_t {
    unknown_user,       // no user's key explains the auth id
    bad_time,           // the auth id is too old or too new
    replayed,           // the auth id, or the session's keys, have been seen
    bad_tag,            // an authentication tag does not fit
    bad_checksum,       // the checksum of a header, or of an older chunk, does not fit
    bad_version,        //
    bad_command,        //
    bad_security,       //
    bad_option,         // options that contradict each other
    bad_address,        //
    bad_length,         // a length that cannot be, or that contradicts another
    bad_syntax,         // a text protocol or a handshake that does not follow its grammar
    bad_credentials,    // a local inbound's user or password
    too_large,          //
    response_mismatch,  // the answer belongs to another request
    after_end,          // bytes where the stream has ended already
    bad_frame,          // a status or a network in a mux frame that does not exist
    fragmented,         // a datagram that comes in several pieces
};
inline constexpr std::size_t kFaultCount = 18;

std::string_view name_of(Fault fault) noexcept;

template <class T>
using Parsed = std::expected<T, Fault>;

}  // namespace ferry::proto
