// What does it cost to send back a small message? 64 connections, of which each waits for the echo
// before it sends the next message.
#include <array>
#include <cerrno>
#include <utility>

#include "io/uring_parameters.h"
#include "perf/ring/load.h"

namespace ferry::ring {

namespace {

constexpr std::uint32_t kConnections = 64;
constexpr std::uint32_t kSlots = 256;
constexpr std::size_t kSlotBytes = 2048;

enum class Listening : std::uint8_t {
    again,      // one receive, and the next one when its message has been sent
    multishot,  // one receive for all messages
    linked,     // the next receive is sent along with the echo, and begins behind it
};

struct EchoManner {
    Listening listening = Listening::again;
    Files files = Files::descriptors;
    unsigned receive_flags = 0;  // in ioprio
};

class Echo {
public:
    Echo(const EchoManner& manner, std::span<const int> sockets)
        : manner_(manner), sockets_(sockets) {
        slots_.fill(kNoSlot);
    }

    bool prepare() {
        trouble_ = trouble_if("io_uring_setup", ring_.start());
        if (!trouble_) {
            trouble_ = trouble_if("ring of slots", ring_.share(kSlots, kSlotBytes));
        }
        if (!trouble_ && manner_.files == Files::registered) {
            trouble_ = trouble_if("registered files", ring_.register_files(sockets_));
        }
        return !trouble_;
    }

    void run() {
        for (std::uint32_t i = 0; i < sockets_.size(); ++i) {
            receive(i);
        }
        std::vector<Answer> answers;
        while (open_ > 0 && !trouble_) {
            ring_.turn(answers);
            for (const Answer& answer : answers) {
                if (answer.topic == Topic::receive) {
                    received(answer);
                } else {
                    sent(answer);
                }
            }
        }
    }

    const std::optional<Trouble>& trouble() const { return trouble_; }
    std::uint64_t enters() const { return ring_.enters(); }

private:
    static constexpr std::uint16_t kNoSlot = 0xffff;

    void name(io_uring_sqe* sqe, std::uint32_t who) const {
        if (manner_.files == Files::registered) {
            use_registered(sqe, who);
        }
    }

    void receive(std::uint32_t who) {
        io_uring_sqe* sqe = ring_.request(Topic::receive, who);
        io_uring_prep_recv(sqe, sockets_[who], nullptr, 0, 0);
        sqe->ioprio = static_cast<std::uint16_t>(
            manner_.receive_flags |
            (manner_.listening == Listening::multishot ? IORING_RECV_MULTISHOT : 0));
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = io::kSlotGroup;
        name(sqe, who);
    }

    // A link is not to be cut by the end of the queue.
    void make_room(unsigned requests) {
        if (ring_.free_places() < requests) {
            ring_.submit();
        }
    }

    void echo(std::uint32_t who, std::uint16_t slot, std::size_t bytes) {
        make_room(2);
        const bool is_linked = manner_.listening == Listening::linked;
        const std::uint32_t whose = is_linked ? who : (std::uint32_t{slot} << 16) | who;
        io_uring_sqe* sqe = ring_.request(Topic::send, whose);
        io_uring_prep_send(sqe, sockets_[who], ring_.memory_of(slot), bytes, kSendFlags);
        name(sqe, who);
        if (is_linked) {
            sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
            slots_[who] = slot;
            receive(who);
        }
    }

    void received(const Answer& answer) {
        const std::uint32_t who = answer.who;
        if (slots_[who] != kNoSlot) {  // linked: what was sent before this is gone
            ring_.provide(std::exchange(slots_[who], kNoSlot));
        }
        if (answer.result == -ENOBUFS) {
            receive(who);
            return;
        }
        if (answer.result < 0) {
            fail("recv", answer.result);
            return;
        }
        if (answer.has(IORING_CQE_F_BUFFER) && answer.result == 0) {
            ring_.provide(answer.slot());
        }
        if (answer.result == 0) {
            --open_;
            return;
        }
        moved_ = Moved::something;
        echo(who, answer.slot(), static_cast<std::size_t>(answer.result));
        if (manner_.listening == Listening::multishot && !answer.has(IORING_CQE_F_MORE)) {
            receive(who);
        }
    }

    void sent(const Answer& answer) {
        if (answer.result < 0) {
            fail("send", answer.result);
            return;
        }
        ring_.provide(static_cast<std::uint16_t>(answer.who >> 16));
        if (manner_.listening == Listening::again) {
            receive(answer.who & 0xffff);
        }
    }

    void fail(const char* what, int error) {
        if (!trouble_) {
            trouble_ = trouble_of(what, error, moved_);
        }
    }

    EchoManner manner_;
    std::span<const int> sockets_;
    Ring ring_;
    std::array<std::uint16_t, kConnections> slots_ = {};  // that are being sent, where linked
    std::size_t open_ = sockets_.size();
    Moved moved_ = Moved::nothing;
    std::optional<Trouble> trouble_;
};

Outcome echo_messages(const EchoManner& manner, const Sizes& sizes) {
    Sockets relayed;
    Sockets loaded;
    connect_pairs(kConnections, relayed, loaded);
    Echo echo(manner, relayed.all());
    if (!echo.prepare()) {
        return std::unexpected(*echo.trouble());
    }
    Load load([&] { return ping(loaded.all(), sizes.messages); });
    const Stopwatch watch;
    echo.run();
    const double seconds = watch.seconds();
    relayed.shut_down();
    const std::string wrong = load.join();
    return outcome_of(echo.trouble(), wrong,
                      {.cpu_seconds = seconds,
                       .units = static_cast<double>(kConnections) * sizes.messages,
                       .enters = static_cast<double>(echo.enters()),
                       .remark = ""});
}

}  // namespace

void add_messages(std::vector<Variant>& to) {
    const auto add = [&to](const char* name, const EchoManner& manner) {
        to.push_back(
            {.question = "messages",
             .name = name,
             .unit = "us/message",
             .units_per_second = 1e6,
             .run = [manner](const Sizes& sizes) { return echo_messages(manner, sizes); }});
    };
    add("as today", {});
    add("multishot recv", {.listening = Listening::multishot});
    add("registered files", {.files = Files::registered});
    add("poll first", {.receive_flags = IORING_RECVSEND_POLL_FIRST});
    add("recv linked behind send", {.listening = Listening::linked});
    add("multishot recv, registered files",
        {.listening = Listening::multishot, .files = Files::registered});
}

}  // namespace ferry::ring
