// Listener: a port on which connections are accepted.
#pragma once

#include <cstdint>
#include <utility>

#include "io/backend.h"
#include "io/descriptor.h"
#include "io/endpoint.h"
#include "io/scope.h"
#include "io/task.h"

namespace ferry::io {

// A connection that somebody made to us, and who it was.
struct Accepted {
    Accepted(Descriptor&& whose, const Endpoint& who) noexcept
        : descriptor(std::move(whose)), peer(who) {}
    Descriptor descriptor;
    Endpoint peer;
};

template <>
Result<Accepted> OpAwait<Result<Accepted>>::await_resume();

// A port on which connections are accepted.
//
//   owner  closes the descriptor when destroyed; no accept may be in flight then
class Listener {
public:
    // errors  address_in_use, address_not_available, permission_denied, too_many_files_open
    static Result<Listener> open(Scope& scope, const Endpoint& at, Sharing sharing);

    // Waits for a connection. Where the process has run out of descriptors or memory it tries again
    // when a socket of this core is closed, or after kPause: never in a spin.
    //
    //   errors  operation_canceled, or an error that trying again would not cure
    Task<Result<Accepted>> accept();

    const Endpoint& local() const noexcept { return local_; }  // with the port that was chosen
    std::uint64_t pauses() const noexcept { return pauses_; }  // how often accept() had to wait so

    static constexpr Duration kPause = std::chrono::milliseconds(100);

private:
    Listener(Scope& scope, Descriptor&& descriptor, const Endpoint& local) noexcept
        : scope_(&scope), descriptor_(std::move(descriptor)), local_(local) {}

    Scope* scope_;
    Descriptor descriptor_;
    Endpoint local_;
    std::uint64_t pauses_ = 0;
};

}  // namespace ferry::io
