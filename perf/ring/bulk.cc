// What does it cost to relay bulk through one buffer per stream? Four streams; each is received
// into its buffer and sent on from there, one after the other, as the pump of the program does it.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "perf/ring/load.h"

namespace ferry::ring {

namespace {

enum class Intake : std::uint8_t { recv, read_fixed };
enum class Outlet : std::uint8_t { send, send_zc, send_zc_fixed, sendmsg_zc, write_fixed };

struct CopyManner {
    Intake intake = Intake::recv;
    Outlet outlet = Outlet::send;
    Files files = Files::descriptors;

    bool has_buffers() const {  // registered ones
        return intake == Intake::read_fixed || outlet == Outlet::send_zc_fixed ||
               outlet == Outlet::write_fixed;
    }
};

// One stream. Its buffer is free once all of it has been sent and the kernel does not look at it.
struct CopiedStream {
    int source;
    int sink;
    Pages buffer;
    std::size_t begin = 0;  // of what is still to be sent
    std::size_t end = 0;
    std::uint32_t watched = 0;  // zero-copy sends that the kernel has not let go of
    iovec piece = {};
    msghdr message = {};

    std::size_t left() const { return end - begin; }
};

class Copier {
public:
    Copier(const CopyManner& manner, std::size_t buffer_bytes, std::span<const int> sources,
           std::span<const int> sinks)
        : manner_(manner) {
        for (std::size_t i = 0; i < sources.size(); ++i) {
            streams_.push_back(
                {.source = sources[i], .sink = sinks[i], .buffer = Pages(buffer_bytes)});
        }
    }

    bool prepare() {
        trouble_ = trouble_if("io_uring_setup", ring_.start());
        if (!trouble_ && manner_.files == Files::registered) {
            std::vector<int> files;
            for (const CopiedStream& stream : streams_) {
                files.push_back(stream.source);
                files.push_back(stream.sink);
            }
            trouble_ = trouble_if("registered files", ring_.register_files(files));
        }
        if (!trouble_ && manner_.has_buffers()) {
            std::vector<iovec> buffers;
            for (CopiedStream& stream : streams_) {
                buffers.push_back({stream.buffer.data(), stream.buffer.size()});
            }
            trouble_ = trouble_if("registered buffers", ring_.register_buffers(buffers));
        }
        return !trouble_;
    }

    void run() {
        for (std::uint32_t i = 0; i < streams_.size(); ++i) {
            take(i);
        }
        std::vector<Answer> answers;
        while (open_ > 0 && !trouble_) {
            ring_.turn(answers);
            for (const Answer& answer : answers) {
                if (answer.topic == Topic::receive) {
                    taken(answer);
                } else {
                    given(answer);
                }
            }
        }
    }

    const std::optional<Trouble>& trouble() const { return trouble_; }
    std::uint64_t enters() const { return ring_.enters(); }

    std::string remark() const {
        const std::string size = fmt::format("{} KiB per receive",
                                             bytes_ / std::max<std::uint64_t>(receives_, 1) / 1024);
        const bool is_zero_copy = notified_ > 0;
        return is_zero_copy ? fmt::format("{}; copied after all: {:.0f} % of sends", size,
                                          100.0 * static_cast<double>(copied_) /
                                              static_cast<double>(notified_))
                            : size;
    }

private:
    void name(io_uring_sqe* sqe, std::uint32_t place) const {
        if (manner_.files == Files::registered) {
            use_registered(sqe, place);
        }
    }

    void take(std::uint32_t who) {
        CopiedStream& stream = streams_[who];
        const auto room = static_cast<unsigned>(stream.buffer.size());
        io_uring_sqe* sqe = ring_.request(Topic::receive, who);
        switch (manner_.intake) {
            case Intake::recv:
                io_uring_prep_recv(sqe, stream.source, stream.buffer.data(), room, 0);
                break;
            case Intake::read_fixed:
                io_uring_prep_read_fixed(sqe, stream.source, stream.buffer.data(), room, 0,
                                         static_cast<int>(who));
                break;
        }
        name(sqe, 2 * who);
    }

