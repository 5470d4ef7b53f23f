// The real server and the real client between two programs, in one deterministic run after another.
//
// Promise: whatever the network does, a program hears what was sent, or the beginning of it and
// then an error; never anything else. Afterwards every slot is back and nothing waits. A failure
// prints its seed; FERRY_SEED=n runs that one alone, FERRY_SEEDS=n changes how many are tried.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <system_error>

#include "crypto/dispatch.h"
#include "proto/vmess/keys.h"
#include "tests/sim/apps.h"
#include "tests/sim/configs.h"
#include "tests/sim/node.h"
#include "tests/sim/seeds.h"

namespace ferry::sim {
namespace {

using core::config::Security;

constexpr std::uint16_t kTargetPort = 80;

core::config::Config base_config(bool patient) {
    core::config::Config config;
    if (patient) {
        config.policy.levels.emplace(0, patient_level());
    }
    return config;
}

core::config::Config server_config(bool patient) {
    core::config::Config config = base_config(patient);
    config.inbounds.push_back(vmess_inbound());
    config.outbounds.push_back(freedom_outbound());
    return config;
}

struct Choices {
    Security security = Security::automatic;
    bool sealed_lengths = false;
    bool no_end_mark = false;
    std::uint16_t mux_streams = 0;  // in one connection; 0: each has one of its own
    bool patient = true;
    bool direct = false;  // the client's node goes to the target by itself, without VMess
};

core::config::Config client_config(const Choices& choices) {
    core::config::Config config = base_config(choices.patient);
    config.inbounds = {door_inbound(1000, kTargetPort), socks_inbound()};
    if (choices.direct) {
        config.outbounds.push_back(freedom_outbound());
        return config;
    }
    core::config::VmessAccount as_user = user_account();
    as_user.security = choices.security;
    as_user.authenticated_length = choices.sealed_lengths;
    as_user.no_termination_signal = choices.no_end_mark;
    core::config::Outbound outbound;
    outbound.settings = through_server(as_user);
    outbound.mux.streams = choices.mux_streams;
    config.outbounds.push_back(outbound);
    return config;
}

// SOCKS5 without login: one message each way, then CONNECT to 10.0.0.3:80, all in one piece.
const Bytes kSocksHello = {5, 1, 0, 5, 1, 0, 1, 10, 0, 0, 3, 0, 80};
constexpr std::size_t kSocksAnswerBytes = 2 + 10;

// One run: a client, a relay of two nodes, a target.
class Scenario {
public:
    Scenario(std::uint64_t seed, Weather weather, const Choices& choices, Talk talk,
             const core::Limits& limits)
        : world(seed, weather),
          talk_(std::move(talk)),
          client_host(world, kClientHost),
          target_host(world, kTargetHost),
          server(world, kServerHost, server_config(choices.patient), dispatch(), limits),
          client(world, kClientHost, client_config(choices), dispatch(), limits),
          target(target_host, kTargetHost.with_port(kTargetPort), talk_) {}

    void speak_through_door() { speak_at(client.at(0), {}, 0); }
    void speak_through_socks() { speak_at(client.at(1), kSocksHello, kSocksAnswerBytes); }

    // Until every client, and every target that was reached, has heard its end.
    Ended run() {
        return world.run([this] {
            const auto over = [](const auto& one) { return one->over; };
            return std::ranges::all_of(heard, over) && std::ranges::all_of(target.heard(), over);
        });
    }

    // What both nodes said and what both ends heard, for whoever looks at one seed alone.
    void tell() {
        for (const std::string& line : client.log()) {
            std::cerr << "client  " << line << '\n';
        }
        for (const std::string& line : server.log()) {
            std::cerr << "server  " << line << '\n';
        }
        const auto tell_heard = [](const char* who, const Heard& one, const Bytes& all) {
            std::cerr << who << " heard " << one.bytes.size() << " of " << all.size() << ", then "
                      << (one.ended ? "the end" : std::make_error_code(one.error).message())
                      << '\n';
        };
        for (const auto& one : heard) {
            tell_heard("client", *one, talk_.down);
        }
        for (const auto& one : target.heard()) {
            tell_heard("target", *one, talk_.up);
        }
    }

