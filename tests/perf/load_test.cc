// The parts of perf_load that need no socket: a histogram whose quantiles are the ones that sorting
// would give, up to its promised error; requests that become due by the clock; options that take
// nothing but what they promise, least of all an address of another machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "crypto/dispatch.h"
#include "perf/load/histogram.h"
#include "perf/load/options.h"
#include "perf/load/pacer.h"
#include "perf/load/users.h"

namespace ferry::load {

namespace {

using std::chrono::nanoseconds;

// What sorting says of the same share.
nanoseconds sorted_quantile(std::vector<nanoseconds> times, double share) {
    std::ranges::sort(times);
    const double rank = std::ceil(share * static_cast<double>(times.size()));
    return times[std::max<std::size_t>(static_cast<std::size_t>(rank), 1) - 1];
}

void expect_close(nanoseconds shown, nanoseconds exact) {
    EXPECT_GE(shown, exact);
    EXPECT_LE(static_cast<double>(shown.count()), static_cast<double>(exact.count()) * 129 / 128);
}

TEST(LoadHistogram, QuantilesAreThoseOfTheSortedTimes) {
    Histogram histogram;
    std::vector<nanoseconds> times;
    // From one nanosecond to a thousand seconds, in steps of a tenth.
    for (double ns = 1; ns < 1e12; ns *= 1.1) {
        times.emplace_back(static_cast<std::int64_t>(ns));
        histogram.add(times.back());
    }
    EXPECT_EQ(histogram.count(), times.size());
    EXPECT_EQ(histogram.max(), times.back());
    for (const double share : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999}) {
        expect_close(histogram.quantile(share), sorted_quantile(times, share));
    }
    EXPECT_EQ(histogram.quantile(1), times.back());
}

TEST(LoadHistogram, SmallTimesAreExact) {
    Histogram histogram;
    for (int ns = 0; ns < 256; ++ns) {
        histogram.add(nanoseconds(ns));
    }
    EXPECT_EQ(histogram.quantile(0.5), nanoseconds(127));
    EXPECT_EQ(histogram.quantile(0.25), nanoseconds(63));
    EXPECT_EQ(histogram.mean(), nanoseconds(127));
}

TEST(LoadHistogram, TheEmptyOneAndTheExtremesHaveAnAnswer) {
    Histogram histogram;
    EXPECT_EQ(histogram.quantile(0.99), nanoseconds(0));
    EXPECT_EQ(histogram.mean(), nanoseconds(0));
    histogram.add(nanoseconds(-5));
    EXPECT_EQ(histogram.quantile(1), nanoseconds(0));
    histogram.add(nanoseconds::max());
    EXPECT_EQ(histogram.max(), nanoseconds::max());
    EXPECT_EQ(histogram.count(), 2U);
}

TEST(LoadPacer, RequestsAreDueByTheClockWhoeverIsLate) {
    constexpr auto kGap = std::chrono::milliseconds(10);
    const io::TimePoint start{};
    Pacer pacer;
    EXPECT_EQ(pacer.next(), io::kNever);
    pacer.start(start, kGap, 4);
    EXPECT_FALSE(pacer.has_due());
    EXPECT_EQ(pacer.next(), start);
    // Whoever looks late finds all that have become due meanwhile, each with its own time.
    pacer.release(start + kGap * 2);
    EXPECT_EQ(pacer.next(), start + kGap * 3);
    for (int number = 0; number < 3; ++number) {
        ASSERT_TRUE(pacer.has_due());
        EXPECT_EQ(pacer.take(), start + kGap * number);
    }
    EXPECT_FALSE(pacer.has_due());
    EXPECT_FALSE(pacer.is_over());
    pacer.release(start + kGap * 100);
    EXPECT_EQ(pacer.take(), start + kGap * 3);
    EXPECT_TRUE(pacer.is_over());
    EXPECT_EQ(pacer.next(), io::kNever);
}

constexpr std::string_view kId = "--id=b831381d-6324-4d53-ad4f-8cda48b30811";

std::expected<Options, std::string> read(std::vector<std::string_view> words) {
    return options_from(words);
}

TEST(LoadOptions, AreRead) {
    const auto options = read(
        {"rate", "--connect=127.0.0.1:4000", "--listen=[::1]:0", "--hear=vmess", "--speak=plain",
         "--security=zero", kId, "--connections=20000", "--seconds=0.25", "--chunk=2048",
         "--request=1", "--answer=1048576", "--rate=1000000", "--backend=epoll"});
    ASSERT_TRUE(options) << options.error();
    EXPECT_EQ(options->mode, Mode::rate);
    EXPECT_EQ(options->connect.text(), "127.0.0.1:4000");
    EXPECT_EQ(options->listen.text(), "[::1]:0");
    EXPECT_EQ(options->speak, Speech::plain);
    EXPECT_EQ(options->hear, Speech::vmess);
    EXPECT_EQ(options->security, proto::vmess::BodyChoice::zero);
    EXPECT_EQ(options->connections, 20'000U);
    EXPECT_EQ(options->time, std::chrono::milliseconds(250));
    EXPECT_EQ(options->chunk_bytes, 2048U);
    EXPECT_EQ(options->answer_bytes, 1'048'576U);
    EXPECT_EQ(options->rate, 1'000'000U);
    EXPECT_EQ(options->engine, Engine::epoll);
}

TEST(LoadOptions, OtherMachinesAreRefused) {
    for (const std::string_view address :
         {"10.0.0.1:80", "0.0.0.0:80", "128.0.0.1:80", "126.255.255.255:80", "[::]:80", "[::2]:80",
          "[fe80::1]:80", "[::ffff:10.0.0.1]:80", "example.org:80", "localhost:80"}) {
        const std::string connect = "--connect=" + std::string(address);
        const std::string listen = "--listen=" + std::string(address);
        EXPECT_FALSE(read({"up", connect, kId})) << address;
        EXPECT_FALSE(read({"up", "--connect=127.0.0.1:80", listen, kId})) << address;
    }
    for (const std::string_view address :
         {"127.0.0.1:80", "127.255.255.255:80", "[::1]:80", "[::ffff:127.0.0.1]:80"}) {
        EXPECT_TRUE(read({"up", "--connect=" + std::string(address), kId})) << address;
    }
}

TEST(LoadOptions, MistakesAreRefused) {
    constexpr std::string_view kConnect = "--connect=127.0.0.1:80";
    EXPECT_FALSE(read({}));
    EXPECT_FALSE(read({"up", kId}));
    EXPECT_FALSE(read({"sideways", kConnect, kId}));
    EXPECT_FALSE(read({"up", kConnect}));
    EXPECT_FALSE(read({"up", kConnect, kId, "--users=5"}));
    EXPECT_FALSE(read({"up", kConnect, kId, "--speak=plain"}));
    EXPECT_FALSE(read({"up", kConnect, kId, "--connections=513"}));
    EXPECT_TRUE(read({"idle", kConnect, kId, "--connections=513"}));
    EXPECT_FALSE(read({"up", kConnect, kId, "--open=off"}));
    EXPECT_TRUE(read({"down", kConnect, kId, "--open=off"}));
    for (const std::string_view word : {"--connections=0",
                                        "--connections=20001",
                                        "--connections=1x",
                                        "--connections=",
                                        "--seconds=0",
                                        "--seconds=inf",
                                        "--seconds=nan",
                                        "--seconds=1e2",
                                        "--seconds=3601",
                                        "--chunk=15809",
                                        "--chunk=-1",
                                        "--request=0",
                                        "--rate=0",
                                        "--security=auto",
                                        "--backend=auto",
                                        "--nonsense=1",
                                        "--chunk",
                                        "chunk=1",
                                        "-chunk=1",
                                        "--ids=",
                                        "--connect=127.0.0.1",
                                        "--connect=127.0.0.1:0",
                                        "--connect=127.0.0.1:65536"}) {
        EXPECT_FALSE(read({"up", kConnect, kId, word})) << word;
    }
}

// `printf 7/0 | sha256sum`, and so on.
TEST(LoadUsers, FollowFromTheSeed) {
    const crypto::Dispatch dispatch = crypto::choose(crypto::detect());
    const auto ids = ids_of({.id = {}, .path = {}, .count = 2, .seed = 7}, dispatch);
    ASSERT_TRUE(ids);
    ASSERT_EQ(ids->size(), 2U);
    EXPECT_EQ(proto::vmess::uuid_text((*ids)[0]), "19b6554d-aa8a-89aa-c1ab-0cf47011177d");
    EXPECT_EQ(proto::vmess::uuid_text((*ids)[1]), "d3d2f579-8ea0-625e-5aad-fd88a48abffb");
    EXPECT_FALSE(ids_of({.id = {}, .path = "/nowhere", .count = 0, .seed = 1}, dispatch));
}

}  // namespace

}  // namespace ferry::load
