// Datagrams that begin with an address: those of SOCKS clients, and packet addresses.
//
//   input   a datagram
#include <cassert>

#include "proto/mux/packet_address.h"
#include "proto/socks_packet.h"
#include "tests/fuzz/input.h"

namespace ferry::proto {
namespace {

// The payload is the end of the datagram.
void check_payload(ByteView datagram, ByteView payload) {
    assert(payload.size() < datagram.size());
    assert(payload.empty() || payload.data() + payload.size() == datagram.data() + datagram.size());
}

void check_socks(ByteView datagram) {
    const auto packet = read_socks_packet(datagram);
    if (!packet) {
        return;
    }
    check_payload(datagram, packet->payload);
    assert(packet->target.kind != Address::Kind::none);
    assert(packet->target.kind != Address::Kind::name || is_wire_name(packet->target.name));
    std::array<std::uint8_t, kSocksPacketHeadBytesMax> head;
    const std::size_t bytes = write_socks_packet_head(packet->target, head);
    const auto again = read_socks_packet(ByteView(head).first(bytes));
    assert(again && again->target == packet->target && again->payload.empty());
}

void check_addressed(ByteView datagram) {
    const auto packet = mux::read_packet_address(datagram);
    if (!packet) {
        return;
    }
    check_payload(datagram, packet->payload);
    std::array<std::uint8_t, mux::kPacketAddressBytesMax> head;
    const std::size_t bytes = mux::write_packet_address(packet->address, head);
    const auto again = mux::read_packet_address(ByteView(head).first(bytes));
    assert(again && again->address == packet->address && again->payload.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    fuzz::ExactBytes datagram(ByteView(data, bytes));
    check_socks(datagram.span());
    check_addressed(datagram.span());
    return 0;
}

}  // namespace ferry::proto
