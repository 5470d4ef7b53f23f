#include "tests/sim/apps.h"

#include <cassert>

#include "io/both.h"

namespace ferry::sim {
namespace {

constexpr std::size_t kSlotBytes = 4096;
constexpr std::uint32_t kSlots = 256;

io::Listener open(io::Scope& scope, const io::Endpoint& at) {
    auto listener = io::Listener::open(scope, at, io::Sharing::first);
    assert(listener.has_value());
    return std::move(*listener);
}

io::Task<bool> send_all(io::Socket& socket, const Bytes& bytes) {
    auto sent = co_await socket.send(bytes);
    if (!sent) {
        co_return false;
    }
    auto done = co_await socket.shutdown_write();
    co_return done.has_value();
}

io::Task<bool> hear_all(io::Socket& socket, Heard& heard, Pace pace = {}) {
    std::size_t rest_at = pace.bytes;
    for (;;) {
        if (pace.bytes > 0 && heard.bytes.size() >= rest_at) {
            rest_at = heard.bytes.size() + pace.bytes;
            auto slept = co_await socket.scope().loop().sleep_for(socket.scope(), pace.pause);
            (void)slept;  // whoever stops it fails the receive, too
        }
        io::Buffer in;
        auto got = co_await socket.recv(in);
        if (!got || *got == 0) {
            heard.ended = got.has_value();
            if (!got) {
                heard.error = got.error();
            }
            co_return heard.ended;
        }
        heard.bytes.insert(heard.bytes.end(), in.data().begin(), in.data().end());
    }
}

io::Task<bool> hear_after(io::Scope& scope, io::Duration deaf, io::Socket& socket, Heard& heard,
                          Pace pace) {
    if (deaf > io::Duration::zero()) {
        auto slept = co_await scope.loop().sleep_for(scope, deaf);
        (void)slept;  // whoever stops it fails the receive, too
    }
    auto all = co_await hear_all(socket, heard, pace);
    co_return all;
}

// A reset is told once: if sending was told, what receiving took for an end was none.
void settle(Heard& heard, bool sent) {
    heard.over = true;
    if (!sent && heard.ended) {
        heard.ended = false;
        heard.error = std::errc::connection_reset;
    }
}

// Says hello to a proxy and swallows its answer; what follows it belongs to the talk.
io::Task<bool> greet(io::Socket& socket, const Bytes& hello, std::size_t answer_bytes,
                     Heard& heard) {
    auto sent = co_await socket.send(hello);
    if (!sent) {
        heard.error = sent.error();
        co_return false;
    }
    std::size_t left = answer_bytes;
    while (left > 0) {
        io::Buffer in;
        auto got = co_await socket.recv(in);
        if (!got || *got == 0) {
            heard.error = got ? std::errc::connection_aborted : got.error();
            co_return false;
        }
        const std::size_t skipped = std::min(left, in.data().size());
        left -= skipped;
        const auto rest = in.data().subspan(skipped);
        heard.bytes.insert(heard.bytes.end(), rest.begin(), rest.end());
    }
    co_return true;
}

}  // namespace

Bytes pattern(std::uint64_t seed, std::size_t bytes) {
    Bytes made(bytes);
    std::uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
    for (std::uint8_t& byte : made) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        byte = static_cast<std::uint8_t>(state >> 32);
    }
    return made;
}

Host::Host(World& its_world, const io::Endpoint& at)
    : world(its_world),
      backend(its_world, at),
      in(kSlotBytes, kSlots),
      loop(backend, in),
      root(loop) {
    world.drive(loop);
}

Host::~Host() {
    world.release(loop);
}

Target::Target(Host& host, const io::Endpoint& at, Talk talk)
    : talk_(std::move(talk)), scope_(host.loop, &host.root), listener_(open(scope_, at)) {
    scope_.spawn(accept());
}

io::Task<void> Target::accept() {
    for (;;) {
        auto accepted = co_await listener_.accept();
        if (accepted) {
            scope_.spawn(converse(std::move(*accepted)));
        } else if (scope_.stopping()) {
            co_return;
        }
    }
}

io::Task<void> Target::converse(io::Accepted accepted) {
    io::Socket socket(scope_, std::move(accepted.descriptor));
    heard_.push_back(std::make_unique<Heard>());
    Heard& heard = *heard_.back();
    if (talk_.target_waits) {
        auto all = co_await hear_all(socket, heard);
        heard.over = true;
        if (all) {
            auto sent = co_await send_all(socket, talk_.down);
            (void)sent;  // the client will say what it heard
        }
        co_return;
    }
    auto both =
        co_await io::both(hear_after(scope_, talk_.target_deaf, socket, heard, talk_.target_pace),
                          send_all(socket, talk_.down));
    settle(heard, both.second);
}

io::Task<void> speak(Host& host, io::Endpoint at, const Talk& talk, Bytes hello,
                     std::size_t hello_answer_bytes, Heard& heard) {
    io::Scope scope(host.loop, &host.root);
    auto socket = co_await io::Socket::connect(scope, at);
    if (!socket) {
        heard.error = socket.error();
        heard.over = true;
        co_return;
    }
    if (!hello.empty()) {
        auto greeted = co_await greet(*socket, hello, hello_answer_bytes, heard);
        if (!greeted) {
            heard.over = true;
            co_return;
        }
    }
    auto both =
        co_await io::both(hear_after(scope, talk.client_deaf, *socket, heard, talk.client_pace),
                          send_all(*socket, talk.up));
    settle(heard, both.second);
}

io::Task<void> ask(Host& host, io::Endpoint at, Bytes question, io::Duration deaf, Heard& heard) {
    io::Scope scope(host.loop, &host.root);
    auto socket = co_await io::Socket::connect(scope, at);
    if (socket) {
        auto sent = co_await socket->send(question);
        if (sent) {
            const Pace at_once;
            auto all = co_await hear_after(scope, deaf, *socket, heard, at_once);
            (void)all;  // `heard` says how it ended
        }
    }
    heard.over = true;
}

}  // namespace ferry::sim
