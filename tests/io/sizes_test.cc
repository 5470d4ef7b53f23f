// What a session costs at rest. A VMess session that waits may cost 8 KiB in all; these are the
// parts that this folder adds to it. A bound that breaks is a decision to be made, not a number to
// be raised.
#include <gtest/gtest.h>

#include <cstdio>

#include "io/buffer.h"
#include "io/condition.h"
#include "io/descriptor.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/scope.h"
#include "io/socket.h"

namespace ferry::test {

namespace {

static_assert(sizeof(io::Op) <= 96);
static_assert(sizeof(io::OpAwait<io::Result<std::size_t>>) == sizeof(io::Op));
static_assert(sizeof(io::OpAwait<io::Result<void>>) == sizeof(io::Op));
static_assert(sizeof(io::Scope) <= 160);
static_assert(sizeof(io::Socket) <= 16);
static_assert(sizeof(io::Descriptor) <= 16);
static_assert(sizeof(io::Buffer) <= 24);
static_assert(sizeof(io::Condition) <= 16);
static_assert(sizeof(io::Endpoint) <= 28);
static_assert(sizeof(io::TimerWheel) <= 10 * 1024);  // one per core

TEST(Sizes, ArePrinted) {
    std::printf("Op %zu  Scope %zu  Socket %zu  Buffer %zu  Sleep %zu  Take %zu  Loop %zu\n",
                sizeof(io::Op), sizeof(io::Scope), sizeof(io::Socket), sizeof(io::Buffer),
                sizeof(io::Sleep), sizeof(io::BufferPool::Take), sizeof(io::Loop));
}

}  // namespace

}  // namespace ferry::test
