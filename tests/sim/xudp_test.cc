// Datagrams inside Mux.Cool connections, between the real client and the real server.
//
// Promise: as without; and an association of XUDP goes on when the connection around it breaks, to
// its targets from the same port as before.
#include <gtest/gtest.h>

#include <cerrno>
#include <ostream>

#include "tests/sim/udp_relay.h"

namespace ferry::sim::udp {
namespace {

using Quic = core::config::Mux::Quic;

Choices plain_mux() {
    return {.mux = {.streams = 8, .associations = {}, .quic = Quic::allow}};
}
Choices alone() {
    return {.encoding = PacketEncoding::xudp};
}
Choices together() {
    return {.mux = {.streams = 8, .associations = 4, .quic = Quic::allow}};
}

struct Form {
    const char* name;
    Choices choices;
    std::size_t bytes_most;  // of a datagram (vmess.md 13 and 14)
};
void PrintTo(const Form& form, std::ostream* to) {
    *to << form.name;
}

class MuxForms : public testing::TestWithParam<Form> {};

TEST_P(MuxForms, EverySizeComesBack) {
    Relay relay(1, Weather::calm(), GetParam().choices);
    SocksMailer& app = relay.associate();
    Mailer& other = relay.knock();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    for (const std::size_t bytes :
         {std::size_t{1}, std::size_t{17}, std::size_t{1350}, GetParam().bytes_most}) {
        const std::size_t before = app.heard().size();
        app.say(relay.target.at(), pattern(bytes, bytes));
        ASSERT_TRUE(relay.until([&] { return app.heard().size() > before; })) << bytes;
        const Mailer::Letter wanted{relay.target.at(), pattern(bytes, bytes)};
        EXPECT_EQ(app.heard().back(), wanted) << bytes;
        other.say(relay.client.at(0), pattern(bytes + 1, std::min<std::size_t>(bytes, 2048)));
        ASSERT_TRUE(relay.until([&] { return other.heard().size() > before; })) << bytes;
        EXPECT_EQ(other.heard().back().bytes,
                  pattern(bytes + 1, std::min<std::size_t>(bytes, 2048)));
    }
    // One that is too large is lost alone.
    const std::size_t before = app.heard().size();
    app.say(relay.target.at(), pattern(1, GetParam().bytes_most + 1));
    app.say(relay.target.at(), pattern(2, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() > before; }));
    EXPECT_EQ(app.heard().back().bytes, pattern(2, 10));
    EXPECT_EQ(relay.client.stats().datagrams_unsent.read(), 1U);
    relay.stop();
}

TEST_P(MuxForms, HoldsNothingWhileQuietAndEnds) {
    Relay relay(1, Weather::calm(), GetParam().choices);
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    app.say(relay.target.at(), pattern(1, 1000));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 1; }));
    relay.sleep(std::chrono::seconds(2));
    EXPECT_TRUE(relay.client.pools_are_full());
    EXPECT_TRUE(relay.server.pools_are_full());
    relay.sleep(3 * kIdle);
    EXPECT_EQ(relay.client.stats().open_sessions.read(), 0U);
    EXPECT_EQ(relay.server.stats().open_sessions.read(), 0U);
    relay.stop();
}

INSTANTIATE_TEST_SUITE_P(All, MuxForms,
                         testing::Values(Form{"mux", plain_mux(), 2048},
                                         Form{"xudp", alone(), 8192 - 666},
                                         Form{"xudp in mux", together(), 8192 - 666}));

class Xudp : public testing::TestWithParam<Form> {};

