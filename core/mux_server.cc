#include "core/mux_server.h"

#include "core/mux_carrier.h"
#include "core/packet_addresses.h"
#include "proto/mux/packet_address.h"

namespace ferry::core {
namespace {

struct MuxServer {
    explicit MuxServer(Session& its_outer)
        : outer(its_outer), scope(its_outer.core.loop, &its_outer.scope) {}

    Session& outer;
    io::Scope scope;
    std::shared_ptr<MuxCarrier> carrier;
};

// The near end of an association.
std::unique_ptr<PacketEnd> packets_of(Session& session, std::shared_ptr<MuxCarrier> carrier,
                                      std::shared_ptr<MuxStream> stream) {
    const bool has_addresses = proto::mux::is_packet_address_target(stream->target);
    std::unique_ptr<PacketEnd> packets = std::make_unique<MuxPackets>(
        session, Outcome::client_lost, std::move(carrier), std::move(stream));
    if (has_addresses) {
        packets = std::make_unique<PacketAddresses>(session, std::move(packets));
    }
    return packets;
}

io::Task<void> serve(MuxServer& server, std::shared_ptr<MuxStream> stream) {
    const bool is_udp = stream->network == proto::mux::Network::udp;
    std::unique_ptr<Link> link;
    if (!is_udp) {
        link = std::make_unique<MuxLink>(server.carrier, stream);
    }
    Session session(server.outer, server.scope, std::move(link));
    session.address = stream->target;
    session.source = (is_udp ? "udp:" : "tcp:") + session.peer.text();
    if (is_udp) {
        session.network = Network::udp;
        session.global_id = stream->global_id;
        session.packets = packets_of(session, server.carrier, std::move(stream));
    }
    co_await run_inner(session);
}

}  // namespace

io::Task<Outcome> serve_mux(Session& session) {
    session.scope.idle_after(session.idle());
    MuxServer server(session);
    server.carrier =
        std::make_shared<MuxCarrier>(session.core, [&server](std::shared_ptr<MuxStream> stream) {
            server.scope.spawn(serve(server, std::move(stream)));
        });
    auto outcome = co_await server.carrier->run(session, session.client, std::move(session.early));
    // The streams have had their cut, and may have bytes from before it to pass on: each has the
    // times of a session for that.
    session.client.close(is_cut(outcome) ? io::Farewell::reset : io::Farewell::normal);
    session.scope.idle_after(io::Duration::zero());
    co_await server.scope.join();
    co_return outcome;
}

}  // namespace ferry::core
