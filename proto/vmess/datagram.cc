#include "proto/vmess/datagram.h"

#include "proto/vmess/shape.h"

namespace ferry::proto::vmess {

bool keeps_datagrams(const Request& request) noexcept {
    return shape_of(request).units == Units::datagrams;
}

std::optional<std::size_t> seal_datagram(Sealer& sealer, ByteView datagram, ByteSpan to) {
    const bool has_form = !datagram.empty() && datagram.size() <= sealer.payload_max();
    if (!has_form || datagram.size() + sealer.added_max() > to.size()) {
        return std::nullopt;
    }
    return sealer.seal(datagram, to);
}

}  // namespace ferry::proto::vmess
