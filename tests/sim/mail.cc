#include "tests/sim/mail.h"

#include <algorithm>
#include <cassert>

namespace ferry::sim {
namespace {

io::DatagramSocket open(io::Scope& scope, const io::Endpoint& at) {
    auto socket = io::DatagramSocket::open(scope, at);
    assert(socket.has_value());
    return std::move(*socket);
}

}  // namespace

Mailer::Mailer(Host& host, const io::Endpoint& at, Answer answer)
    : answer_(answer), pool_(65'536, 64), scope_(host.loop), socket_(open(scope_, at)) {
    scope_.spawn(listen());
}

Mailer::~Mailer() = default;

void Mailer::say(const io::Endpoint& to, Bytes bytes) {
    scope_.spawn(send({to, std::move(bytes)}));
}

io::Task<void> Mailer::listen() {
    io::DatagramBatch batch;
    for (;;) {
        auto got = co_await socket_.recv(scope_, pool_, batch);
        if (!got) {
            co_return;
        }
        for (const io::Datagram& one : batch.all()) {
            heard_.push_back({one.peer, Bytes(one.bytes.begin(), one.bytes.end())});
        }
        if (answer_ == Answer::echo) {
            auto sent = co_await socket_.send(scope_, batch.all());
            if (!sent) {
                co_return;
            }
        }
    }
}

io::Task<void> Mailer::send(Letter letter) {
    const io::Datagram one{letter.peer, letter.bytes};
    auto sent = co_await socket_.send(scope_, std::span(&one, 1));
    (void)sent;  // the program is closing
}

SocksMailer::SocksMailer(Host& host, const io::Endpoint& proxy)
    : mailer(host, host.backend.host()), calling_(host.loop) {
    calling_.spawn(call(host, proxy));
}

io::Task<void> SocksMailer::call(Host&, io::Endpoint proxy) {
    auto socket = co_await io::Socket::connect(calling_, proxy);
    if (!socket) {
        ended_ = true;
        co_return;
    }
    const Bytes hello = {5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0};
    auto sent = co_await socket->send(hello);
    if (!sent) {
        ended_ = true;
        co_return;
    }
    Bytes answer;
    for (;;) {
        io::Buffer in;
        auto got = co_await socket->recv(in);
        if (!got || *got == 0) {
            ended_ = true;
            co_return;
        }
        answer.insert(answer.end(), in.data().begin(), in.data().end());
        if (answer.size() >= 12 && !relay_) {
            const bool granted = answer[3] == 0;
            const auto port = static_cast<std::uint16_t>(answer[10] << 8 | answer[11]);
            relay_ = io::Endpoint::ipv4(std::span(answer).subspan<6, 4>(), granted ? port : 0);
        }
    }
}

void SocksMailer::say(const io::Endpoint& to, const Bytes& bytes) {
    Bytes packet = {0, 0, 0, 1};
    packet.insert(packet.end(), to.ip().begin(), to.ip().end());
    packet.push_back(static_cast<std::uint8_t>(to.port() >> 8));
    packet.push_back(static_cast<std::uint8_t>(to.port()));
    packet.insert(packet.end(), bytes.begin(), bytes.end());
    mailer.say(*relay_, std::move(packet));
}

void SocksMailer::say(const std::string& name, std::uint16_t port, const Bytes& bytes) {
    Bytes packet = {0, 0, 0, 3, static_cast<std::uint8_t>(name.size())};
    packet.insert(packet.end(), name.begin(), name.end());
    packet.push_back(static_cast<std::uint8_t>(port >> 8));
    packet.push_back(static_cast<std::uint8_t>(port));
    packet.insert(packet.end(), bytes.begin(), bytes.end());
    mailer.say(*relay_, std::move(packet));
}

std::vector<Mailer::Letter> SocksMailer::heard() const {
    constexpr std::size_t kHeadBytes = 10;  // of an IPv4 source
    std::vector<Mailer::Letter> all;
    for (const Mailer::Letter& letter : mailer.heard()) {
        const std::span<const std::uint8_t> bytes(letter.bytes);
        if (bytes.size() >= 5 && bytes[3] == 3 && bytes.size() >= 7U + bytes[4]) {
            const auto payload = bytes.subspan(7U + bytes[4]);  // behind a name and its port
            all.push_back({{}, Bytes(payload.begin(), payload.end())});
            continue;
        }
        const bool is_whole = bytes.size() >= kHeadBytes && bytes[3] == 1;
        if (!is_whole) {
            all.push_back({{}, letter.bytes});  // which no test expects
            continue;
        }
        const auto port = static_cast<std::uint16_t>(bytes[8] << 8 | bytes[9]);
        const auto payload = bytes.subspan(kHeadBytes);
        all.push_back({io::Endpoint::ipv4(bytes.subspan<4, 4>(), port),
                       Bytes(payload.begin(), payload.end())});
    }
    return all;
}

void SocksMailer::close() {
    calling_.stop(io::Stop::shutdown);
    mailer.close();
}

}  // namespace ferry::sim
