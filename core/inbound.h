// Inbound: a way in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/announced.h"
#include "core/config.h"
#include "core/outcome.h"
#include "core/session.h"
#include "io/task.h"

namespace ferry::core {

// A way in. Learns from the first bytes who is calling and where they want to go.
//
//   lifetime  part of the snapshot; immutable, shared by all cores
class Inbound {
public:
    explicit Inbound(std::string its_tag) : tag(std::move(its_tag)) {}
    virtual ~Inbound() = default;

    // Reads the request. On success the session has its address, its codecs, and in `early` what
    // arrived behind the request.
    virtual io::Task<Step<void>> greet(Session& session) const = 0;

    // Tells the client how dialling went: `finished` if the target is there.
    virtual io::Task<Step<void>> answer(Session& session, Outcome dialed) const;

    // Prepares an association that began with a datagram to `at`: where it goes, by which policy.
    // Only where `networks` has datagrams.
    virtual void meet(Session& session, const io::Endpoint& at) const;

    // Watches, while an association runs, over what it depends on, and stops the session when that
    // ends; returns once the session is stopped.
    virtual io::Task<void> attend(Session& session) const;

    // Prepares the session for another request on the same connection, if there may be one.
    virtual bool again(Session& session) const;

    // A peer whose greeting fails is let go silently, so that it learns nothing; an inbound that
    // has told it already, or has nothing to hide, says no.
    virtual bool drains() const noexcept { return false; }

    // What the log calls this way in: "proxy/vmess/inbound".
    virtual std::string_view name() const noexcept = 0;

    // The target as the access log writes it: "tcp:example.org:443".
    virtual std::string access_target(const Session& session) const;

    // Which of its ports others may be told of.
    const std::shared_ptr<Announced>& announced() const noexcept { return announced_; }

    // Is this one still a user here? A session of anybody else ends when a snapshot is replaced.
    virtual bool holds(const UserRef&) const { return true; }

    const std::string tag;
    std::uint16_t place = 0;       // in the snapshot's list
    config::Networks networks{};   // what is listened for
    std::uint32_t level = 0;       // of whoever comes in here without being a user of VMess
    io::Duration idle_override{};  // in place of the policy's; zero: none

private:
    std::shared_ptr<Announced> announced_ = std::make_shared<Announced>();
};

}  // namespace ferry::core
