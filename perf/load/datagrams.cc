// Both ends of a load of datagrams: associations that keep a window full, and one that sends back.
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "io/datagram.h"
#include "perf/load/run.h"

namespace ferry::load {

namespace {

// What has not come back after this long is taken for lost, and its place in the window is free.
constexpr io::Duration kLossTime = std::chrono::milliseconds(250);
constexpr int kHellosMax = 20;

// One local port, and what it has on its way.
class Association {
public:
    Association(Run& run, std::uint32_t number, io::DatagramSocket socket)
        : run_(run), socket_(std::move(socket)), bytes_(run.options.request_bytes) {
        std::memcpy(bytes_.data(), &number, sizeof number);
        window_.assign(run.options.window, io::Datagram{run.options.connect, bytes_});
    }

    // Is there a way there and back?
    io::Task<bool> say_hello();
    io::Task<void> use();

private:
    io::Task<io::Result<void>> fill();
    io::Task<std::size_t> collect(io::Scope& scope);

    Run& run_;
    io::DatagramSocket socket_;
    std::vector<std::uint8_t> bytes_;
    std::vector<io::Datagram> window_;
    std::size_t under_way_ = 0;
    io::DatagramBatch batch_;
};

io::Task<bool> Association::say_hello() {
    for (int tries = 0; tries < kHellosMax && !run_.root.stopping(); ++tries) {
        const auto sent = socket_.try_send(std::span(window_).first(1));
        static_cast<void>(sent);  // what is lost is sent again
        auto came = co_await collect(run_.root);
        if (came > 0) {
            co_return true;
        }
    }
    co_return false;
}

// Waits for datagrams, and not longer than they may take.
//
//   gives  how many are ours
io::Task<std::size_t> Association::collect(io::Scope& scope) {
    io::Scope brief(run_.rig.loop, &scope);
    brief.expire_at(run_.rig.loop.now() + kLossTime);
    auto got = co_await socket_.recv(brief, run_.rig.out, batch_);
    if (!got) {
        co_return 0;
    }
    std::size_t count = 0;
    for (const io::Datagram& one : batch_.all()) {
        const bool is_ours = one.bytes.size() == bytes_.size() &&
                             std::memcmp(one.bytes.data(), bytes_.data(), bytes_.size()) == 0;
        count += is_ours ? 1 : 0;
        run_.tally.strange += is_ours ? 0 : 1;
    }
    batch_.clear();
    co_return count;
}

io::Task<io::Result<void>> Association::fill() {
    const auto missing = std::span(window_).subspan(under_way_);
    auto sent = co_await socket_.send(run_.root, missing);
    if (!sent) {
        co_return std::unexpected(sent.error());
    }
    under_way_ = window_.size();
    run_.tally.sent += missing.size() * bytes_.size();
    co_return {};
}

io::Task<void> Association::use() {
    while (!run_.is_over() && !run_.root.stopping()) {
        const io::TimePoint began = run_.now();
        auto filled = co_await fill();
        if (!filled) {
            run_.tally.fail(filled.error());
            co_return;
        }
        auto came = co_await collect(run_.root);
        if (came == 0) {
            run_.tally.lost += std::exchange(under_way_, 0);
            continue;
        }
        for (std::size_t i = 0; i < came; ++i) {
            run_.count_done(began);
        }
        run_.count_received(came * bytes_.size());
        under_way_ -= std::min(came, under_way_);  // one that was late is counted as lost, too
    }
}

// The far end: all that comes goes back.
io::Task<void> send_back(Run& run, io::Scope& scope, io::DatagramSocket& socket) {
    io::DatagramBatch batch;
    for (;;) {
        auto got = co_await socket.recv(scope, run.rig.out, batch);
        if (!got) {
            co_return;
        }
        auto sent = co_await socket.send(scope, batch.all());
        if (!sent) {
            co_return;
        }
    }
}

using Associations = std::vector<std::unique_ptr<Association>>;

io::Task<void> open_one(Run& run, Associations& all, std::uint32_t number) {
    auto socket = io::DatagramSocket::open(run.root, run.options.connect.with_port(0));
    if (!socket) {
        run.tally.fail(socket.error());
        co_return;
    }
    auto made = std::make_unique<Association>(run, number, std::move(*socket));
    auto answered = co_await made->say_hello();
    if (!answered) {
        run.tally.fail(std::errc::timed_out);
        co_return;
    }
    ++run.tally.opened;
    all.push_back(std::move(made));
}

}  // namespace

io::Task<void> exchange_datagrams(Run& run, void (&began)(Run&)) {
    auto far = io::DatagramSocket::open(run.root, run.options.listen);
    if (!far) {
        run.tally.fail(far.error());
        co_return;
    }
    io::Scope echo(run.rig.loop, &run.root);
    echo.spawn(send_back(run, echo, *far));
    Associations all;
    {
        io::Scope opening(run.rig.loop, &run.root);
        for (std::uint32_t i = 0; i < run.options.connections; ++i) {
            opening.spawn(open_one(run, all, i));
        }
        co_await opening.join();
    }
    began(run);
    {
        io::Scope work(run.rig.loop, &run.root);
        for (const auto& association : all) {
            work.spawn(association->use());
        }
        co_await work.join();
    }
    echo.stop(io::Stop::shutdown);
    co_await echo.join();
}

}  // namespace ferry::load
