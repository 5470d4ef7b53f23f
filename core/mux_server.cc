#include "core/mux_server.h"

namespace ferry::core {

io::Task<Outcome> serve_mux(Session& carrier) {
    carrier.reason = "Mux.Cool is not supported by this version";
    co_return Outcome::refused;
}

}  // namespace ferry::core