    void give(std::uint32_t who) {
        CopiedStream& stream = streams_[who];
        const std::uint8_t* bytes = stream.buffer.data() + stream.begin;
        const auto count = static_cast<unsigned>(stream.left());
        io_uring_sqe* sqe = ring_.request(Topic::send, who);
        switch (manner_.outlet) {
            case Outlet::send:
                io_uring_prep_send(sqe, stream.sink, bytes, count, kSendFlags);
                break;
            case Outlet::send_zc:
                io_uring_prep_send_zc(sqe, stream.sink, bytes, count, kSendFlags,
                                      kSendZcReportUsage);
                break;
            case Outlet::send_zc_fixed:
                io_uring_prep_send_zc_fixed(sqe, stream.sink, bytes, count, kSendFlags,
                                            kSendZcReportUsage, who);
                break;
            case Outlet::sendmsg_zc:
                stream.piece = {stream.buffer.data() + stream.begin, count};
                stream.message = {};
                stream.message.msg_iov = &stream.piece;
                stream.message.msg_iovlen = 1;
                io_uring_prep_sendmsg_zc(sqe, stream.sink, &stream.message, kSendFlags);
                sqe->ioprio = kSendZcReportUsage;
                break;
            case Outlet::write_fixed:
                io_uring_prep_write_fixed(sqe, stream.sink, bytes, count, 0, static_cast<int>(who));
                break;
        }
        name(sqe, 2 * who + 1);
    }

    void taken(const Answer& answer) {
        if (answer.result < 0) {
            fail("receiving", answer.result);
            return;
        }
        CopiedStream& stream = streams_[answer.who];
        if (answer.result == 0) {
            shutdown(stream.sink, SHUT_WR);
            --open_;
            return;
        }
        stream.begin = 0;
        stream.end = static_cast<std::size_t>(answer.result);
        bytes_ += stream.end;
        ++receives_;
        give(answer.who);
    }

    void given(const Answer& answer) {
        CopiedStream& stream = streams_[answer.who];
        if (answer.has(IORING_CQE_F_NOTIF)) {
            --stream.watched;
            ++notified_;
            const auto usage = static_cast<std::uint32_t>(answer.result);
            copied_ += (usage & kNotifiedCopied) != 0 ? 1 : 0;
            go_on(answer.who);
            return;
        }
        stream.watched += answer.has(IORING_CQE_F_MORE) ? 1 : 0;
        if (answer.result <= 0) {
            fail("sending", answer.result);
            return;
        }
        moved_ = Moved::something;
        stream.begin += static_cast<std::size_t>(answer.result);
        assert(stream.begin <= stream.end);
        if (stream.left() > 0) {
            give(answer.who);
        } else {
            go_on(answer.who);
        }
    }

    void go_on(std::uint32_t who) {
        if (streams_[who].left() == 0 && streams_[who].watched == 0) {
            take(who);
        }
    }

    void fail(const char* what, int error) {
        if (!trouble_) {
            trouble_ = trouble_of(what, error, moved_);
        }
    }

    CopyManner manner_;
    std::vector<CopiedStream> streams_;
    Ring ring_;  // gone before the buffers are
    std::size_t open_ = kStreams;
    Moved moved_ = Moved::nothing;
    std::uint64_t bytes_ = 0;
    std::uint64_t receives_ = 0;
    std::uint64_t notified_ = 0;  // ends of zero-copy sends
    std::uint64_t copied_ = 0;
    std::optional<Trouble> trouble_;
};

Outcome copy_bulk(const CopyManner& manner, std::size_t buffer_bytes, const Sizes& sizes) {
    return relay_bulk<Copier>(sizes, manner, buffer_bytes);
}

}  // namespace

void add_bulk(std::vector<Variant>& to, std::size_t kibibytes) {
    const auto add = [&to, kibibytes](const char* name, const CopyManner& manner) {
        to.push_back({.question = fmt::format("bulk in {} KiB", kibibytes),
                      .name = name,
                      .unit = "ms/GiB",
                      .units_per_second = 1e3,
                      .run = [manner, kibibytes](const Sizes& sizes) {
                          return copy_bulk(manner, kibibytes * 1024 / kStreams, sizes);
                      }});
    };
    add("as today", {});
    add("registered files", {.files = Files::registered});
    add("registered buffers, read and write",
        {.intake = Intake::read_fixed, .outlet = Outlet::write_fixed});
    add("SEND_ZC", {.outlet = Outlet::send_zc});
    add("SEND_ZC, registered buffers", {.outlet = Outlet::send_zc_fixed});
    add("SENDMSG_ZC", {.outlet = Outlet::sendmsg_zc});
}

}  // namespace ferry::ring
