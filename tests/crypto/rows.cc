#include "tests/crypto/rows.h"

#include <cstdio>
#include <cstdlib>
#include <random>

namespace ferry::test {

namespace {

std::uint64_t chosen_seed() {
    const char* wanted = std::getenv("FERRY_SEED");
    const std::uint64_t seed =
        wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device()();
    std::printf("seed %llu; set FERRY_SEED to repeat\n", static_cast<unsigned long long>(seed));
    return seed;
}

}  // namespace

Noise::Noise() {
    static const std::uint64_t seed = chosen_seed();
    state_ = seed;
}

// SplitMix64, by Steele, Lea and Flood.
std::uint64_t Noise::next() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

Bytes Noise::bytes(std::size_t count) {
    Bytes bytes(count);
    for (std::uint8_t& byte : bytes) {
        byte = static_cast<std::uint8_t>(next());
    }
    return bytes;
}

std::size_t sweep_step() {
    const char* wanted = std::getenv("FERRY_STEP");
    return wanted != nullptr ? std::max(1ul, std::strtoul(wanted, nullptr, 10)) : 1;
}

Placed::Placed(std::size_t offset, ByteView content)
    : offset_(offset), memory_(offset + content.size()) {
    std::ranges::copy(content, span().begin());
}

}  // namespace ferry::test
