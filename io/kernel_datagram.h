// What Uring and Epoll have in common about datagrams: plain system calls, many datagrams in each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "io/backend.h"
#include "io/endpoint.h"
#include "io/result.h"

namespace ferry::io {

Result<int> kernel_datagram(const Endpoint& local, Sharing sharing);
Result<int> kernel_duplicate(int fd);
Sent kernel_send_datagrams(int fd, std::span<const Datagram> all) noexcept;

// Where the tails of large datagrams and of trains are put until the caller has copied them: one
// may be as large as 64 KiB, almost none is, and which one will be is known afterwards only.
//
//   memory  reserved with the first receive, used page by page by what is large only
class Tails {
public:
    Tails() noexcept = default;
    Tails(const Tails&) = delete;
    Tails& operator=(const Tails&) = delete;
    ~Tails();

    // Backend::receive_datagrams() of a kernel.
    Result<std::size_t> receive(int fd, std::span<Incoming> into);

private:
    std::span<std::uint8_t> tail(std::size_t index) noexcept;
    void reserve();

    std::uint8_t* memory_ = nullptr;
};

}  // namespace ferry::io
