// The part of SimBackend that is about datagrams.
// Later: there are none yet; it is good enough until something that runs in the simulator uses them.
#include "tests/sim/sim_backend.h"

namespace ferry::sim {

io::Result<int> SimBackend::datagram(const io::Endpoint&, io::Sharing) {
    return std::unexpected(std::errc::operation_not_supported);
}

io::Result<std::size_t> SimBackend::receive_datagrams(int, std::span<io::Incoming>) {
    return std::unexpected(std::errc::not_a_socket);
}

io::Sent SimBackend::send_datagrams(int, std::span<const io::Datagram> all) noexcept {
    return {.taken = all.size(), .skipped = all.size()};
}

}  // namespace ferry::sim