TEST_P(Xudp, IsAFullCone) {
    Relay relay(1, Weather::calm(), GetParam().choices);
    Mailer second(relay.there, kTargetHost.with_port(54), Mailer::Answer::echo);
    Mailer third(relay.there, kTargetHost.with_port(55));
    relay.server.resolver().add("target.example", kTargetHost);
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    app.say(relay.target.at(), pattern(1, 10));
    app.say(second.at(), pattern(2, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 2; }));
    ASSERT_EQ(relay.target.heard().at(0).peer, second.heard().at(0).peer) << "two sockets";
    third.say(second.heard().at(0).peer, pattern(3, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 3; }));
    const Mailer::Letter wanted{third.at(), pattern(3, 10)};
    EXPECT_EQ(app.heard().back(), wanted);
    app.say("target.example", kTargetPort, pattern(4, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 4; }));
    const Mailer::Letter named{relay.target.at(), pattern(4, 10)};
    EXPECT_EQ(app.heard().back(), named);
    second.close();
    third.close();
    relay.stop();
    EXPECT_TRUE(relay.until([&] { return second.closed() && third.closed(); }));
}

// The connection breaks. What is said meanwhile may be lost; then the same port goes on, and what
// the target has sent in between is there.
TEST_P(Xudp, GoesOnInAnotherConnection) {
    using Kind = io::Op::Kind;
    Relay relay(1, Weather::calm(), GetParam().choices);
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    app.say(relay.target.at(), pattern(1, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 1; }));
    const io::Endpoint port = relay.target.heard().at(0).peer;

    for (std::uint64_t round = 1; round <= 3; ++round) {
        relay.world.fail_nth(Kind::send, relay.world.count(Kind::send), ECONNRESET);
        app.say(relay.target.at(), pattern(2, 10));  // nobody hears this
        ASSERT_TRUE(relay.until([&] { return relay.client.stats().xudp_moves.read() == round; }));
        relay.target.say(port, pattern(3, 20));
        const std::size_t before = app.heard().size();
        app.say(relay.target.at(), pattern(4, 30));
        ASSERT_TRUE(relay.until([&] { return app.heard().size() >= before + 2; }));
        EXPECT_EQ(relay.target.heard().back().peer, port) << "the target sees somebody else";
        EXPECT_EQ(relay.server.kept_sockets().returned(), round);
    }
    EXPECT_EQ(relay.server.kept_sockets().waiting(), 0U);
    relay.stop();
}

// Nobody comes back: the socket waits for a while, and is closed.
TEST_P(Xudp, ClosesASocketThatNobodyComesBackTo) {
    Relay relay(1, Weather::calm(), GetParam().choices);
    SocksMailer& app = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay().has_value(); }));
    app.say(relay.target.at(), pattern(1, 10));
    ASSERT_TRUE(relay.until([&] { return app.heard().size() == 1; }));
    relay.client.stop(io::Duration::zero());
    ASSERT_TRUE(relay.until([&] { return relay.client.ended(); }));
    ASSERT_TRUE(relay.until([&] { return relay.server.stats().open_sessions.read() == 0; }));
    relay.sleep(std::chrono::minutes(3));
    EXPECT_EQ(relay.server.kept_sockets().waiting(), 0U);
    relay.stop();
}

INSTANTIATE_TEST_SUITE_P(All, Xudp,
                         testing::Values(Form{"xudp", alone(), 8192 - 666},
                                         Form{"xudp in mux", together(), 8192 - 666}));

TEST(MuxQuic, IsRefusedWhereTheConfigurationSaysSo) {
    Choices choices = together();
    choices.mux.quic = Quic::refuse;
    Relay relay(1, Weather::calm(), choices);
    Mailer quic(relay.there, kTargetHost.with_port(443), Mailer::Answer::echo);
    SocksMailer& app = relay.associate();
    SocksMailer& other = relay.associate();
    ASSERT_TRUE(relay.until([&] { return app.relay() && other.relay(); }));
    app.say(quic.at(), pattern(1, 10));
    other.say(relay.target.at(), pattern(2, 10));
    ASSERT_TRUE(relay.until([&] { return other.heard().size() == 1 && app.hung_up(); }));
    EXPECT_TRUE(quic.heard().empty());
    quic.close();
    relay.stop();
    EXPECT_TRUE(relay.until([&] { return quic.closed(); }));
}

}  // namespace
}  // namespace ferry::sim::udp
