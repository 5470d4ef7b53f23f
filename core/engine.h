// The engine of a core: which backend it has, and what that one does besides.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "io/backend.h"
#include "io/result.h"
#include "io/uring.h"

namespace ferry::core {

enum class BackendKind : std::uint8_t { uring, epoll };

struct EngineChoice {
    BackendKind kind;
    std::string why;  // why it is not the ring; empty if it is
};

//   wanted  nothing: the ring, where this machine has one
EngineChoice choose_engine(std::optional<BackendKind> wanted);

// What an engine that was made is, for the log.
struct EngineState {
    BackendKind kind = BackendKind::uring;
    io::UringSwitches on;
    io::UringRefusals refused;
};

struct MadeEngine {
    std::unique_ptr<io::Backend> backend;
    EngineState state;
};

// A switch that cannot be had is off; that is no error.
//
//   thread  the one that will run its loop
io::Result<MadeEngine> make_engine(BackendKind kind, const config::Engine& wanted);

// "engine: io_uring, zeroCopySend: on, ...": what is in use.
std::string text_of(const EngineState& state);
// One line for each switch that is wanted and off.
std::vector<std::string> refusals_of(const EngineState& state);

}  // namespace ferry::core
