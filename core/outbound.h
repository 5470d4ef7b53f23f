// Outbound: a way out.
#pragma once

#include <memory>
#include <string>

#include "core/outcome.h"
#include "core/session.h"
#include "io/task.h"

namespace ferry::core {

// A way out. Opens the far end for a request that has been understood.
//
//   lifetime  part of the snapshot, shared by all cores
class Outbound {
public:
    explicit Outbound(std::string its_tag) : tag(std::move(its_tag)) {}
    virtual ~Outbound() = default;

    virtual io::Task<Step<End>> dial(Session& session) const = 0;

    // Opens the far end of an association with the session's address. The end may refer to the
    // session, which outlives it.
    virtual io::Task<Step<std::unique_ptr<PacketEnd>>> dial_packets(Session& session) const;
    // Are the ends of dial_packets() addressed, so that one carries datagrams for many targets?
    virtual bool addresses_packets() const noexcept { return false; }

    const std::string tag;
};

}  // namespace ferry::core
