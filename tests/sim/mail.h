// Mail: the programs at both ends of a relay of datagrams, in the simulator.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "io/buffer.h"
#include "io/datagram.h"
#include "io/endpoint.h"
#include "io/scope.h"
#include "io/socket.h"
#include "io/task.h"
#include "tests/sim/apps.h"

namespace ferry::sim {

// A socket that remembers what it hears, and says what it is told to.
class Mailer {
public:
    enum class Answer : std::uint8_t { none, echo };

    Mailer(Host& host, const io::Endpoint& at, Answer answer = Answer::none);
    ~Mailer();

    struct Letter {
        io::Endpoint peer;
        Bytes bytes;
        friend bool operator==(const Letter&, const Letter&) = default;
    };

    void say(const io::Endpoint& to, Bytes bytes);
    const std::vector<Letter>& heard() const noexcept { return heard_; }
    io::Endpoint at() const { return *socket_.local(); }
    void close() { scope_.stop(io::Stop::shutdown); }
    bool closed() const { return scope_.empty(); }

private:
    io::Task<void> listen();
    io::Task<void> send(Letter letter);

    Answer answer_;
    io::BufferPool pool_;
    io::Scope scope_;
    io::DatagramSocket socket_;
    std::vector<Letter> heard_;
};

// A program that asks a SOCKS5 proxy for an association.
class SocksMailer {
public:
    SocksMailer(Host& host, const io::Endpoint& proxy);

    // Once it has an answer: where datagrams go. Port 0: it was refused.
    const std::optional<io::Endpoint>& relay() const noexcept { return relay_; }
    void say(const io::Endpoint& to, const Bytes& bytes);
    void say(const std::string& name, std::uint16_t port, const Bytes& bytes);
    // Answers without their heads, with whom they are from: nowhere, if that is a name.
    std::vector<Mailer::Letter> heard() const;

    bool hung_up() const noexcept { return ended_; }  // the proxy has ended the connection
    void hang_up() { calling_.stop(io::Stop::shutdown); }
    void close();
    bool closed() const { return calling_.empty() && mailer.closed(); }

    Mailer mailer;

private:
    io::Task<void> call(Host& host, io::Endpoint proxy);

    io::Scope calling_;
    std::optional<io::Endpoint> relay_;
    bool ended_ = false;
};

}  // namespace ferry::sim
