// What does it cost to relay bulk through slots that the kernel picks, small ones or several at
// once in a bundle? What has come is sent on in pieces.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <deque>

#include "io/uring_parameters.h"
#include "perf/ring/load.h"

namespace ferry::ring {

namespace {

constexpr std::size_t kPiecesMax = 64;  // of one send: 1 MiB

struct BundleManner {
    unsigned receive_flags = 0;  // in ioprio
    std::uint32_t slots = 16;    // of all streams together
    std::size_t slot_bytes = 16 * 1024;
};

struct Piece {
    std::uint16_t slot;
    std::size_t bytes;
};

struct BundledStream {
    int source;
    int sink;
    bool is_listening = false;
    bool is_ended = false;  // nothing more comes in
    std::deque<Piece> waiting = {};
    std::vector<Piece> sending = {};
    std::vector<iovec> pieces = {};
    msghdr message = {};
};

class Bundler {
public:
    Bundler(const BundleManner& manner, std::span<const int> sources, std::span<const int> sinks)
        : manner_(manner) {
        for (std::size_t i = 0; i < sources.size(); ++i) {
            streams_.push_back({.source = sources[i], .sink = sinks[i]});
        }
    }

    bool prepare() {
        trouble_ = trouble_if("io_uring_setup", ring_.start());
        if (!trouble_) {
            trouble_ = trouble_if("ring of slots", ring_.share(manner_.slots, manner_.slot_bytes));
        }
        const bool is_bundle = (manner_.receive_flags & kBundle) != 0;
        if (!trouble_ && is_bundle && !ring_.has_feature(kFeatureBundle)) {
            trouble_ = trouble_if("bundles need Linux 6.10", -EOPNOTSUPP);
        }
        free_slots_ = manner_.slots;
        return !trouble_;
    }

    void run() {
        std::vector<Answer> answers;
        listen_all();
        while (open_ > 0 && !trouble_) {
            ring_.turn(answers);
            for (const Answer& answer : answers) {
                if (answer.topic == Topic::receive) {
                    taken(answer);
                } else {
                    given(answer);
                }
            }
            // Now that all answers of this turn are known, each stream sends what it has in one go.
            for (std::uint32_t i = 0; i < streams_.size(); ++i) {
                give(i);
            }
            listen_all();
        }
    }

    const std::optional<Trouble>& trouble() const { return trouble_; }
    std::uint64_t enters() const { return ring_.enters(); }

    std::string remark() const {
        return fmt::format("{} KiB per receive",
                           bytes_ / std::max<std::uint64_t>(receives_, 1) / 1024);
    }

private:
    bool is_multishot() const { return (manner_.receive_flags & IORING_RECV_MULTISHOT) != 0; }

    // Which streams may take slots: all that do not do so already. Without multishot, only those
    // that have sent what they had, as the pump does it.
    void listen_all() {
        for (std::uint32_t i = 0; i < streams_.size(); ++i) {
            const BundledStream& stream = streams_[i];
            const bool is_busy = !stream.sending.empty() || !stream.waiting.empty();
            const bool may = is_multishot() ? free_slots_ > 0 : free_slots_ > 0 && !is_busy;
            if (may && !stream.is_listening && !stream.is_ended) {
                listen(i);
            }
        }
    }

    void listen(std::uint32_t who) {
        BundledStream& stream = streams_[who];
        io_uring_sqe* sqe = ring_.request(Topic::receive, who);
        io_uring_prep_recv(sqe, stream.source, nullptr, 0, 0);
        sqe->ioprio = static_cast<std::uint16_t>(manner_.receive_flags);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = io::kSlotGroup;
        stream.is_listening = true;
    }

