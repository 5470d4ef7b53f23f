// Mail: sockets for datagrams, and what is said and heard on them, for the tests of DatagramSocket.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "io/datagram.h"
#include "tests/io/engine.h"

namespace ferry::test {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint32_t kSlots = 8;

// The fixture: an engine, and a pool to receive into.
class DatagramTest : public EngineTest {
protected:
    void TearDown() override {
        EXPECT_EQ(pool.free_slots(), kSlots);
        EngineTest::TearDown();
    }
    // The simulated network is windy: datagrams are late there and overtake each other.
    bool real() { return engine().simulated() == nullptr; }

    io::BufferPool pool{io::DatagramBatch::kSlotBytes, kSlots};
};

inline io::DatagramSocket door(io::Scope& scope,
                               const io::Endpoint& at = io::Endpoint::loopback()) {
    auto made = io::DatagramSocket::open(scope, at);
    EXPECT_TRUE(made);
    return std::move(*made);
}

inline io::Endpoint where(const io::DatagramSocket& socket) {
    const auto local = socket.local();
    EXPECT_TRUE(local);
    return local.value_or(io::Endpoint());
}

// Datagrams, and the bytes that they look at.
class Mail {
public:
    void add(const io::Endpoint& to, std::size_t bytes, std::uint64_t from = 0) {
        bytes_.push_back(std::make_unique<Bytes>(bytes_from(from, bytes)));
        all_.push_back({to, *bytes_.back()});
    }
    std::span<const io::Datagram> all() const { return all_; }
    const Bytes& bytes(std::size_t index) const { return *bytes_[index]; }

private:
    std::vector<std::unique_ptr<Bytes>> bytes_;
    std::vector<io::Datagram> all_;
};

struct Got {
    io::Endpoint peer;
    Bytes bytes;
};

inline void keep(const io::DatagramBatch& batch, std::vector<Got>& got) {
    for (const io::Datagram& one : batch.all()) {
        got.push_back({one.peer, Bytes(one.bytes.begin(), one.bytes.end())});
    }
}

inline io::Task<void> hear(io::Scope& scope, io::DatagramSocket& socket, io::BufferPool& pool,
                           std::size_t count, std::vector<Got>& got) {
    io::DatagramBatch batch;
    while (got.size() < count) {
        auto heard = co_await socket.recv(scope, pool, batch);
        EXPECT_TRUE(heard);
        if (!heard) {
            co_return;
        }
        EXPECT_FALSE(batch.empty());
        EXPECT_EQ(batch.dropped(), 0U);
        keep(batch, got);
    }
}

inline io::Task<void> say(io::Scope& scope, io::DatagramSocket& socket, const Mail& mail,
                          std::size_t skipped = 0) {
    auto said = co_await socket.send(scope, mail.all());
    EXPECT_TRUE(said);
    EXPECT_EQ(said.value_or(~std::size_t{0}), skipped);
}

// One receive, and its answer.
inline io::Task<void> hear_once(io::Scope& scope, io::DatagramSocket& socket, io::BufferPool& pool,
                                io::DatagramBatch& batch, std::optional<io::Result<void>>& answer) {
    auto heard = co_await socket.recv(scope, pool, batch);
    answer = heard;
}

}  // namespace ferry::test
