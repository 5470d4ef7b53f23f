#include "core/outcome.h"

namespace ferry::core {

std::string_view name_of(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::finished:
            return "finished";
        case Outcome::idle:
            return "idle";
        case Outcome::refused:
            return "refused";
        case Outcome::bad_request:
            return "bad_request";
        case Outcome::handshake_timeout:
            return "handshake_timeout";
        case Outcome::no_address:
            return "no_address";
        case Outcome::dial_failed:
            return "dial_failed";
        case Outcome::dial_timeout:
            return "dial_timeout";
        case Outcome::client_lost:
            return "client_lost";
        case Outcome::target_lost:
            return "target_lost";
        case Outcome::wire_fault:
            return "wire_fault";
        case Outcome::removed:
            return "removed";
        case Outcome::over_limit:
            return "over_limit";
        case Outcome::shut_down:
            return "shut_down";
    }
    return "unknown";
}

std::string_view words_of(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::finished:
            return "connection ends";
        case Outcome::idle:
            return "connection was idle for too long";
        case Outcome::refused:
            return "refused by a rule or a limit";
        case Outcome::bad_request:
            return "invalid request";
        case Outcome::handshake_timeout:
            return "no complete request within the handshake time";
        case Outcome::no_address:
            return "failed to resolve the target's name";
        case Outcome::dial_failed:
            return "failed to dial the target";
        case Outcome::dial_timeout:
            return "the target did not answer in time";
        case Outcome::client_lost:
            return "the client's connection broke";
        case Outcome::target_lost:
            return "the target's connection broke";
        case Outcome::wire_fault:
            return "the stream was damaged";
        case Outcome::removed:
            return "the user was removed";
        case Outcome::over_limit:
            return "a limit was reached";
        case Outcome::shut_down:
            return "the program is stopping";
    }
    return "unknown";
}

bool is_cut(Outcome outcome) noexcept {
    switch (outcome) {
        case Outcome::finished:
        case Outcome::idle:
        case Outcome::refused:
        case Outcome::bad_request:
        case Outcome::handshake_timeout:
        case Outcome::no_address:
        case Outcome::dial_failed:
        case Outcome::dial_timeout:
            return false;
        case Outcome::client_lost:
        case Outcome::target_lost:
        case Outcome::wire_fault:
        case Outcome::removed:
        case Outcome::over_limit:
        case Outcome::shut_down:
            return true;
    }
    return true;
}

Outcome outcome_of(io::Stop why, Outcome deadline, Outcome otherwise) noexcept {
    switch (why) {
        case io::Stop::none:
        case io::Stop::peer:
            return otherwise;
        case io::Stop::deadline:
            return deadline;
        case io::Stop::idle:
            return Outcome::idle;
        case io::Stop::removed:
            return Outcome::removed;
        case io::Stop::limit:
            return Outcome::over_limit;
        case io::Stop::shutdown:
            return Outcome::shut_down;
    }
    return otherwise;
}

}  // namespace ferry::core
