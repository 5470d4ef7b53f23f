// What does it cost to accept a connection, and to close it at once?
#include <unistd.h>

#include <cerrno>

#include "io/kernel.h"
#include "perf/ring/load.h"

namespace ferry::ring {

namespace {

constexpr unsigned kTable = 1024;  // places for direct descriptors; the load has 64 connections

enum class Closing : std::uint8_t { call, on_ring };
enum class Asking : std::uint8_t { no, peer };  // getpeername, where accept does not tell

struct DoorManner {
    std::uint32_t armed = 1;    // accepts at a time
    unsigned accept_flags = 0;  // in ioprio
    Files files = Files::descriptors;
    Closing closing = Closing::call;
    Asking asking = Asking::no;
};

// What a single accept writes to.
struct Peer {
    io::Endpoint at;
    socklen_t length = 0;
};

class Door {
public:
    Door(const DoorManner& manner, int listener, std::uint32_t count)
        : manner_(manner), listener_(listener), left_(count), peers_(manner.armed) {}

    bool prepare() {
        trouble_ = trouble_if("io_uring_setup", ring_.start());
        if (!trouble_ && manner_.files == Files::registered) {
            trouble_ = trouble_if("table of files", ring_.register_empty_files(kTable));
        }
        return !trouble_;
    }

    void run() {
        for (std::uint32_t i = 0; i < manner_.armed; ++i) {
            arm(i);
        }
        std::vector<Answer> answers;
        while (left_ > 0 && !trouble_) {
            ring_.turn(answers);
            for (const Answer& answer : answers) {
                look_at(answer);
            }
        }
        ring_.submit();  // the last closes
    }

    // Nothing of the accepts in flight is left: they write to memory of ours.
    void finish() {
        shutdown(listener_, SHUT_RDWR);
        std::vector<Answer> answers;
        while (in_flight_ > 0) {
            ring_.turn(answers);
            for (const Answer& answer : answers) {
                const bool is_last =
                    answer.topic == Topic::accept && !answer.has(IORING_CQE_F_MORE);
                in_flight_ -= is_last ? 1 : 0;
            }
        }
    }

    const std::optional<Trouble>& trouble() const { return trouble_; }
    std::uint64_t enters() const { return ring_.enters(); }

private:
    bool is_multishot() const { return (manner_.accept_flags & IORING_ACCEPT_MULTISHOT) != 0; }

    void arm(std::uint32_t who) {
        io_uring_sqe* sqe = ring_.request(Topic::accept, who);
        if (is_multishot()) {
            // One address for all of them would be overwritten before anybody reads it.
            io_uring_prep_accept(sqe, listener_, nullptr, nullptr, 0);
        } else {
            Peer& peer = peers_[who];
            peer.length = io::Endpoint::kLengthMax;
            io_uring_prep_accept(sqe, listener_, peer.at.writable_address(), &peer.length, 0);
        }
        sqe->ioprio = static_cast<std::uint16_t>(manner_.accept_flags);
        if (manner_.files == Files::registered) {
            sqe->file_index = IORING_FILE_INDEX_ALLOC;  // direct ones refuse SOCK_CLOEXEC
        } else {
            sqe->accept_flags = SOCK_CLOEXEC;
        }
        ++in_flight_;
    }

    void look_at(const Answer& answer) {
        if (answer.topic == Topic::close) {
            fail("close", answer.result);  // what went well is not answered
            return;
        }
        const bool is_last = !answer.has(IORING_CQE_F_MORE);
        in_flight_ -= is_last ? 1 : 0;
        if (answer.result < 0) {
            fail("accept", answer.result);
            return;
        }
        moved_ = Moved::something;
        look_who(answer);
        close_one(answer.result);
        --left_;
        if (is_last && left_ > 0 && !trouble_) {
            arm(answer.who);
        }
    }

    // It is from this machine, whatever way it came to be known.
    void look_who(const Answer& answer) {
        if (manner_.asking == Asking::peer) {
            const auto peer = io::kernel_peer_endpoint(answer.result);
            if (!peer || peer->ip_text() != "127.0.0.1") {
                fail("getpeername", -EIO);
            }
        } else if (!is_multishot() && peers_[answer.who].at.ip()[0] != 127) {
            fail("the address of accept", -EIO);
        }
    }

    void close_one(int accepted) {
        if (manner_.closing == Closing::call) {
            close(accepted);
            return;
        }
        io_uring_sqe* sqe = ring_.request(Topic::close, 0);
        if (manner_.files == Files::registered) {
            io_uring_prep_close_direct(sqe, static_cast<unsigned>(accepted));
        } else {
            io_uring_prep_close(sqe, accepted);
        }
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    }

    void fail(const char* what, int error) {
        if (!trouble_) {
            trouble_ = trouble_of(what, error, moved_);
        }
    }

    DoorManner manner_;
    int listener_;
    std::uint32_t left_;
    std::vector<Peer> peers_;
    Ring ring_;
    std::uint32_t in_flight_ = 0;
    Moved moved_ = Moved::nothing;
    std::optional<Trouble> trouble_;
};

Outcome accept_visits(const DoorManner& manner, const Sizes& sizes) {
    io::Endpoint at;
    Sockets listeners;
    const int listener = listen_on_loopback(at);
    listeners.add(listener);
    Door door(manner, listener, sizes.visits);
    if (!door.prepare()) {
        return std::unexpected(*door.trouble());
    }
    Load load([&] { return visit(at, listener, sizes.visits); });
    const Stopwatch watch;
    door.run();
    const double seconds = watch.seconds();
    const Cost cost = {.cpu_seconds = seconds,
                       .units = static_cast<double>(sizes.visits),
                       .enters = static_cast<double>(door.enters()),
                       .remark = ""};
    door.finish();
    const std::string wrong = load.join();
    return outcome_of(door.trouble(), wrong, cost);
}

}  // namespace

void add_accepts(std::vector<Variant>& to) {
    const auto add = [&to](const char* name, const DoorManner& manner) {
        to.push_back(
            {.question = "accepts",
             .name = name,
             .unit = "us/connection",
             .units_per_second = 1e6,
             .run = [manner](const Sizes& sizes) { return accept_visits(manner, sizes); }});
    };
    add("as today", {});
    add("four accepts armed", {.armed = 4});
    add("multishot", {.accept_flags = IORING_ACCEPT_MULTISHOT});
    add("multishot, getpeername",
        {.accept_flags = IORING_ACCEPT_MULTISHOT, .asking = Asking::peer});
    add("close on the ring", {.closing = Closing::on_ring});
    add("direct, close on the ring", {.files = Files::registered, .closing = Closing::on_ring});
    add("multishot direct, close on the ring", {.accept_flags = IORING_ACCEPT_MULTISHOT,
                                                .files = Files::registered,
                                                .closing = Closing::on_ring});
}

}  // namespace ferry::ring
