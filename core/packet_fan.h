// PacketFan: one association with many targets, where the way out takes one target at a time.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <memory>

#include "core/packet_queue.h"
#include "core/packets.h"
#include "core/session.h"
#include "io/condition.h"
#include "io/scope.h"

namespace ferry::core {

// Deals the datagrams of an association out by their destination: each destination is a session
// inside this one, which is routed, logged, counted and held to its policy like any other.
//
//   limits    kLanesMax destinations at a time: the one that has been quiet for longest makes room;
//             for each a PacketQueue. All of them count as sessions of the core
//   lifetime  lives in the frame that awaits run()
class PacketFan {
public:
    static constexpr std::size_t kLanesMax = 256;

    explicit PacketFan(Session& session);
    PacketFan(const PacketFan&) = delete;

    // Until the client has ended and the last destination has.
    io::Task<Outcome> run();

private:
    class LaneEnd;
    struct Lane {
        Lane(PacketFan& fan, const proto::Address& to);
        PacketQueue queue;
        Session session;
    };
    struct Before {
        bool operator()(const proto::Address& a, const proto::Address& b) const;
    };
    using Lanes = std::list<Lane>;

    void deal_out(const Packet& packet);
    Lane* open(const proto::Address& to);
    void make_room();
    io::Task<void> serve(Lanes::iterator lane);
    void forget(const Lane& lane);
    io::Task<Step<void>> send_to_client(Lane& lane, std::span<const Packet> all,
                                        Packets& addressed);

    Session& session_;
    io::Scope scope_;
    Lanes lanes_;
    std::map<proto::Address, Lane*, Before> by_target_;  // those that still take datagrams
    io::Condition sent_;
    bool sending_ = false;  // the near end takes one send at a time
};

}  // namespace ferry::core
