// DetourWorld: a VMess server whose clients are sent on to ports that come and go, a client of
// ours, and programs that talk through both for hours of virtual time.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/config.h"
#include "tests/sim/apps.h"
#include "tests/sim/node.h"

namespace ferry::sim {

struct DetourChoices {
    using Strategy = core::config::Allocate::Strategy;

    Strategy strategy = Strategy::random;
    std::uint32_t refresh_minutes = 5;
    std::uint16_t alter_id = 0;           // of the users and of the accounts made for them
    std::vector<std::string> emails{{}};  // of the users; empty: without one
};

// Somebody who connects once and speaks every minute, to a program that says the same back.
struct Talker {
    std::uint32_t answers = 0;
    bool is_over = false;
    bool is_content = false;  // everything came back, up to the end
};

// Everything that is expected of ports, connections and tables is checked while time passes.
class DetourWorld {
public:
    static constexpr std::uint16_t kMainPort = 10086;
    static constexpr std::uint16_t kFirst = 20000;
    static constexpr std::uint16_t kLast = 20029;
    static constexpr std::size_t kConcurrency = 3;

    DetourWorld(std::uint64_t seed, DetourChoices choices);
    ~DetourWorld();

    // Lets time pass, with exchanges now and then, and several around each moment at which ports
    // open and close.
    void live(std::chrono::seconds time);
    // Begins to talk, for as long as this world lives.
    void begin_talk();
    // Ends all talks, stops both nodes and checks that everything is back.
    void wind_down();

    std::size_t exchanges() const noexcept { return exchanges_; }
    std::size_t dials() const noexcept { return dials_; }
    std::size_t detours() const noexcept { return detours_; }
    std::size_t refused() const noexcept { return refused_; }
    std::size_t openings() const noexcept { return openings_; }
    const std::vector<std::unique_ptr<Talker>>& talkers() const noexcept { return talkers_; }
    // How many connections there are at ports that do not listen any more.
    std::size_t outliving() const;
    // What the server has counted, and what programs have sent.
    std::map<std::string, std::uint64_t, std::less<>> counters() const;
    std::uint64_t bytes_up() const;

    World world;
    Host client_host;
    Host target_host;
    Node server;
    Node client;

private:
    void pass(io::Duration time);
    void observe();
    void observe_tables() const;
    void dialled(const io::Endpoint& to, bool is_refused);
    void exchange(io::Duration later);
    void settle();
    std::set<std::uint16_t> open_ports() const;
    io::Duration since_refresh() const;
    bool is_random() const { return choices_.strategy == DetourChoices::Strategy::random; }

    DetourChoices choices_;
    io::Duration refresh_;
    io::TimePoint start_;
    Talk talk_;
    Target target_;
    io::Scope echo_scope_;
    std::vector<std::unique_ptr<Heard>> exchanging_;
    std::vector<std::unique_ptr<Talker>> talkers_;
    bool is_talk_over_ = false;
    std::map<std::uint16_t, io::TimePoint> opened_;
    std::set<std::uint16_t> ever_;
    std::size_t heard_at_target_ = 0;
    std::size_t exchanges_ = 0;
    std::size_t dials_ = 0;
    std::size_t detours_ = 0;
    std::size_t refused_ = 0;
    std::size_t openings_ = 0;
};

}  // namespace ferry::sim
