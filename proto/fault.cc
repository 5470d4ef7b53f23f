#include "proto/fault.h"

#include <utility>

namespace ferry::proto {

std::string_view name_of(Fault fault) noexcept {
    switch (fault) {
        case Fault::unknown_user:
            return "unknown_user";
        case Fault::bad_time:
            return "bad_time";
        case Fault::replayed:
            return "replayed";
        case Fault::bad_tag:
            return "bad_tag";
        case Fault::bad_checksum:
            return "bad_checksum";
        case Fault::bad_version:
            return "bad_version";
        case Fault::bad_command:
            return "bad_command";
        case Fault::bad_security:
            return "bad_security";
        case Fault::bad_option:
            return "bad_option";
        case Fault::bad_address:
            return "bad_address";
        case Fault::bad_length:
            return "bad_length";
        case Fault::bad_syntax:
            return "bad_syntax";
        case Fault::bad_credentials:
            return "bad_credentials";
        case Fault::too_large:
            return "too_large";
        case Fault::response_mismatch:
            return "response_mismatch";
        case Fault::after_end:
            return "after_end";
        case Fault::bad_frame:
            return "bad_frame";
        case Fault::fragmented:
            return "fragmented";
    }
    std::unreachable();
}

}  // namespace ferry::proto
