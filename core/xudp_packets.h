// XudpPackets: an association in a Mux.Cool connection that outlives the connection.
#pragma once

#include <functional>
#include <memory>

#include "core/mux_stream.h"
#include "core/packets.h"

namespace ferry::core {

// The client's end. Where its carrier breaks, it goes on in another one: the global id tells the
// server to go on with the same socket, so that the targets notice nothing. What is sent meanwhile
// is lost, as datagrams may be.
//
//   limit  another carrier every kPause at most
class XudpPackets final : public PacketEnd {
public:
    static constexpr io::Duration kPause = std::chrono::seconds(1);

    // Opens the association in a carrier, for the first time or again.
    using Dial = std::function<io::Task<Step<std::shared_ptr<MuxPackets>>>()>;

    XudpPackets(Session& session, std::shared_ptr<MuxPackets> first, Dial dial);

    io::Task<Step<void>> receive(Packets& into) override;
    io::Task<Step<void>> send(std::span<const Packet> all) override;
    io::Task<void> end() override;
    void rest() noexcept override { present_->rest(); }
    bool addressed() const noexcept override { return present_->addressed(); }

private:
    io::Task<Step<void>> go_on();

    Session& session_;
    std::shared_ptr<MuxPackets> present_;  // shared with a send that is under way
    Dial dial_;
    io::TimePoint since_;  // when `present_` was opened
};

}  // namespace ferry::core
