// How fast does every AEAD row seal and open, from a sealed length of two bytes to the largest
// chunk?
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "crypto/aead.h"
#include "crypto/cpu.h"
#include "perf/micro/groups.h"
#include "perf/micro/openssl.h"

namespace ferry::perf {

namespace {

using crypto::AeadRow;
using crypto::AeadState;

// A sealed length, short datagrams, a full one, V2Ray's chunk and peers' larger ones, ours, the
// largest.
constexpr std::size_t kSizes[] = {2, 16, 64, 256, 1350, 2048, 8192, 15808, 65535};

struct Message {
    explicit Message(std::size_t bytes) : plain(bytes, 0x5a), sealed(bytes), opened(bytes) {}

    std::vector<std::uint8_t> plain;
    std::vector<std::uint8_t> sealed;
    std::vector<std::uint8_t> opened;
    std::uint8_t nonce[crypto::kNonceBytes] = {1, 2, 3};
    std::uint8_t tag[crypto::kTagBytes] = {};
};

const std::vector<std::uint8_t>& key() {
    static const std::vector<std::uint8_t> kKey(32, 7);
    return kKey;
}

void count(benchmark::State& state, std::size_t bytes) {
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}

void seal(benchmark::State& state, const AeadRow& row, std::size_t bytes) {
    AeadState expanded;
    row.expand(expanded, key().data());
    Message message(bytes);
    for (auto step : state) {
        row.seal(expanded, message.nonce, nullptr, 0, message.plain.data(), message.sealed.data(),
                 bytes, message.tag);
        benchmark::ClobberMemory();
    }
    count(state, bytes);
}

void open(benchmark::State& state, const AeadRow& row, std::size_t bytes) {
    AeadState expanded;
    row.expand(expanded, key().data());
    Message message(bytes);
    row.seal(expanded, message.nonce, nullptr, 0, message.plain.data(), message.sealed.data(),
             bytes, message.tag);
    for (auto step : state) {
        if (!row.open(expanded, message.nonce, nullptr, 0, message.sealed.data(),
                      message.opened.data(), bytes, message.tag)) {
            state.SkipWithError("does not open");
            break;
        }
        benchmark::ClobberMemory();
    }
    count(state, bytes);
}

void openssl_seal(benchmark::State& state, Cipher cipher, std::size_t bytes) {
    const OpenSslSealer sealer(*openssl(), cipher, key());
    Message message(bytes);
    for (auto step : state) {
        sealer.seal(message.nonce, message.plain, message.sealed.data(), message.tag);
        benchmark::ClobberMemory();
    }
    count(state, bytes);
}

void openssl_open(benchmark::State& state, Cipher cipher, std::size_t bytes) {
    const OpenSslSealer sealer(*openssl(), cipher, key());
    Message message(bytes);
    sealer.seal(message.nonce, message.plain, message.sealed.data(), message.tag);
    for (auto step : state) {
        if (!sealer.open(message.nonce, message.sealed, message.opened.data(), message.tag)) {
            state.SkipWithError("does not open");
            break;
        }
        benchmark::ClobberMemory();
    }
    count(state, bytes);
}

std::string name_of(std::string_view row, const char* way, std::size_t bytes) {
    return std::string(row) + '/' + way + '/' + std::to_string(bytes);
}

// All rows of one size stand together, so that a slow second of the machine meets them all.
void add(std::span<const AeadRow* const> rows, Cipher cipher, std::string_view primitive,
         Others others, std::size_t bytes) {
    const crypto::Cpu cpu = crypto::detect();
    for (const AeadRow* row : rows) {
        if (!row->usable(cpu)) {
            continue;
        }
        benchmark::RegisterBenchmark(name_of(row->name, "seal", bytes).c_str(), seal, *row, bytes);
        benchmark::RegisterBenchmark(name_of(row->name, "open", bytes).c_str(), open, *row, bytes);
    }
    if (others == Others::openssl && openssl() != nullptr) {
        const std::string name = std::string(primitive) + ".openssl";
        benchmark::RegisterBenchmark(name_of(name, "seal", bytes).c_str(), openssl_seal, cipher,
                                     bytes);
        benchmark::RegisterBenchmark(name_of(name, "open", bytes).c_str(), openssl_open, cipher,
                                     bytes);
    }
}

}  // namespace

void add_aeads(Others others) {
    for (const std::size_t bytes : kSizes) {
        add(crypto::aes128_gcm_rows(), Cipher::aes128_gcm, "aes128gcm", others, bytes);
    }
    for (const std::size_t bytes : kSizes) {
        add(crypto::chacha20_poly1305_rows(), Cipher::chacha20_poly1305, "chacha20poly1305", others,
            bytes);
    }
}

}  // namespace ferry::perf
