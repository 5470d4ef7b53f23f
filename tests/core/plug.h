// Plain sockets of a test's own, on loopback.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "crypto/bytes.h"
#include "io/endpoint.h"

namespace ferry::test {

// A socket, closed at the end.
class Plug {
public:
    Plug() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {}
    explicit Plug(int fd) : fd_(fd) {}
    Plug(Plug&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~Plug() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }
    int fd() const noexcept { return fd_; }

    void say(ByteView words) const {
        EXPECT_EQ(send(fd_, words.data(), words.size(), 0), static_cast<ssize_t>(words.size()));
    }

private:
    int fd_;
};

inline Plug connected_to(const io::Endpoint& at, ByteView first) {
    Plug plug;
    EXPECT_EQ(connect(plug.fd(), at.address(), at.length()), 0);
    plug.say(first);
    return plug;
}

// A place where connections are taken, and nothing is said until somebody asks for it.
class Place {
public:
    Place() {
        const io::Endpoint any = io::Endpoint::loopback();
        EXPECT_EQ(bind(plug_.fd(), any.address(), any.length()), 0);
        EXPECT_EQ(listen(plug_.fd(), 1024), 0);
        sockaddr_in mine{};
        socklen_t bytes = sizeof mine;
        getsockname(plug_.fd(), static_cast<sockaddr*>(static_cast<void*>(&mine)), &bytes);
        port_ = ntohs(mine.sin_port);
    }
    std::uint16_t port() const noexcept { return port_; }

    // The next one of those who have connected.
    Plug take() const { return Plug(accept(plug_.fd(), nullptr, nullptr)); }

private:
    Plug plug_;
    std::uint16_t port_ = 0;
};

}  // namespace ferry::test
