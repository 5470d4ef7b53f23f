// Addresses are known for the users who were served there last, and for nobody else.
#include "core/known_addresses.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ferry::core {
namespace {

constexpr std::uint64_t kSeed = 0x0123456789abcdef;

KnownAddresses::Key at(const std::string& address, std::uint16_t inbound = 0) {
    return {PeerAddress(*io::Endpoint::from_literal(address, 4000)), inbound};
}

KnownAddresses::Key host(std::uint32_t number) {
    std::array<std::uint8_t, 4> ip;
    crypto::store_be(ip.data(), number);
    return {PeerAddress(io::Endpoint::ipv4(ip, 1)), 0};
}

std::vector<std::uint32_t> users(const KnownAddresses& known, const KnownAddresses::Key& key) {
    const auto places = known.find(key);
    return {places.begin(), places.end()};
}

using Places = std::vector<std::uint32_t>;

TEST(KnownAddresses, RemembersTheLastFourTheLatestFirst) {
    KnownAddresses known(kSeed, 1024);
    EXPECT_EQ(users(known, at("192.0.2.1")), Places{});
    for (const std::uint32_t place : {1U, 2U, 3U, 4U}) {
        known.insert(at("192.0.2.1"), place);
    }
    EXPECT_EQ(users(known, at("192.0.2.1")), (Places{4, 3, 2, 1}));
    known.insert(at("192.0.2.1"), 2);
    EXPECT_EQ(users(known, at("192.0.2.1")), (Places{2, 4, 3, 1}));
    known.insert(at("192.0.2.1"), 5);
    EXPECT_EQ(users(known, at("192.0.2.1")), (Places{5, 2, 4, 3}));
    known.insert(at("192.0.2.1"), 5);
    EXPECT_EQ(users(known, at("192.0.2.1")), (Places{5, 2, 4, 3}));
}

TEST(KnownAddresses, ToldApartAreAddressesOfIPv4NetworksOfIPv6AndInbounds) {
    KnownAddresses known(kSeed, 1024);
    known.insert(at("192.0.2.1"), 1);
    known.insert(at("2001:db8:0:7::1"), 2);
    known.insert(at("192.0.2.1", 1), 3);
    EXPECT_EQ(users(known, at("192.0.2.1")), Places{1});
    EXPECT_EQ(users(known, at("192.0.2.2")), Places{});
    EXPECT_EQ(users(known, at("2001:db8:0:7:ffff::9")), Places{2});
    EXPECT_EQ(users(known, at("2001:db8:0:8::1")), Places{});
    EXPECT_EQ(users(known, at("192.0.2.1", 1)), Places{3});
    EXPECT_EQ(users(known, at("192.0.2.1", 2)), Places{});
    EXPECT_EQ(users(known, at("::c000:201")), Places{}) << "the same 32 bits in another family";
}

TEST(KnownAddresses, GrowsToItsLimitAndNeverMixesUp) {
    constexpr std::size_t kMost = 4096;
    KnownAddresses known(kSeed, kMost);
    for (std::uint32_t number = 0; number < 20'000; ++number) {
        known.insert(host(number), number);
        EXPECT_EQ(users(known, host(number)), Places{number});
    }
    EXPECT_LE(known.size(), kMost);
    EXPECT_GE(known.size(), kMost / 2);
    std::size_t there = 0;
    for (std::uint32_t number = 0; number < 20'000; ++number) {
        const Places found = users(known, host(number));
        there += found.size();
        EXPECT_TRUE(found.empty() || found == Places{number}) << number;
    }
    EXPECT_EQ(there, known.size());
}

TEST(KnownAddresses, MostAreKeptWhileItGrows) {
    KnownAddresses known(kSeed, 65536);
    std::size_t there = 0;
    for (std::uint32_t number = 0; number < 10'000; ++number) {
        known.insert(host(number), number);
    }
    for (std::uint32_t number = 0; number < 10'000; ++number) {
        there += users(known, host(number)).size();
    }
    EXPECT_GE(there, 9'000U) << "it is never more than half full";
}

// With one place for each, two of six are in each other's way for one seed of seventeen.
TEST(KnownAddresses, AFewAreNeverInEachOthersWay) {
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        KnownAddresses known(kSeed * (seed + 1), 1024);
        for (std::uint32_t number = 0; number < 6; ++number) {
            known.insert(host(number), number);
        }
        for (std::uint32_t number = 0; number < 6; ++number) {
            EXPECT_EQ(users(known, host(number)), Places{number}) << seed;
        }
    }
}

TEST(KnownAddresses, WhereAllPlacesAreTakenTheOldestGoes) {
    KnownAddresses known(kSeed, 4);  // and so it stays as small as it begins
    constexpr std::uint32_t kMany = 4000;
    for (std::uint32_t number = 0; number < kMany; ++number) {
        known.insert(host(0), 7);
        known.insert(host(number), number == 0 ? 7 : number);
        EXPECT_EQ(users(known, host(0)), Places{7}) << number;
    }
}

}  // namespace
}  // namespace ferry::core
