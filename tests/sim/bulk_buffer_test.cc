// Who gets a bulk buffer, and when it is given back, in virtual time.
//
// Promise: a direction that fills run buffers goes on in a bulk buffer if its policy's bufferSize
// has room for one, and does not keep it when it becomes slow or stops, wherever in a chunk.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/core.h"
#include "core/receive_pace.h"
#include "core/run_buffer.h"
#include "tests/sim/apps.h"
#include "tests/sim/configs.h"
#include "tests/sim/node.h"

namespace ferry::sim {
namespace {

const io::Endpoint kStreamHost = *io::Endpoint::from_literal("10.0.0.8", 0);
const io::Endpoint kMiddleBox = *io::Endpoint::from_literal("10.0.0.2", 10'087);
constexpr std::uint16_t kDrainPort = 81;
constexpr std::size_t kAmple = 4 * core::kBulkBytes;
constexpr std::size_t kBurstBytes = 2 * kAmple;
// Less than what a receive into a run buffer is thought worth it for.
constexpr std::size_t kTrickleBytes = 1000;

Weather roomy() {
    Weather weather;
    weather.delay_least = weather.delay_most = std::chrono::milliseconds(1);
    weather.buffer_bytes_least = weather.buffer_bytes_most = kAmple;
    return weather;
}

// What the box between client and server does after the burst.
enum class After : std::uint8_t { silence, trickle };

core::config::Config node_config(std::int64_t buffer_bytes) {
    core::config::Config config;
    core::config::Level level = patient_level();
    level.buffer_bytes = buffer_bytes;
    config.policy.levels.emplace(0, level);
    return config;
}

core::config::Config sending_node(std::int64_t buffer_bytes) {
    core::config::Config config = node_config(buffer_bytes);
    config.inbounds.push_back(door_inbound(1000, kDrainPort));
    config.outbounds.emplace_back().settings = through_server(user_account(), kMiddleBox.port());
    return config;
}

core::config::Config receiving_node(std::int64_t buffer_bytes) {
    core::config::Config config = node_config(buffer_bytes);
    config.inbounds.push_back(vmess_inbound());
    config.outbounds.push_back(freedom_outbound());
    return config;
}

// One stream from a sender through two nodes to a reader; between the nodes stands a box that
// passes on so many bytes at once, wherever that is in a chunk.
class Stream {
public:
    Stream(std::int64_t buffer_bytes, After after)
        : after_(after),
          server_(world_, kServerHost, receiving_node(buffer_bytes), dispatch(), core::Limits{}),
          client_(world_, kClientHost, sending_node(buffer_bytes), dispatch(), core::Limits{}) {
        reader_listener_.emplace(*io::Listener::open(
            reader_.root, kTargetHost.with_port(kDrainPort), io::Sharing::first));
        box_listener_.emplace(*io::Listener::open(box_.root, kMiddleBox, io::Sharing::first));
        reader_.root.spawn(read());
        box_.root.spawn(pass_on());
        sender_.root.spawn(send());
    }

    // Until so long after the burst has gone through the box.
    void run_for(io::Duration after_burst) {
        (void)world_.run([this] {
            least_free_ = std::min(least_free_, server_.pools().bulk.free_slots());
            return is_over_;
        });
        (void)world_.run([] { return false; }, after_burst);
    }
    // The most that the server had in use.
    std::uint32_t most_used() const { return core::Limits{}.bulk_buffers - least_free_; }
    std::uint32_t in_use() const {
        return core::Limits{}.bulk_buffers - server_.pools().bulk.free_slots();
    }
    std::size_t read_bytes() const noexcept { return read_bytes_; }

    void end() {
        for (Host* host : {&sender_, &box_, &reader_}) {
            host->root.stop(io::Stop::shutdown);
        }
        client_.stop(std::chrono::seconds(0));
        server_.stop(std::chrono::seconds(0));
        (void)world_.run([this] {
            return sender_.root.empty() && box_.root.empty() && reader_.root.empty() &&
                   client_.ended() && server_.ended();
        });
        EXPECT_TRUE(server_.pools_are_full());
        EXPECT_TRUE(client_.pools_are_full());
    }

private:
    io::Task<void> send() {
        auto socket = co_await io::Socket::connect(sender_.root, client_.at(0));
        if (!socket) {
            co_return;
        }
        const Bytes piece = pattern(1, core::kRunBytes);
        for (;;) {
            auto sent = co_await socket->send(piece);
            if (!sent) {
                co_return;
            }
        }
    }

    io::Task<void> read() {
        auto accepted = co_await reader_listener_->accept();
        if (!accepted) {
            co_return;
        }
        io::Socket socket(reader_.root, std::move(accepted->descriptor));
        for (;;) {
            io::Buffer buffer;
            auto got = co_await socket.recv(buffer);
            if (!got || *got == 0) {
                co_return;
            }
            read_bytes_ += *got;
        }
    }

    io::Task<void> pass_on() {
        auto accepted = co_await box_listener_->accept();
        if (!accepted) {
            co_return;
        }
        io::Socket from(box_.root, std::move(accepted->descriptor));
        auto to = co_await io::Socket::connect(box_.root, server_.at(0));
        if (!to) {
            co_return;
        }
        std::size_t left = kBurstBytes;
        while (left > 0) {
            io::Buffer buffer;
            auto got = co_await from.recv(buffer);
            if (!got || *got == 0) {
                co_return;
            }
            const std::size_t part = std::min(left, *got);
            auto sent = co_await to->send(buffer.data().first(part));
            if (!sent) {
                co_return;
            }
            left -= part;
        }
        is_over_ = true;
        co_await go_on(std::move(from), std::move(*to));
    }

    io::Task<void> go_on(io::Socket from, io::Socket to) {
        for (;;) {
            auto slept = co_await box_.loop.sleep_for(box_.root, core::kRunPatience / 4);
            if (!slept) {
                co_return;
            }
            if (after_ == After::silence) {
                continue;
            }
            io::Buffer buffer;
            auto got = co_await from.recv(buffer);
            if (!got || *got < kTrickleBytes) {
                co_return;
            }
            auto sent = co_await to.send(buffer.data().first(kTrickleBytes));
            if (!sent) {
                co_return;
            }
        }
    }

    const After after_;
    World world_{1, roomy()};
    Host sender_{world_, kStreamHost};
    Host box_{world_, kMiddleBox.with_port(0)};
    Host reader_{world_, kTargetHost};
    Node server_;
    Node client_;
    std::optional<io::Listener> reader_listener_;
    std::optional<io::Listener> box_listener_;
    std::uint32_t least_free_ = core::Limits{}.bulk_buffers;
    std::size_t read_bytes_ = 0;
    bool is_over_ = false;
};

TEST(BulkBuffers, AreForThoseWhoFillARunBuffer) {
    Stream stream(core::kBulkBytes, After::silence);
    stream.run_for(std::chrono::milliseconds(100));
    EXPECT_EQ(stream.most_used(), 1U);
    EXPECT_GT(stream.read_bytes(), kBurstBytes / 2);
    stream.end();
}

TEST(BulkBuffers, AreNotForThoseWhosePolicyHasNoRoomForThem) {
    Stream stream(core::kBulkBytes - 1, After::silence);
    stream.run_for(std::chrono::milliseconds(100));
    EXPECT_EQ(stream.most_used(), 0U);
    EXPECT_GT(stream.read_bytes(), kBurstBytes / 2);
    stream.end();
}

TEST(BulkBuffers, AreNotForACoreThatReceivesMuchAlready) {
    constexpr std::size_t kBound = core::kBulkBytes;
    core::Pools pools(core::Limits{});
    core::ReceivePace pace;
    EXPECT_FALSE(pace.learn(core::kRunBytes, core::kRunBytes, core::kRunBytes));
    std::vector<io::Buffer> others;
    while (others.size() * core::kRunBytes + core::kBulkBytes <= core::kBusyBytes) {
        EXPECT_EQ(pace.larger_buffer(pools, 0, 1, kBound).slot_bytes(), core::kBulkBytes);
        others.push_back(pools.run.try_take());
    }
    EXPECT_EQ(pace.larger_buffer(pools, 0, 1, kBound).slot_bytes(), core::kRunBytes);
    // One of those is its own, and would go back.
    EXPECT_EQ(pace.larger_buffer(pools, core::kRunBytes, 1, kBound).slot_bytes(), core::kBulkBytes);
}

TEST(BulkBuffers, AreGivenBackByADirectionThatStopsInAChunk) {
    Stream stream(core::kBulkBytes, After::silence);
    stream.run_for(core::kRunPatience / 2);
    EXPECT_EQ(stream.in_use(), 1U) << "the stream ended between two chunks, and nothing is shown";
    stream.run_for(core::kRunPatience);
    EXPECT_EQ(stream.in_use(), 0U);
    stream.end();
}

TEST(BulkBuffers, AreGivenBackByADirectionThatSlowsDown) {
    Stream stream(core::kBulkBytes, After::trickle);
    // Never silent for long enough to be told by that, and still in the same chunk.
    stream.run_for(core::kRunPatience);
    EXPECT_EQ(stream.most_used(), 1U);
    EXPECT_EQ(stream.in_use(), 0U);
    stream.end();
}

}  // namespace
}  // namespace ferry::sim
