// What does a request header cost, with the rows that the program would choose: the client that
// builds and seals it, and the server that opens it once it knows whose it is?
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "crypto/dispatch.h"
#include "crypto/random.h"
#include "perf/micro/groups.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/request.h"

namespace ferry::perf {

namespace {

namespace vmess = proto::vmess;

// What both ends have before a connection begins.
struct Ends {
    crypto::Dispatch dispatch = crypto::choose(crypto::detect());
    crypto::Random random{std::array<std::uint8_t, 32>{}};
    vmess::CommandKey key{vmess::UserId{}};
    vmess::Request request;
    std::vector<std::uint8_t> sealed;

    Ends() : sealed(vmess::kSealedRequestBytesMax) {
        request.security = vmess::Security::aes128_gcm;
        request.target = proto::ipv4({192, 0, 2, 1}, 443);
    }

    std::size_t seal() {
        constexpr std::int64_t kTime = 1'700'000'000;
        vmess::draw_secrets(request, random);
        return vmess::seal_new_request(dispatch, random, key, kTime, request, sealed);
    }
};

void seal_header(benchmark::State& state) {
    Ends ends;
    for (auto step : state) {
        benchmark::DoNotOptimize(ends.seal());
    }
}

void open_header(benchmark::State& state) {
    Ends ends;
    const std::size_t bytes = ends.seal();
    std::vector<std::uint8_t> wire;
    for (auto step : state) {
        wire = ends.sealed;  // opened in place; the copy is small against the rest
        const ByteSpan request(wire.data(), bytes);
        const auto size =
            vmess::request_bytes(ends.dispatch, ends.key, request.first(vmess::kPrefixBytes));
        const auto opened = vmess::open_request(ends.dispatch, ends.key, request);
        if (!size || !opened) {
            state.SkipWithError("does not open");
            break;
        }
    }
}

}  // namespace

void add_headers() {
    benchmark::RegisterBenchmark("header/seal", seal_header)->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark("header/open", open_header)->Unit(benchmark::kMicrosecond);
}

}  // namespace ferry::perf
