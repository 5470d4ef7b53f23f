#include "tests/core/name_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace ferry::test {

namespace {

constexpr std::size_t kHeaderBytes = 12;

void put16(std::vector<std::uint8_t>& to, std::size_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8));
    to.push_back(static_cast<std::uint8_t>(value));
}

void put_name(std::vector<std::uint8_t>& to, std::string_view name) {
    while (!name.empty()) {
        const std::string_view label = name.substr(0, name.find('.'));
        to.push_back(static_cast<std::uint8_t>(label.size()));
        to.insert(to.end(), label.begin(), label.end());
        name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    to.push_back(0);
}

void put_record(std::vector<std::uint8_t>& to, const Record& record) {
    put_name(to, record.name);
    put16(to, std::to_underlying(record.type));
    put16(to, 1);
    put16(to, record.ttl >> 16);
    put16(to, record.ttl);
    put16(to, record.data.size());
    to.insert(to.end(), record.data.begin(), record.data.end());
}

Record address(std::string_view name, Record::Type type, std::string_view ip, std::uint32_t ttl) {
    const auto endpoint = io::Endpoint::from_literal(ip, 0);
    EXPECT_TRUE(endpoint) << ip;
    return {std::string(name), type, ttl, {endpoint->ip().begin(), endpoint->ip().end()}};
}

io::Descriptor bound(io::Loop& loop, int type, io::Endpoint& at) {
    io::Descriptor socket(loop, ::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(socket.fd(), at.address(), at.length()), 0);
    socklen_t bytes = io::Endpoint::kLengthMax;
    EXPECT_EQ(::getsockname(socket.fd(), at.writable_address(), &bytes), 0);
    return socket;
}

}  // namespace

Record a(std::string_view name, std::string_view ip, std::uint32_t ttl) {
    return address(name, Record::Type::a, ip, ttl);
}

Record aaaa(std::string_view name, std::string_view ip, std::uint32_t ttl) {
    return address(name, Record::Type::aaaa, ip, ttl);
}

Record cname(std::string_view name, std::string_view target, std::uint32_t ttl) {
    Record record = {std::string(name), Record::Type::cname, ttl, {}};
    put_name(record.data, target);
    return record;
}

