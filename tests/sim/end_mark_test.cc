// The end mark of a stream whose reader is slow, in virtual time, where the room between two ends
// is known to the byte.
//
// Promise: an end that has to wait for room waits as data does. The shorter idle time that follows
// an end begins when the end has been sent, and not with the reader's pause before it.
#include <gtest/gtest.h>

#include "core/core.h"
#include "tests/sim/apps.h"
#include "tests/sim/siege.h"

namespace ferry::sim {
namespace {

constexpr std::size_t kNetworkBytes = 4096;
// What a response has beside its payload, at most: its header, the chunk's frame, the end mark.
constexpr std::size_t kAroundBytesMax = 38 + 2 * (2 + 16 + 63);
constexpr auto kPause = std::chrono::seconds(20);

// Whatever the size, so that there is one at which the data just fit and the mark does not.
TEST(EndMark, WaitsForASlowReaderAsDataDo) {
    for (std::size_t bytes = kNetworkBytes - kAroundBytesMax; bytes <= kNetworkBytes; bytes += 3) {
        SCOPED_TRACE(bytes);
        Siege siege;
        siege.world.weather().buffer_bytes_least = kNetworkBytes;
        siege.world.weather().buffer_bytes_most = kNetworkBytes;
        Host target_host(siege.world, *io::Endpoint::from_literal("10.0.0.3", 0));
        Target target(target_host, *io::Endpoint::from_literal("10.0.0.3", 80),
                      Talk{{}, pattern(1, bytes)});
        Heard heard;
        siege.prober.root.spawn(ask(siege.prober, siege.server.at(0),
                                    request_of(siege.world, user(), 0), kPause, heard));
        (void)siege.world.run([&] { return heard.over; });
        EXPECT_GT(heard.bytes.size(), bytes);
        EXPECT_TRUE(heard.ended) << "an end was taken for a cut";
        siege.server.stop(std::chrono::seconds(0));
        target.close();
        (void)siege.world.run([&] { return siege.server.ended() && target.closed(); });
        ASSERT_FALSE(HasFailure()) << siege.world.describe();
    }
}

}  // namespace
}  // namespace ferry::sim
