// Promise: a global id finds its socket again for as long as it is promised, under its user only,
// whoever has it at that moment; no descriptor is closed twice, and none is forgotten.
#include "core/kept_sockets.h"

#include <gtest/gtest.h>

#include <vector>

namespace ferry::core {
namespace {

using namespace std::chrono_literals;

constexpr KeptSockets::Key kAnna{{1}, {7}};
constexpr KeptSockets::Key kBerta{{2}, {7}};
const io::TimePoint kNow{100s};

io::Result<int> no_copy(int) {
    ADD_FAILURE() << "nothing was to be copied";
    return std::unexpected(std::errc::bad_file_descriptor);
}

// An association that counts how often it is asked to end.
std::shared_ptr<KeptSockets::Claim> claim_of(int* stops = nullptr) {
    return std::make_shared<KeptSockets::Claim>(KeptSockets::Claim{[stops] {
        ASSERT_NE(stops, nullptr) << "nobody was to be stopped";
        ++*stops;
    }});
}

// Claims a socket, as an association does when it begins.
std::shared_ptr<KeptSockets::Claim> begin(KeptSockets& sockets, const KeptSockets::Key& key, int fd,
                                          int* stops = nullptr) {
    auto claim = claim_of(stops);
    sockets.claim(key, {fd, io::Endpoint::any()}, claim);
    return claim;
}

std::vector<int> swept(KeptSockets& sockets, io::TimePoint now) {
    std::vector<int> closed;
    sockets.sweep(now, [&closed](int fd) { closed.push_back(fd); });
    return closed;
}

TEST(KeptSockets, KnowsNobodyAtFirst) {
    KeptSockets sockets;
    EXPECT_FALSE(sockets.take(kAnna, no_copy));
    EXPECT_EQ(sockets.next_sweep(), io::kNever);
}

TEST(KeptSockets, GivesASocketBackToItsUser) {
    KeptSockets sockets;
    const auto claim = begin(sockets, kAnna, 11);
    EXPECT_TRUE(sockets.leave(kAnna, claim, kNow));
    EXPECT_EQ(sockets.waiting(), 1U);
    EXPECT_FALSE(sockets.take(kBerta, no_copy)) << "the same id under another user is another one";
    const auto socket = sockets.take(kAnna, no_copy);
    ASSERT_TRUE(socket);
    EXPECT_EQ(socket->fd, 11);
    EXPECT_EQ(socket->local, io::Endpoint::any());
    EXPECT_FALSE(sockets.take(kAnna, no_copy)) << "nobody else may have it too";
    EXPECT_EQ(sockets.waiting(), 0U);
    EXPECT_EQ(sockets.returned(), 1U);
}

TEST(KeptSockets, TakesASocketFromAConnectionThatIsStillThere) {
    KeptSockets sockets;
    int stops = 0;
    const auto old = begin(sockets, kAnna, 11, &stops);
    const auto socket = sockets.take(kAnna, [](int fd) -> io::Result<int> { return fd + 1000; });
    ASSERT_TRUE(socket);
    EXPECT_EQ(socket->fd, 1011);
    EXPECT_EQ(stops, 1);
    const auto present = begin(sockets, kAnna, socket->fd);
    // The old one ends, and closes its own descriptor; the present one's place is not touched.
    EXPECT_FALSE(sockets.leave(kAnna, old, kNow));
    sockets.forget(kAnna, old);
    EXPECT_TRUE(sockets.leave(kAnna, present, kNow));
}

TEST(KeptSockets, KeepsWhatCannotBeCopied) {
    KeptSockets sockets;
    const auto claim = begin(sockets, kAnna, 11);
    const auto none = sockets.take(kAnna, [](int) -> io::Result<int> {
        return std::unexpected(std::errc::too_many_files_open);
    });
    EXPECT_FALSE(none);
    EXPECT_TRUE(sockets.leave(kAnna, claim, kNow));
}

TEST(KeptSockets, WaitsForAMinuteAtLeast) {
    KeptSockets sockets;
    EXPECT_TRUE(sockets.leave(kAnna, begin(sockets, kAnna, 11), kNow));
    EXPECT_TRUE(sockets.leave(kBerta, begin(sockets, kBerta, 12), kNow + 30s));
    EXPECT_GT(sockets.next_sweep(), kNow + 60s);
    EXPECT_TRUE(swept(sockets, kNow + 60s).empty());
    EXPECT_EQ(swept(sockets, sockets.next_sweep()), std::vector<int>{11});
    EXPECT_FALSE(sockets.take(kAnna, no_copy));
    EXPECT_EQ(swept(sockets, io::kNever), std::vector<int>{12});
    EXPECT_EQ(sockets.waiting(), 0U);
}

TEST(KeptSockets, SweepsNothingThatIsInUse) {
    KeptSockets sockets;
    const auto claim = begin(sockets, kAnna, 11);
    EXPECT_TRUE(swept(sockets, io::kNever).empty());
    EXPECT_TRUE(sockets.leave(kAnna, claim, kNow));
}

TEST(KeptSockets, ServesTheFirstOfTwoThatComeAtOnce) {
    KeptSockets sockets;
    const auto first = begin(sockets, kAnna, 11);
    const auto second = begin(sockets, kAnna, 12);
    EXPECT_FALSE(sockets.leave(kAnna, second, kNow)) << "its socket is its own to close";
    EXPECT_TRUE(sockets.leave(kAnna, first, kNow));
    EXPECT_EQ(swept(sockets, io::kNever), std::vector<int>{11});
}

TEST(KeptSockets, ForgetsForGood) {
    KeptSockets sockets;
    sockets.forget(kAnna, begin(sockets, kAnna, 11));
    EXPECT_FALSE(sockets.take(kAnna, no_copy));
    EXPECT_EQ(sockets.waiting(), 0U);
}

TEST(KeptSockets, HasALimit) {
    KeptSockets sockets;
    for (std::size_t index = 0; index <= KeptSockets::kWaitingMax; ++index) {
        KeptSockets::Key key{};
        key.user[0] = static_cast<std::uint8_t>(index);
        key.user[1] = static_cast<std::uint8_t>(index >> 8U);
        const bool kept = sockets.leave(key, begin(sockets, key, 5), kNow);
        EXPECT_EQ(kept, index < KeptSockets::kWaitingMax);
    }
    EXPECT_EQ(sockets.waiting(), KeptSockets::kWaitingMax);
    EXPECT_EQ(sockets.refused(), 1U);
}

}  // namespace
}  // namespace ferry::core