    void taken(const Answer& answer) {
        BundledStream& stream = streams_[answer.who];
        stream.is_listening = answer.has(IORING_CQE_F_MORE);
        if (answer.result == -ENOBUFS) {
            return;
        }
        if (answer.result < 0) {
            fail("recv", answer.result);
            return;
        }
        if (answer.result == 0) {
            if (answer.has(IORING_CQE_F_BUFFER)) {
                ring_.provide(answer.slot());
            }
            stream.is_ended = true;
            end_if_empty(stream);
            return;
        }
        auto left = static_cast<std::size_t>(answer.result);
        bytes_ += left;
        ++receives_;
        for (std::uint16_t slot = answer.slot();; slot = ring_.slot_after(slot)) {
            const std::size_t bytes = std::min(left, manner_.slot_bytes);
            stream.waiting.push_back({.slot = slot, .bytes = bytes});
            assert(free_slots_ > 0);
            --free_slots_;
            left -= bytes;
            if (left == 0) {
                return;
            }
        }
    }

    void give(std::uint32_t who) {
        BundledStream& stream = streams_[who];
        if (!stream.sending.empty() || stream.waiting.empty()) {
            return;
        }
        stream.pieces.clear();
        while (!stream.waiting.empty() && stream.sending.size() < kPiecesMax) {
            const Piece piece = stream.waiting.front();
            stream.waiting.pop_front();
            stream.sending.push_back(piece);
            stream.pieces.push_back({ring_.memory_of(piece.slot), piece.bytes});
        }
        stream.message = {};
        stream.message.msg_iov = stream.pieces.data();
        stream.message.msg_iovlen = stream.pieces.size();
        io_uring_sqe* sqe = ring_.request(Topic::send, who);
        io_uring_prep_sendmsg(sqe, stream.sink, &stream.message, kSendFlags);
    }

    void given(const Answer& answer) {
        BundledStream& stream = streams_[answer.who];
        if (answer.result < 0) {
            fail("sendmsg", answer.result);
            return;
        }
        moved_ = Moved::something;
        std::size_t bytes = 0;
        for (const Piece& piece : stream.sending) {
            bytes += piece.bytes;
            ring_.provide(piece.slot);
            ++free_slots_;
        }
        if (static_cast<std::size_t>(answer.result) != bytes) {
            fail("sendmsg of a part", -EIO);
        }
        stream.sending.clear();
        end_if_empty(stream);
    }

    void end_if_empty(BundledStream& stream) {
        if (stream.is_ended && stream.waiting.empty() && stream.sending.empty()) {
            shutdown(stream.sink, SHUT_WR);
            --open_;
        }
    }

    void fail(const char* what, int error) {
        if (!trouble_) {
            trouble_ = trouble_of(what, error, moved_);
        }
    }

    BundleManner manner_;
    std::vector<BundledStream> streams_;
    Ring ring_;
    std::uint32_t free_slots_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t receives_ = 0;
    std::size_t open_ = kStreams;
    Moved moved_ = Moved::nothing;
    std::optional<Trouble> trouble_;
};

Outcome bundle_bulk(const BundleManner& manner, const Sizes& sizes) {
    return relay_bulk<Bundler>(sizes, manner);
}

}  // namespace

// They stand beside the variants with a buffer per stream that have as much memory in all.
void add_bundles(std::vector<Variant>& to, std::size_t kibibytes) {
    const auto add = [&to, kibibytes](const char* name, unsigned flags,
                                      std::size_t slot_kibibytes) {
        const BundleManner manner = {
            .receive_flags = flags,
            .slots = static_cast<std::uint32_t>(kibibytes / slot_kibibytes),
            .slot_bytes = slot_kibibytes * 1024};
        to.push_back({.question = fmt::format("bulk in {} KiB", kibibytes),
                      .name = name,
                      .unit = "ms/GiB",
                      .units_per_second = 1e3,
                      .run = [manner](const Sizes& sizes) { return bundle_bulk(manner, sizes); }});
    };
    add("one slot for all", 0, kibibytes);
    add("four slots for all", 0, kibibytes / 4);
    add("16 KiB slots", 0, 16);
    add("16 KiB slots, bundles", kBundle, 16);
    add("16 KiB slots, multishot", IORING_RECV_MULTISHOT, 16);
    add("16 KiB slots, multishot bundles", IORING_RECV_MULTISHOT | kBundle, 16);
}

}  // namespace ferry::ring
