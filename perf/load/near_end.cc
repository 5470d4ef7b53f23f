// The near end: what connects to the program under test, and measures.
#include <algorithm>
#include <memory>

#include "io/loop.h"
#include "perf/load/run.h"

namespace ferry::load {

namespace {

using Channels = std::vector<std::unique_ptr<Channel>>;

// As many connections are opened at a time: fewer than any backlog holds.
constexpr std::uint32_t kOpenedAtOnce = 64;

proto::Address address_of(const io::Endpoint& endpoint) {
    const auto ip = endpoint.ip();
    if (ip.size() == 16) {
        std::array<std::uint8_t, 16> bytes{};
        std::ranges::copy(ip, bytes.begin());
        return proto::ipv6(bytes, endpoint.port());
    }
    std::array<std::uint8_t, 4> bytes{};
    std::ranges::copy(ip, bytes.begin());
    return proto::ipv4(bytes, endpoint.port());
}

io::Task<io::Result<std::unique_ptr<Channel>>> dial(Run& run, io::Scope& scope) {
    auto socket = co_await io::Socket::connect(scope, run.options.connect);
    if (!socket) {
        co_return std::unexpected(socket.error());
    }
    auto channel = std::make_unique<Channel>(run.rig, std::move(*socket));
    if (run.options.speak == Speech::vmess) {
        const proto::vmess::UserId& id = run.ids[run.next_user++ % run.ids.size()];
        channel->speak(id, run.options.security, address_of(run.far_end));
    }
    co_return std::move(channel);
}

io::Task<io::Result<void>> exchange(Run& run, Channel& channel) {
    auto asked = co_await channel.send(run.options.request_bytes, run.options.chunk_bytes);
    if (!asked) {
        co_return asked;
    }
    auto answered = co_await receive_exactly(channel, run.options.answer_bytes);
    co_return answered;
}

io::Task<io::Result<void>> say_hello_first(Channel& channel) {
    auto said = co_await channel.send(kHelloBytes, kHelloBytes);
    if (!said) {
        co_return said;
    }
    auto heard = co_await receive_exactly(channel, kHelloBytes);
    co_return heard;
}

// Opens connections that stay until as many are wanted have been begun.
io::Task<void> open_some(Run& run, Channels& channels, std::uint32_t& begun) {
    while (begun < run.options.connections) {
        ++begun;
        io::Scope greeting(run.rig.loop, &run.root);
        greeting.expire_at(run.rig.loop.now() + kGreetingTime);
        auto channel = co_await dial(run, greeting);
        if (!channel) {
            run.tally.fail(channel.error());
            continue;
        }
        auto hello = co_await say_hello_first(**channel);
        if (!hello) {
            run.tally.fail(hello.error());
            continue;
        }
        (*channel)->move_to(run.root);
        ++run.tally.opened;
        channels.push_back(std::move(*channel));
    }
}

io::Task<void> open_all(Run& run, Channels& channels) {
    const io::TimePoint began = run.now();
    io::Scope opening(run.rig.loop, &run.root);
    std::uint32_t begun = 0;
    for (std::uint32_t i = 0; i < std::min(kOpenedAtOnce, run.options.connections); ++i) {
        opening.spawn(open_some(run, channels, begun));
    }
    co_await opening.join();
    run.opening = run.now() - began;
}

// Reads what is still to come: nothing, and then the end.
io::Task<void> upload(Run& run, Channel& channel) {
    auto done = co_await pour(run, channel);
    if (done) {
        done = co_await channel.end();
    }
    while (done) {
        auto got = co_await channel.receive(Check::off);
        if (!got) {
            done = std::unexpected(got.error());
        } else if (*got == 0) {
            co_return;
        }
    }
    run.tally.fail(done.error());
}

io::Task<void> download(Run& run, Channel& channel) {
    if (run.options.open == Opening::off) {
        channel.stop_opening();
    }
    auto done = co_await channel.send(kHelloBytes, kHelloBytes);
    if (done) {
        done = co_await drain(run, channel);
    }
    if (!done) {
        run.tally.fail(done.error());
        co_return;
    }
    auto ended = co_await channel.end();
    static_cast<void>(ended);  // all has come: the peer may have gone since
}

io::Task<void> ask_on(Run& run, Channel& channel) {
    while (!run.is_over()) {
        const io::TimePoint asked = run.now();
        auto answered = co_await exchange(run, channel);
        if (!answered) {
            run.tally.fail(answered.error());
            co_return;
        }
        run.count_done(asked);
    }
}

// Takes the request that has been due for longest whenever this connection is free.
io::Task<void> ask_by_the_clock(Run& run, Channel& channel) {
    while (!run.pacer.is_over()) {
        if (!run.pacer.has_due()) {
            auto changed = co_await run.pacer.changed().wait(run.root);
            if (!changed) {
                run.tally.fail(changed.error());
                co_return;
            }
            continue;
        }
        const io::TimePoint due = run.pacer.take();
        auto answered = co_await exchange(run, channel);
        if (!answered) {
            run.tally.fail(answered.error());
            co_return;
        }
        run.count_done(due);
    }
}

// A whole life: connect, ask, be answered, see the end, end.
io::Task<io::Result<void>> live_once(Run& run) {
    io::Scope life(run.rig.loop, &run.root);
    life.expire_at(run.rig.loop.now() + kGreetingTime);
    auto channel = co_await dial(run, life);
    if (!channel) {
        co_return std::unexpected(channel.error());
    }
    auto answered = co_await exchange(run, **channel);
    if (!answered) {
        co_return answered;
    }
    auto rest = co_await (*channel)->receive(Check::on);
    if (!rest) {
        co_return std::unexpected(rest.error());
    }
    if (*rest > 0) {
        co_return std::unexpected(std::errc::bad_message);
    }
    auto ended = co_await (*channel)->end();
    static_cast<void>(ended);  // all has come: the peer may have gone since
    co_return {};
}

io::Task<void> come_and_go(Run& run) {
    // A program under test that refuses would be asked in a spin.
    constexpr std::uint64_t kFailuresMax = 1000;
    while (!run.is_over() && run.tally.failed < kFailuresMax && !run.root.stopping()) {
        const io::TimePoint began = run.now();
        auto lived = co_await live_once(run);
        if (!lived) {
            run.tally.fail(lived.error());
            continue;
        }
        run.count_done(began);
    }
}

void start_clock(Run& run) {
    run.started = run.now();
    run.progressed = run.started;
    run.until = run.started + run.options.time;
    run.root.expire_at(run.until + kEndingTime);
    if (run.options.mode == Mode::rate) {
        const auto gap =
            std::chrono::duration_cast<io::Duration>(std::chrono::seconds(1)) / run.options.rate;
        run.pacer.start(run.started, gap, static_cast<std::uint64_t>(run.options.time / gap));
    }
}

// Begins what one connection that stays has to do.
void begin(Run& run, io::Scope& scope, Channel& channel) {
    switch (run.options.mode) {
        case Mode::up:
            scope.spawn(upload(run, channel));
            break;
        case Mode::down:
            scope.spawn(download(run, channel));
            break;
        case Mode::requests:
            scope.spawn(ask_on(run, channel));
            break;
        case Mode::rate:
            scope.spawn(ask_by_the_clock(run, channel));
            break;
        case Mode::connections:
        case Mode::idle:
        case Mode::datagrams:
            break;
    }
}

io::Task<void> come_and_go_all(Run& run) {
    io::Scope work(run.rig.loop, &run.root);
    for (std::uint32_t i = 0; i < run.options.connections; ++i) {
        work.spawn(come_and_go(run));
    }
    co_await work.join();
}

io::Task<void> use_all(Run& run, Channels& channels) {
    io::Scope work(run.rig.loop, &run.root);
    for (const auto& channel : channels) {
        begin(run, work, *channel);
    }
    co_await work.join();
}

}  // namespace

io::Task<io::Result<void>> receive_exactly(Channel& channel, std::size_t count) {
    while (count > 0) {
        auto got = co_await channel.receive(Check::on);
        if (!got) {
            co_return std::unexpected(got.error());
        }
        if (*got == 0) {
            co_return std::unexpected(std::errc::connection_aborted);
        }
        if (*got > count) {
            co_return std::unexpected(std::errc::bad_message);
        }
        count -= *got;
    }
    co_return {};
}

io::Task<io::Result<void>> pour(Run& run, Channel& channel) {
    const std::size_t chunk = run.options.chunk_bytes;
    const std::size_t burst = std::max(chunk, kBurstBytes / chunk * chunk);
    while (!run.is_over()) {
        auto sent = co_await channel.send(burst, chunk);
        if (!sent) {
            co_return sent;
        }
        run.tally.sent += burst;
    }
    co_return {};
}

io::Task<io::Result<void>> drain(Run& run, Channel& channel) {
    for (;;) {
        auto got = co_await channel.receive(Check::off);
        if (!got) {
            co_return std::unexpected(got.error());
        }
        if (*got == 0) {
            co_return {};
        }
        run.count_received(*got);
    }
}

io::Task<void> conduct(Run& run, void (&report)(const Run&)) {
    run.root.expire_at(run.rig.loop.now() + kOpeningTime);
    {
        Channels channels;
        if (run.options.mode == Mode::connections) {
            start_clock(run);
            co_await come_and_go_all(run);
        } else if (run.options.mode == Mode::datagrams) {
            co_await exchange_datagrams(run, start_clock);
        } else {
            co_await open_all(run, channels);
            start_clock(run);
            co_await use_all(run, channels);
        }
        report(run);
        if (run.options.mode == Mode::idle && !run.root.stopping()) {
            auto held = co_await run.rig.loop.sleep_until(run.root, run.until);
            static_cast<void>(held);  // stopped or not, this is the end
        }
    }
    run.root.stop(io::Stop::shutdown);
}

}  // namespace ferry::load
