#include "perf/load/channel.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "proto/vmess/auth_id.h"
#include "proto/vmess/body.h"

namespace ferry::load {

namespace vmess = proto::vmess;

namespace {

constexpr std::uint8_t kFill = 0x5a;

constexpr auto kPayload = [] {
    std::array<std::uint8_t, kBurstBytes> payload{};
    payload.fill(kFill);
    return payload;
}();

constexpr auto kBadMessage = std::errc::bad_message;

// One comparison with itself, shifted by one byte: as fast as memory.
bool is_payload(ByteView bytes) {
    return bytes.empty() || (bytes[0] == kFill &&
                             std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

void Channel::speak(const vmess::UserId& id, vmess::BodyChoice security,
                    const proto::Address& target) {
    vmess::Request request;
    const vmess::Offer offer =
        vmess::offer_for(security, vmess::Command::tcp, vmess::SealedLengths::off);
    request.security = offer.security;
    request.options = offer.options;
    request.target = target;
    vmess::draw_secrets(request, rig_.random);
    auto sealer = vmess::make_request_sealer(rig_.dispatch, rig_.random, vmess::CommandKey(id),
                                             rig_.loop.unix_seconds(), request);
    auto opener = vmess::make_response_opener(rig_.dispatch, request);
    // Every security that can be chosen is one that this program speaks.
    assert(sealer && opener);
    sealer_ = std::move(*sealer);
    opener_ = std::move(*opener);
}

io::Task<io::Result<void>> Channel::understand(const core::UserTable& users) {
    auto prefix = co_await fetch(vmess::kPrefixBytes);
    if (!prefix) {
        co_return prefix;
    }
    const auto auth_id = ByteView(in_.data()).first<vmess::kAuthIdBytes>();
    const core::UserMatches found = users.find(auth_id);
    if (found.empty()) {
        co_return std::unexpected(kBadMessage);
    }
    const vmess::CommandKey key = found.begin()->command_key();
    const auto bytes =
        vmess::request_bytes(rig_.dispatch, key, in_.data().first(vmess::kPrefixBytes));
    if (!bytes) {
        co_return std::unexpected(kBadMessage);
    }
    auto whole = co_await fetch(*bytes);
    if (!whole) {
        co_return whole;
    }
    const auto request = vmess::open_request(rig_.dispatch, key, in_.data().first(*bytes));
    if (!request) {
        co_return std::unexpected(kBadMessage);
    }
    in_.consume(*bytes);
    auto opener = vmess::make_request_opener(rig_.dispatch, *request);
    auto sealer = vmess::make_response_sealer(rig_.dispatch, rig_.random, *request);
    if (!opener || !sealer) {
        co_return std::unexpected(kBadMessage);
    }
    opener_ = std::move(*opener);
    sealer_ = std::move(*sealer);
    co_return {};
}

io::Task<io::Result<void>> Channel::send(std::size_t count, std::size_t chunk_bytes) {
    while (count > 0) {
        if (sealer_ && sealer_->plain()) {
            sealer_.reset();
        }
        if (!sealer_) {
            const ByteView piece = ByteView(kPayload).first(std::min(count, kPayload.size()));
            auto sent = co_await socket_.send(piece);
            if (!sent) {
                co_return sent;
            }
            count -= piece.size();
            continue;
        }
        auto taken = co_await rig_.out.take(socket_.scope());
        if (!taken) {
            co_return std::unexpected(taken.error());
        }
        count -= fill(*taken, count, chunk_bytes);
        auto sent = co_await socket_.send(taken->data());
        if (!sent) {
            co_return sent;
        }
    }
    co_return {};
}

// Seals as much of `count` bytes as the buffer and one send take.
//
//   gives  how much that is
std::size_t Channel::fill(io::Buffer& out, std::size_t count, std::size_t chunk_bytes) {
    const std::size_t wanted = std::min(count, kBurstBytes);
    std::size_t done = 0;
    while (done < wanted) {
        const std::size_t piece = std::min({wanted - done, chunk_bytes, sealer_->payload_max()});
        if (out.room().size() < piece + sealer_->added_max()) {
            break;
        }
        out.commit(sealer_->seal(ByteView(kPayload).first(piece), out.room()));
        done += piece;
    }
    return done;
}

io::Task<io::Result<std::size_t>> Channel::receive(Check check) {
    for (;;) {
        const auto taken = take(check);
        if (!taken) {
            co_return std::unexpected(taken.error());
        }
        if (*taken > 0 || ended_) {
            co_return *taken;
        }
        // What is left is the beginning of a unit, which is shorter than a slot.
        in_.close_up();
        auto got = co_await socket_.recv(in_);
        if (!got) {
            co_return got;
        }
        if (*got == 0) {
            if (opener_ && !opener_->may_end()) {
                co_return std::unexpected(std::errc::connection_aborted);
            }
            co_return std::size_t{0};
        }
    }
}

// Opens what has come.
//
//   gives  how much payload that is
io::Result<std::size_t> Channel::take(Check check) {
    std::size_t payload_bytes = 0;
    while (!in_.data().empty() && !ended_) {
        ByteSpan payload = in_.data();
        std::size_t count = payload.size();
        if (opener_) {
            const auto opened = opener_->open(in_.data());
            if (!opened) {
                return std::unexpected(kBadMessage);
            }
            if (opened->kind == proto::Opened::Kind::need) {
                break;
            }
            payload = opened->data;
            count = opened->count;
            ended_ = opened->kind == proto::Opened::Kind::end;
        }
        if (check == Check::on && !is_payload(payload)) {
            return std::unexpected(kBadMessage);
        }
        payload_bytes += payload.size();
        in_.consume(count);
        if (opener_ && opener_->plain()) {
            opener_.reset();
        }
    }
    return payload_bytes;
}

io::Task<io::Result<void>> Channel::fetch(std::size_t count) {
    while (in_.data().size() < count) {
        auto got = co_await socket_.recv(in_);
        if (!got) {
            co_return std::unexpected(got.error());
        }
        if (*got == 0) {
            co_return std::unexpected(std::errc::connection_aborted);
        }
    }
    co_return {};
}

io::Task<io::Result<void>> Channel::end() {
    if (sealer_) {
        auto taken = co_await rig_.out.take(socket_.scope());
        if (!taken) {
            co_return std::unexpected(taken.error());
        }
        taken->commit(sealer_->end(taken->room()));
        if (!taken->data().empty()) {
            auto sent = co_await socket_.send(taken->data());
            if (!sent) {
                co_return sent;
            }
        }
    }
    auto done = co_await socket_.shutdown_write();
    co_return done;
}

}  // namespace ferry::load