NameServer::NameServer(io::Scope& scope) : scope_(scope), at_(io::Endpoint::loopback()) {
    // The port of the second socket is the first one's; should somebody have it, try another.
    for (int tries = 0; tries < 100; ++tries) {
        at_ = io::Endpoint::loopback();
        tcp_ = bound(scope_.loop(), SOCK_STREAM, at_);
        udp_ = io::Descriptor(scope_.loop(),
                              ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (::bind(udp_.fd(), at_.address(), at_.length()) == 0) {
            break;
        }
    }
    EXPECT_EQ(::listen(tcp_.fd(), 16), 0);
    scope_.spawn(serve_udp());
    scope_.spawn(serve_tcp());
}

void NameServer::set(const std::string& name, Record::Type type, Reply reply) {
    names_[name] = true;
    replies_[name + (type == Record::Type::a ? "/A" : "/AAAA")] = std::move(reply);
}

void NameServer::set(const std::string& name, std::vector<Record> records) {
    for (const Record::Type type : {Record::Type::a, Record::Type::aaaa}) {
        Reply reply;
        for (const Record& record : records) {
            if (record.type == type || record.type == Record::Type::cname) {
                reply.records.push_back(record);
            }
        }
        set(name, type, std::move(reply));
    }
}

io::Task<void> NameServer::serve_udp() {
    std::vector<std::uint8_t> datagram(512);
    for (;;) {
        auto come = co_await scope_.loop().poll(scope_, udp_.fd(), POLLIN);
        if (!come) {
            co_return;
        }
        io::Endpoint from;
        socklen_t from_bytes = io::Endpoint::kLengthMax;
        const ssize_t bytes = ::recvfrom(udp_.fd(), datagram.data(), datagram.size(), 0,
                                         from.writable_address(), &from_bytes);
        if (bytes < 0) {
            continue;
        }
        const auto question = std::span(datagram).first(static_cast<std::size_t>(bytes));
        const std::vector<std::uint8_t> reply = answer(question, Transport::udp);
        if (!reply.empty()) {
            EXPECT_EQ(
                ::sendto(udp_.fd(), reply.data(), reply.size(), 0, from.address(), from.length()),
                static_cast<ssize_t>(reply.size()));
        }
    }
}

io::Task<void> NameServer::serve_tcp() {
    for (;;) {
        auto come = co_await scope_.loop().poll(scope_, tcp_.fd(), POLLIN);
        if (!come) {
            co_return;
        }
        const int fd = ::accept4(tcp_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            io::Descriptor stream(scope_.loop(), fd);
            co_await serve_stream(stream);
        }
    }
}

// Each question has its length in two bytes in front; here every one of them comes in one piece.
io::Task<void> NameServer::serve_stream(io::Descriptor& stream) {
    std::vector<std::uint8_t> in;
    for (;;) {
        auto come = co_await scope_.loop().poll(scope_, stream.fd(), POLLIN);
        if (!come) {
            co_return;
        }
        in.resize(1024);
        const ssize_t bytes = ::read(stream.fd(), in.data(), in.size());
        if (bytes <= 0) {
            co_return;
        }
        in.resize(static_cast<std::size_t>(bytes));
        std::span<const std::uint8_t> rest = in;
        while (rest.size() > 2) {
            const std::size_t length = static_cast<std::size_t>(rest[0]) << 8 | rest[1];
            if (rest.size() < 2 + length) {
                ADD_FAILURE() << "a question in pieces";
                co_return;
            }
            const std::vector<std::uint8_t> reply = answer(rest.subspan(2, length), Transport::tcp);
            std::vector<std::uint8_t> out;
            put16(out, reply.size());
            out.insert(out.end(), reply.begin(), reply.end());
            EXPECT_EQ(::write(stream.fd(), out.data(), out.size()),
                      static_cast<ssize_t>(out.size()));
            rest = rest.subspan(2 + length);
        }
    }
}

std::vector<std::uint8_t> NameServer::answer(std::span<const std::uint8_t> question,
                                             Transport transport) {
    if (question.size() < kHeaderBytes + 5) {
        ADD_FAILURE() << "a question without a question";
        return {};
    }
    std::string name;
    std::size_t at = kHeaderBytes;
    while (question[at] != 0) {
        name += name.empty() ? "" : ".";
        name.append(question.begin() + at + 1, question.begin() + at + 1 + question[at]);
        at += 1U + question[at];
    }
    const std::size_t end = at + 5;  // the end of the name, the type, the class
    const bool is_a = question[at + 2] == std::to_underlying(Record::Type::a);
    const std::string key = name + (is_a ? "/A" : "/AAAA");
    questions_.push_back(key + (transport == Transport::tcp ? "/tcp" : ""));
    if (ignored_ > 0) {
        --ignored_;
        return {};
    }
    if (!corrupt_.empty()) {
        std::vector<std::uint8_t> reply = std::move(corrupt_.front());
        corrupt_.erase(corrupt_.begin());
        std::copy_n(question.begin(), std::min<std::size_t>(reply.size(), 2), reply.begin());
        return reply;
    }

    Reply reply;
    if (const auto place = replies_.find(key); place != replies_.end()) {
        reply = place->second;
    } else if (!names_.contains(name)) {
        reply.code = Reply::Code::no_name;
    }
    const bool cut = transport == Transport::udp && reply.over_udp == Reply::Length::truncated;
    std::vector<std::uint8_t> out(question.begin(), question.begin() + end);
    out[2] = static_cast<std::uint8_t>(0x85 | (cut ? 0x02 : 0));  // an authoritative answer
    out[3] = static_cast<std::uint8_t>(0x80 | std::to_underlying(reply.code));
    out[7] = static_cast<std::uint8_t>(cut ? 0 : reply.records.size());
    out[8] = out[9] = out[10] = out[11] = 0;
    for (const Record& record : reply.records) {
        if (!cut) {
            put_record(out, record);
        }
    }
    return out;
}

}  // namespace ferry::test
