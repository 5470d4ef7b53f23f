// What the smaller primitives cost, row by row: a key before its first byte, the search for a user,
// one compression of SHA-256, one refill of the SHAKE stream, the older body.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "crypto/aead.h"
#include "crypto/block.h"
#include "crypto/cpu.h"
#include "crypto/hash.h"
#include "crypto/trial.h"
#include "crypto/xof.h"
#include "perf/micro/groups.h"

namespace ferry::perf {

namespace {

constexpr std::uint8_t kKey[32] = {1, 2, 3};

template <class Row>
void add_usable(std::span<const Row* const> rows, const char* what,
                void (*measure)(benchmark::State& state, const Row& row)) {
    const crypto::Cpu cpu = crypto::detect();
    for (const Row* row : rows) {
        if (row->usable(cpu)) {
            const std::string name = std::string(row->name) + '/' + what;
            benchmark::RegisterBenchmark(name.c_str(), measure, *row);
        }
    }
}

void expand(benchmark::State& state, const crypto::AeadRow& row) {
    crypto::AeadState expanded;
    for (auto step : state) {
        row.expand(expanded, kKey);
        benchmark::ClobberMemory();
    }
}

// As many users as fill a good part of the second cache: a larger table is read from further away.
void find_user(benchmark::State& state, const crypto::TrialRow& row) {
    constexpr std::size_t kUsers = 16384;
    std::vector<crypto::TrialKeys> users(kUsers / crypto::kTrialBlockUsers);
    std::uint8_t key[16] = {};
    for (crypto::TrialKeys& block : users) {
        for (std::size_t index = 0; index < crypto::kTrialBlockUsers; ++index) {
            ++key[index % 16];
            row.set(block, index, key);
        }
    }
    for (auto step : state) {
        std::uint64_t found = 0;
        for (const crypto::TrialKeys& block : users) {
            found |= row.find(block, crypto::kTrialBlockUsers, kKey);
        }
        benchmark::DoNotOptimize(found);
    }
    state.counters["users/s"] =
        benchmark::Counter(static_cast<double>(kUsers) * static_cast<double>(state.iterations()),
                           benchmark::Counter::kIsRate);
    state.counters["B/user"] = sizeof(crypto::TrialKeys) / double{crypto::kTrialBlockUsers};
}

void compress(benchmark::State& state, const crypto::HashRow& row) {
    std::uint32_t words[8] = {};
    const std::uint8_t block[crypto::kHashBlockBytes] = {};
    for (auto step : state) {
        row.compress(words, block, 1);
        benchmark::DoNotOptimize(words);
    }
}

// Two compressions, side by side where the row can.
void compress_two(benchmark::State& state, const crypto::HashRow& row) {
    crypto::Sha256State words[2] = {};
    const std::uint8_t blocks[2 * crypto::kHashBlockBytes] = {};
    for (auto step : state) {
        crypto::compress_two(row, words, blocks);
        benchmark::DoNotOptimize(words);
    }
}

// The tokens of one second of the older header, one by one and side by side.
void tokens_one_by_one(benchmark::State& state) {
    const std::uint8_t message[8] = {};
    crypto::Md5Digest digest;
    for (auto step : state) {
        for (std::size_t lane = 0; lane < crypto::kMd5Lanes; ++lane) {
            digest = crypto::hmac_md5(ByteView(kKey).first(16), message);
            benchmark::DoNotOptimize(digest);
        }
    }
}

void tokens_side_by_side(benchmark::State& state) {
    const std::uint8_t message[8] = {};
    const crypto::Md5Keys keys{};
    crypto::Md5Digests digests;
    for (auto step : state) {
        crypto::hmac_md5_each(keys, message, digests);
        benchmark::DoNotOptimize(digests);
    }
}

void permute(benchmark::State& state, const crypto::XofRow& row) {
    std::uint64_t lanes[25] = {};
    for (auto step : state) {
        row.permute(lanes);
        benchmark::DoNotOptimize(lanes);
    }
}

template <auto kWay>
void cfb(benchmark::State& state, const crypto::BlockRow& row) {
    constexpr std::size_t kBlocks = 512;  // the 8 KiB that V2Ray's older bodies seal at a time
    crypto::BlockState expanded;
    row.expand(expanded, kKey);
    std::vector<std::uint8_t> text(kBlocks * crypto::kAesBlockBytes);
    std::uint8_t chain[crypto::kAesBlockBytes] = {};
    for (auto step : state) {
        (row.*kWay)(expanded, chain, text.data(), text.data(), kBlocks);
        benchmark::ClobberMemory();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}

}  // namespace

void add_keys() {
    add_usable(crypto::aes128_gcm_rows(), "expand", expand);
    add_usable(crypto::chacha20_poly1305_rows(), "expand", expand);
}

void add_trials() {
    add_usable(crypto::aes128_trial_rows(), "find", find_user);
}

void add_hashes() {
    add_usable(crypto::sha256_rows(), "compress", compress);
    add_usable(crypto::sha256_rows(), "compress_two", compress_two);
    add_usable(crypto::shake128_rows(), "permute", permute);
    benchmark::RegisterBenchmark("hmac_md5/8_one_by_one", tokens_one_by_one);
    benchmark::RegisterBenchmark("hmac_md5/8_side_by_side", tokens_side_by_side);
    add_usable(crypto::aes128_rows(), "cfb_encrypt", cfb<&crypto::BlockRow::cfb_encrypt>);
    add_usable(crypto::aes128_rows(), "cfb_decrypt", cfb<&crypto::BlockRow::cfb_decrypt>);
}

}  // namespace ferry::perf
