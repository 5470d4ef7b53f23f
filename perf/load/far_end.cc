// The far end: what the program under test connects to.
#include "io/listener.h"
#include "perf/load/run.h"

namespace ferry::load {

namespace {

io::Task<io::Result<void>> answer_one(Run& run, Channel& channel) {
    auto asked = co_await receive_exactly(channel, run.options.request_bytes);
    if (!asked) {
        co_return asked;
    }
    auto answered = co_await channel.send(run.options.answer_bytes, run.options.chunk_bytes);
    co_return answered;
}

// Until the near end goes away, which is how every load ends.
io::Task<void> answer_all(Run& run, Channel& channel) {
    for (;;) {
        auto answered = co_await answer_one(run, channel);
        if (!answered) {
            co_return;
        }
    }
}

// Who has said all waits for the other one to go first.
io::Task<void> part(Channel& channel) {
    auto ended = co_await channel.end();
    while (ended) {
        auto got = co_await channel.receive(Check::off);
        if (!got || *got == 0) {
            co_return;
        }
    }
}

io::Task<void> answer_and_part(Run& run, Channel& channel) {
    auto answered = co_await answer_one(run, channel);
    if (answered) {
        co_await part(channel);
    }
}

io::Task<void> sink(Run& run, Channel& channel) {
    auto drained = co_await drain(run, channel);
    if (drained) {
        co_await part(channel);
    }
}

// The clock starts when all connections are open, and the near end says when that is.
io::Task<void> pour_when_told(Run& run, Channel& channel) {
    auto told = co_await receive_exactly(channel, kHelloBytes);
    if (!told) {
        co_return;
    }
    auto poured = co_await pour(run, channel);
    if (poured) {
        co_await part(channel);
    }
}

// What the mode asks for, once all is said.
io::Task<void> play(Run& run, Channel& channel) {
    switch (run.options.mode) {
        case Mode::up:
            return sink(run, channel);
        case Mode::down:
            return pour_when_told(run, channel);
        case Mode::connections:
            return answer_and_part(run, channel);
        case Mode::requests:
        case Mode::rate:
        case Mode::idle:
        case Mode::datagrams:
            break;
    }
    return answer_all(run, channel);
}

io::Task<io::Result<void>> say_hello(Channel& channel) {
    auto heard = co_await receive_exactly(channel, kHelloBytes);
    if (!heard) {
        co_return heard;
    }
    auto said = co_await channel.send(kHelloBytes, kHelloBytes);
    co_return said;
}

io::Task<void> serve(Run& run, io::Accepted accepted) {
    Channel channel(run.rig, io::Socket(run.root, std::move(accepted.descriptor)));
    if (run.options.hear == Speech::vmess) {
        auto understood = co_await channel.understand(run.table);
        if (!understood) {
            co_return;
        }
    }
    if (run.options.mode != Mode::connections) {
        auto hello = co_await say_hello(channel);
        if (!hello) {
            co_return;
        }
    }
    co_await play(run, channel);
}

}  // namespace

io::Task<void> accept_all(Run& run, io::Listener& listener) {
    for (;;) {
        auto accepted = co_await listener.accept();
        if (!accepted) {
            co_return;
        }
        run.root.spawn(serve(run, std::move(*accepted)));
    }
}

}  // namespace ferry::load
