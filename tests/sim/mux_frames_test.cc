// A Mux.Cool client that knows its keys and nothing else: frames of all kinds, right, wrong and
// cut, sealed and sent to the real server.
//
// Promise: whatever they say, the connection comes to an end, and every slot and every session
// with it. A failure prints its seed; FERRY_SEED=n runs that one alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "proto/vmess/body.h"
#include "tests/sim/siege.h"

namespace ferry::sim {
namespace {

constexpr std::uint16_t kEchoPort = 80;

void put_number(Bytes& to, std::uint64_t number) {
    to.push_back(static_cast<std::uint8_t>(number >> 8));
    to.push_back(static_cast<std::uint8_t>(number));
}

// The rest of the metadata of a new stream: to the target, to a port where nobody is, to a name
// that nobody knows, or nonsense.
Bytes place_from(Random& random) {
    Bytes place;
    place.push_back(random.below(8) == 0 ? static_cast<std::uint8_t>(random.below(4)) : 1);
    put_number(place, random.below(4) == 0 ? random.below(65536) : kEchoPort);
    switch (random.below(12)) {
        case 0:
            place.insert(place.end(), {2, 3, 'a', '.', 'b'});
            break;
        case 1:
            place.push_back(static_cast<std::uint8_t>(random.below(5)));
            place.resize(place.size() + random.below(20));
            break;
        default:
            place.insert(place.end(), {1, 10, 0, 0, 3});
    }
    return place;
}

// Mostly a frame; sessions are few, so that they meet.
void put_frame(Bytes& to, Random& random) {
    const std::uint64_t status = random.below(100) == 0 ? random.below(256) : 1 + random.below(4);
    const std::uint64_t option = random.below(4) == 0 ? random.below(4) : 1;
    const Bytes rest = status == 1 ? place_from(random) : Bytes{};
    const std::uint64_t lie = random.below(200) == 0 ? random.below(600) : 0;
    put_number(to, 4 + rest.size() + lie);
    put_number(to, random.below(5));
    to.push_back(static_cast<std::uint8_t>(status));
    to.push_back(static_cast<std::uint8_t>(option));
    to.insert(to.end(), rest.begin(), rest.end());
    if ((option & 1) != 0) {
        const Bytes data = pattern(random.next(), random.below(random.below(8) == 0 ? 40'000 : 50));
        put_number(to, data.size());
        to.insert(to.end(), data.begin(), data.end());
    }
}

// A whole request: its header and all frames, in chunks of any size.
Bytes sealed(World& world, const Bytes& plain, Random& random) {
    namespace vmess = proto::vmess;
    crypto::Random secrets(std::array<std::uint8_t, 32>{7});
    vmess::Request request;
    const vmess::Offer offer = vmess::offer_for(vmess::BodyChoice::aes128_gcm, vmess::Command::mux,
                                                vmess::SealedLengths::off);
    request.security = offer.security;
    request.options = offer.options;
    request.command = vmess::Command::mux;
    vmess::draw_secrets(request, secrets);
    auto sealer = vmess::make_request_sealer(dispatch(), secrets, vmess::CommandKey(user()),
                                             world.unix_seconds(), request);
    EXPECT_TRUE(sealer.has_value());
    Bytes wire;
    ByteView left(plain);
    while (!left.empty()) {
        const std::size_t unit = std::min<std::size_t>(
            {left.size(), (*sealer)->payload_max(), 1 + random.below(20'000)});
        const std::size_t before = wire.size();
        wire.resize(before + unit + (*sealer)->added_max());
        const ByteSpan room = ByteSpan(wire).subspan(before);
        wire.resize(before + (*sealer)->seal(left.first(unit), room));
        left = left.subspan(unit);
    }
    return wire;
}

void one_client(std::uint64_t seed) {
    Random random(seed);
    core::Limits limits = tight_limits();
    limits.mux_patience = std::chrono::seconds(10);
    Siege siege(limits);
    siege.world.weather() = random.below(2) == 0 ? Weather::calm() : Weather::windy();
    Host target_host(siege.world, *io::Endpoint::from_literal("10.0.0.3", 0));
    Talk talk{{}, pattern(seed, random.below(50'000))};
    talk.target_deaf = random.below(4) == 0 ? std::chrono::minutes(1) : std::chrono::minutes(0);
    Target target(target_host, *io::Endpoint::from_literal("10.0.0.3", kEchoPort), talk);

    Bytes plain;
    for (std::uint64_t frames = 1 + random.below(60); frames > 0; --frames) {
        put_frame(plain, random);
    }
    if (random.below(4) == 0) {
        plain[random.below(plain.size())] ^= static_cast<std::uint8_t>(1 + random.below(255));
    }
    plain.resize(plain.size() - (random.below(4) == 0 ? random.below(plain.size()) : 0));
    siege.send(sealed(siege.world, plain, random));
    siege.wait();
    EXPECT_TRUE(siege.learned.front()->over) << siege.world.describe();

    siege.server.stop(std::chrono::seconds(0));
    target.close();
    (void)siege.world.run([&] { return siege.server.ended() && target.closed(); });
    EXPECT_TRUE(siege.server.ended()) << siege.world.describe();
    EXPECT_TRUE(siege.server.pools_are_full());
    EXPECT_EQ(siege.server.stats().open_sessions.read(), 0U);
}

TEST(MuxFrames, OfAnyKindComeToAnEnd) {
    const char* alone = std::getenv("FERRY_SEED");
    const char* wanted = std::getenv("FERRY_SEEDS");
    if (alone != nullptr) {
        one_client(std::strtoull(alone, nullptr, 10));
        return;
    }
    const std::uint64_t seeds = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1000;
    for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
        SCOPED_TRACE("FERRY_SEED=" + std::to_string(seed));
        one_client(seed);
    }
}

// A target that answers when it has heard everything: its client had said that this was all before
// it went wrong.
TEST(MuxFrames, AFaultDoesNotTakeBackAnEnd) {
    Siege siege;
    Host target_host(siege.world, *io::Endpoint::from_literal("10.0.0.3", 0));
    Talk talk;
    talk.target_waits = true;
    Target target(target_host, *io::Endpoint::from_literal("10.0.0.3", kEchoPort), talk);

    const Bytes all = pattern(1, 2000);
    Bytes plain = {0, 12, 0, 1, 1, 1, 1, 0, kEchoPort, 1, 10, 0, 0, 3};
    put_number(plain, all.size());
    plain.insert(plain.end(), all.begin(), all.end());
    plain.insert(plain.end(), {0, 4, 0, 1, 3, 0});
    plain.insert(plain.end(), {0, 4, 0, 1, 99, 0});
    Random random(1);
    siege.send(sealed(siege.world, plain, random));
    siege.wait();
    (void)siege.world.run(
        [&] { return target.heard().size() == 1 && target.heard().front()->over; });
    ASSERT_EQ(target.heard().size(), 1U);
    EXPECT_TRUE(target.heard().front()->bytes == all);
    EXPECT_TRUE(target.heard().front()->ended) << "an end was taken for a cut";

    siege.server.stop(std::chrono::seconds(0));
    target.close();
    (void)siege.world.run([&] { return siege.server.ended() && target.closed(); });
    EXPECT_TRUE(siege.server.ended()) << siege.world.describe();
    EXPECT_TRUE(siege.server.pools_are_full());
}

// The connection ends at once; what has come before for somebody slow is passed on to them.
TEST(MuxFrames, AFaultDoesNotTakeBackWhatCameBefore) {
    Siege siege;
    Host target_host(siege.world, *io::Endpoint::from_literal("10.0.0.3", 0));
    Talk talk;
    talk.target_deaf = std::chrono::minutes(1);
    Target target(target_host, *io::Endpoint::from_literal("10.0.0.3", kEchoPort), talk);

    const Bytes all = pattern(1, 200'000);
    Bytes plain = {0, 12, 0, 1, 1, 0, 1, 0, kEchoPort, 1, 10, 0, 0, 3};
    for (std::size_t done = 0; done < all.size(); done += 8000) {
        plain.insert(plain.end(), {0, 4, 0, 1, 2, 1});
        put_number(plain, 8000);
        const auto first = all.begin() + static_cast<std::ptrdiff_t>(done);
        plain.insert(plain.end(), first, first + 8000);
    }
    plain.insert(plain.end(), {0, 4, 0, 1, 99, 0});
    Random random(1);
    siege.send(sealed(siege.world, plain, random));
    siege.wait();
    EXPECT_LT(siege.learned.front()->closed_after, std::chrono::seconds(1));
    ASSERT_EQ(target.heard().size(), 1U);
    const Heard& heard = *target.heard().front();
    (void)siege.world.run([&] { return heard.over; });
    EXPECT_TRUE(heard.over) << siege.world.describe();
    EXPECT_FALSE(heard.ended) << "a cut was taken for an end";
    EXPECT_GT(heard.bytes.size(), all.size() - 20'000) << "less what a reset overtakes";
    EXPECT_TRUE(std::equal(heard.bytes.begin(), heard.bytes.end(), all.begin()));

    siege.server.stop(std::chrono::seconds(0));
    target.close();
    (void)siege.world.run([&] { return siege.server.ended() && target.closed(); });
    EXPECT_TRUE(siege.server.ended()) << siege.world.describe();
    EXPECT_TRUE(siege.server.pools_are_full());
}

}  // namespace
}  // namespace ferry::sim
