// SimBackend: the Backend of one simulated core.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/backend.h"
#include "tests/sim/connection.h"
#include "tests/sim/port.h"
#include "tests/sim/world.h"

namespace ferry::sim {

// One core of a simulated host. Several may have the same address, like the cores of one machine.
//
//   network    a connection to an address that no backend has is never answered; one to a port
//              where nobody listens is refused; 127.0.0.1 is the host itself
//   datagrams  to where nobody is are lost; those between two ports keep their order, but for those
//              that the weather lets overtake
//   poll       of simulated descriptors only
class SimBackend final : public io::Backend {
public:
    // host: an address; its port does not matter.
    SimBackend(World& world, const io::Endpoint& host);
    ~SimBackend() override;

    void submit(io::Op& op) override;
    void cancel(io::Op& op) noexcept override;
    void wait(io::TimePoint until, std::vector<io::Op*>& done) override;
    void wake() noexcept override;

    void expect_slots(std::uint32_t count) override;
    void provide(std::uint16_t slot, std::span<std::uint8_t> memory) override;
    std::uint32_t starving() const noexcept override;

    io::Result<int> listen(const io::Endpoint& at, io::Sharing sharing) override;
    io::Result<int> stream(const io::Endpoint& towards) override;
    io::Result<void> bind(int fd, const io::Endpoint& local) override;
    io::Result<int> datagram(const io::Endpoint& local, io::Sharing sharing) override;
    io::Result<int> duplicate(int fd) override;
    void let_go(int) noexcept override {}
    io::Result<std::size_t> receive_datagrams(int fd, std::span<io::Incoming> into) override;
    io::Sent send_datagrams(int fd, std::span<const io::Datagram> all) noexcept override;
    bool was_reset(int fd) const noexcept override;
    io::Result<io::Endpoint> local_endpoint(int fd) const override;
    io::Result<io::Endpoint> peer_endpoint(int fd) const override;
    void close(int fd, io::Farewell farewell) noexcept override;

    io::TimePoint now() const noexcept override { return world_.now(); }
    std::int64_t unix_seconds() const noexcept override { return world_.unix_seconds(); }

    // At most so many descriptors at once; the next one answers too_many_files_open.
    void limit_descriptors(std::size_t most) noexcept { descriptors_max_ = most; }
    std::size_t descriptors() const noexcept { return descriptors_.size(); }
    // Told of each connection that is dialled from here, once it has reached a host or been refused
    // there.
    using DialWatcher = std::function<void(const io::Endpoint& to, bool refused)>;
    void watch_dials(DialWatcher watcher) { dial_watcher_ = std::move(watcher); }
    // How many connections that were accepted at a port are open.
    std::size_t served_at(std::uint16_t port) const noexcept;
    const io::Endpoint& host() const noexcept { return host_; }
    std::string describe() const;

private:
    // Somebody's request for a connection, from the first word to the answer.
    struct Dial {
        bool answered = false;
        std::int32_t error = 0;
        std::shared_ptr<Connection> connection;
    };
    struct Descriptor {
        io::Endpoint local;
        bool listening = false;
        std::deque<std::shared_ptr<Connection>> queue;  // of a listener: not yet accepted
        std::shared_ptr<Dial> dial;                     // of a socket that connects
        std::shared_ptr<Connection> connection;         // of one that is connected
        Side side = Side::dialer;
        std::shared_ptr<Port> port;  // of one for datagrams
    };
    struct Pending {
        io::Op* op;
        io::TimePoint not_before;
        std::int32_t fault = 0;
        bool cancelled = false;
        bool held = false;      // once per answer
        bool starving = false;  // bytes, and no slot
    };
    struct Slot {
        std::uint16_t number;
        std::span<std::uint8_t> memory;
    };

    bool full() const noexcept { return descriptors_.size() >= descriptors_max_; }
    Descriptor& at(int fd);
    const Descriptor& at(int fd) const;
    bool answered(Pending& pending);
    bool answered_cancel(Pending& pending);
    bool held_back(Pending& pending);
    bool ready(const io::Op& op) const;
    bool perform(Pending& pending);
    bool accept(io::Op& op);
    bool connect(io::Op& op);
    void begin_dial(Descriptor& socket, const io::Endpoint& to);
    void arrive(const std::shared_ptr<Dial>& dial, const io::Endpoint& from,
                const io::Endpoint& to);
    void answer_dial(const std::shared_ptr<Dial>& dial, std::int32_t error);
    bool receive(io::Op& op);
    bool receive_slot(Pending& pending);
    bool send(io::Op& op);
    std::vector<Descriptor*> listeners_at(const io::Endpoint& to) const;
    bool is_mine(const io::Endpoint& address) const noexcept;
    static std::uint32_t events(const Descriptor& on) noexcept;
    std::vector<Port*> ports_at(const io::Endpoint& host, const io::Endpoint& at) const;
    void post(const Descriptor& socket, const io::Datagram& one);
    void fly(Port& from, const io::Endpoint& host, Letter letter);
    void deliver(const io::Endpoint& host, const Letter& letter);

    World& world_;
    io::Endpoint host_;
    std::map<int, Descriptor> descriptors_;
    std::size_t descriptors_max_ = 100'000;
    std::vector<Pending> pending_;
    std::vector<Slot> slots_;
    std::array<std::vector<std::uint8_t>, kDatagramsMax> tails_;  // of the last receive
    DialWatcher dial_watcher_;
};

}  // namespace ferry::sim