    // Stops everything; what is left afterwards is a leak.
    void wind_down() {
        if (std::getenv("FERRY_SEED") != nullptr) {
            tell();
        }
        client.stop(std::chrono::seconds(1));
        server.stop(std::chrono::seconds(1));
        target.close();
        (void)world.run([this] {
            return client.ended() && server.ended() && target.closed() && client_host.root.empty();
        });
        EXPECT_TRUE(client.ended()) << world.describe();
        EXPECT_TRUE(server.ended()) << world.describe();
        EXPECT_TRUE(client.pools_are_full());
        EXPECT_TRUE(server.pools_are_full());
        EXPECT_EQ(client.stats().open_sessions.read(), 0U);
        EXPECT_EQ(server.stats().handshakes.read(), 0U);
    }

    const Bytes& up() const noexcept { return talk_.up; }
    const Bytes& down() const noexcept { return talk_.down; }

    // Did `one` hear `all`, or the beginning of it and then an error?
    static void expect_honest(const Heard& one, const Bytes& all) {
        ASSERT_LE(one.bytes.size(), all.size());
        EXPECT_TRUE(std::equal(one.bytes.begin(), one.bytes.end(), all.begin()));
    }

    World world;

private:
    Talk talk_;

public:
    Host client_host;
    Host target_host;
    Node server;
    Node client;
    Target target;
    std::vector<std::unique_ptr<Heard>> heard;

private:
    void speak_at(const io::Endpoint& at, const Bytes& hello, std::size_t answer_bytes) {
        heard.push_back(std::make_unique<Heard>());
        client_host.root.spawn(speak(client_host, at, talk_, hello, answer_bytes, *heard.back()));
    }
};

Choices choices_from(Random& random) {
    static constexpr Security kAll[] = {Security::aes_128_gcm, Security::chacha20_poly1305,
                                        Security::none, Security::zero};
    Choices choices;
    choices.security = kAll[random.below(4)];
    choices.sealed_lengths = random.below(4) == 0;
    choices.no_end_mark = random.below(8) == 0;
    choices.mux_streams = random.below(3) == 0 ? 2 : 0;
    return choices;
}

Talk talk_from(Random& random, std::size_t bytes_max) {
    Talk talk;
    talk.up = pattern(random.next(), random.below(bytes_max));
    talk.down = pattern(random.next(), random.below(bytes_max));
    talk.target_waits = random.below(3) == 0;
    return talk;
}

// Nothing breaks: everybody hears everything, and the end of it.
TEST(Relay, CarriesEverythingThroughWind) {
    for_each_seed(2000, [](std::uint64_t seed) {
        Random random(seed);
        Scenario run(seed, Weather::windy(), choices_from(random), talk_from(random, 60'000),
                     tight_limits());
        const std::uint64_t clients = 1 + random.below(3);
        for (std::uint64_t index = 0; index < clients; ++index) {
            if (random.below(2) == 0) {
                run.speak_through_door();
            } else {
                run.speak_through_socks();
            }
        }
        ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
        ASSERT_EQ(run.target.heard().size(), clients);
        for (std::uint64_t index = 0; index < clients; ++index) {
            EXPECT_EQ(run.heard[index]->bytes.size(), run.down().size());
            EXPECT_TRUE(run.heard[index]->bytes == run.down());
            EXPECT_TRUE(run.heard[index]->ended);
            EXPECT_TRUE(run.target.heard()[index]->bytes == run.up());
            EXPECT_TRUE(run.target.heard()[index]->ended);
        }
        run.wind_down();
    });
}

// Connections break and are refused: whatever is heard is true, and what ends by an end is whole.
TEST(Relay, NeverPassesACutForAnEndInAStorm) {
    for_each_seed(3000, [](std::uint64_t seed) {
        Random random(seed);
        Choices choices = choices_from(random);
        choices.no_end_mark = false;
        choices.patient = random.below(2) == 0;
        if (choices.security == Security::zero) {
            choices.security = Security::none;  // raw bytes end where their connection does
        }
        Scenario run(seed, Weather::stormy(), choices, talk_from(random, 60'000), tight_limits());
        run.speak_through_door();
        run.speak_through_socks();
        ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
        for (const auto& one : run.heard) {
            Scenario::expect_honest(*one, run.down());
            if (one->ended && !one->bytes.empty()) {
                EXPECT_EQ(one->bytes.size(), run.down().size()) << "a cut was taken for an end";
            }
        }
        for (const auto& one : run.target.heard()) {
            Scenario::expect_honest(*one, run.up());
            if (one->ended) {
                EXPECT_EQ(one->bytes.size(), run.up().size()) << "a cut was taken for an end";
            }
        }
        run.wind_down();
    });
}

// The n-th operation of each kind fails, one after the other, until there is no n-th any more.
TEST(Relay, SurvivesTheFailureOfEveryOperation) {
    using Kind = io::Op::Kind;
    for (const Kind kind : {Kind::accept, Kind::connect, Kind::recv, Kind::recv_slot, Kind::send,
                            Kind::sendv, Kind::shutdown}) {
        for (std::uint64_t nth = 0; nth < 200; ++nth) {
            SCOPED_TRACE("kind " + std::to_string(static_cast<int>(kind)) + ", operation " +
                         std::to_string(nth));
            Choices choices;
            choices.mux_streams = nth % 2 == 0 ? 0 : 2;
            Scenario run(1, Weather::calm(), choices,
                         Talk{pattern(1, 50'000), pattern(2, 50'000), false}, tight_limits());
            run.world.fail_nth(kind, nth, ECONNRESET);
            run.speak_through_door();
            run.speak_through_socks();
            ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
            for (const auto& one : run.heard) {
                Scenario::expect_honest(*one, run.down());
            }
            for (const auto& one : run.target.heard()) {
                Scenario::expect_honest(*one, run.up());
            }
            run.wind_down();
            if (testing::Test::HasFailure()) {
                return;
            }
            if (run.world.count(kind) <= nth) {
                break;
            }
        }
    }
}

// Where neither end is sealed the bytes pass through pipes, of which there may be none.
TEST(Relay, PassesPlainBytesThroughWindAndStorm) {
    std::uint64_t spliced = 0;
    for_each_seed(600, [&spliced](std::uint64_t seed) {
        Random random(seed);
        const bool calm = random.below(2) == 0;
        Weather weather = calm ? Weather::windy() : Weather::stormy();
        weather.buffer_bytes_most = 300'000;
        weather.split = 100;
        weather.reset /= 4;
        core::Limits limits = tight_limits();
        limits.pipes = static_cast<std::uint32_t>(random.below(3));
        Scenario run(seed, weather, Choices{.patient = calm, .direct = true},
                     talk_from(random, 400'000), limits);
        run.speak_through_door();
        run.speak_through_socks();
        ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
        for (const auto& one : run.heard) {
            Scenario::expect_honest(*one, run.down());
            const bool cut = one->ended && !one->bytes.empty();
            EXPECT_TRUE((!calm && !cut) || one->bytes.size() == run.down().size());
        }
        for (const auto& one : run.target.heard()) {
            Scenario::expect_honest(*one, run.up());
            EXPECT_TRUE((!calm && !one->ended) || one->bytes.size() == run.up().size());
        }
        spliced += run.client.pipes_taken();
        run.wind_down();
    });
    EXPECT_GT(spliced, 0U);
}

// A poll that fails is an error of the end that was waited for.
TEST(Relay, SurvivesTheFailureOfEveryPoll) {
    for (std::uint64_t nth = 0; nth < 100; ++nth) {
        Scenario run(1, Weather::calm(), Choices{.direct = true},
                     Talk{pattern(1, 400'000), pattern(2, 400'000), false}, tight_limits());
        run.world.fail_nth(io::Op::Kind::poll, nth, ECONNRESET);
        run.speak_through_door();
        ASSERT_EQ(run.run(), Ended::satisfied) << run.world.describe();
        Scenario::expect_honest(*run.heard.front(), run.down());
        run.wind_down();
        if (testing::Test::HasFailure()) {
            return;
        }
        if (run.world.count(io::Op::Kind::poll) <= nth) {
            ASSERT_GT(nth, 0U) << "nothing was spliced";
            return;
        }
    }
}

// The same seed makes the same world, down to the ciphertext.
TEST(Relay, RepeatsItselfExactly) {
    const auto fingerprint = [](std::uint64_t seed) {
        Random random(seed);
        Scenario run(seed, Weather::stormy(), choices_from(random), talk_from(random, 30'000),
                     tight_limits());
        run.speak_through_door();
        (void)run.run();
        run.wind_down();
        return run.world.fingerprint();
    };
    EXPECT_EQ(fingerprint(7), fingerprint(7));
    EXPECT_NE(fingerprint(7), fingerprint(8));
}

}  // namespace
}  // namespace ferry::sim
