// The 64 steps of MD5, on one word at a time or on a vector of words, a lane per message: RFC 1321.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ferry::crypto {

inline constexpr std::array<std::uint32_t, 4> kMd5Start = {0x67452301, 0xefcdab89, 0x98badcfe,
                                                           0x10325476};

// RFC 1321, 3.4: kMd5Sines[i] is the whole part of 2^32 * |sin(i + 1)|.
inline constexpr std::array<std::uint32_t, 64> kMd5Sines = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

// Each group of sixteen steps mixes with its own function, walks the message words with its own
// stride, and rotates by four numbers in turn.
struct Md5Group {
    std::size_t first_word;
    std::size_t stride;
    std::array<unsigned, 4> turns;
};

inline constexpr std::array<Md5Group, 4> kMd5Groups = {{{0, 1, {7, 12, 17, 22}},
                                                        {1, 5, {5, 9, 14, 20}},
                                                        {5, 3, {4, 11, 16, 23}},
                                                        {0, 7, {6, 10, 15, 21}}}};

template <class Word>
using Md5Words = std::array<Word, 4>;

// One step: mixes, turns, and gives the words their new places.
template <std::size_t step, class Word>
inline void md5_step(Md5Words<Word>& state, const std::array<Word, 16>& message) {
    constexpr std::size_t kGroup = step / 16;
    constexpr Md5Group kThis = kMd5Groups[kGroup];
    constexpr std::size_t kWord = (kThis.first_word + kThis.stride * (step % 16)) % 16;
    constexpr unsigned kTurn = kThis.turns[step % 4];
    auto& [a, b, c, d] = state;
    Word sum = a + message[kWord] + kMd5Sines[step];
    if constexpr (kGroup == 0) {
        sum += (b & c) | (~b & d);
    } else if constexpr (kGroup == 1) {
        sum += (d & b) | (~d & c);
    } else if constexpr (kGroup == 2) {
        sum += b ^ c ^ d;
    } else {
        sum += c ^ (b | ~d);
    }
    a = d;
    d = c;
    c = b;
    b += (sum << kTurn) | (sum >> (32 - kTurn));
}

template <class Word, std::size_t... steps>
inline void md5_steps(Md5Words<Word>& state, const std::array<Word, 16>& message,
                      std::index_sequence<steps...>) {
    (md5_step<steps>(state, message), ...);
}

// The compression function; `message` is a block as sixteen words in host order.
template <class Word>
inline void md5_compress(Md5Words<Word>& state, const std::array<Word, 16>& message) {
    Md5Words<Word> now = state;
    md5_steps(now, message, std::make_index_sequence<kMd5Sines.size()>());
    for (std::size_t index = 0; index < state.size(); ++index) {
        state[index] += now[index];
    }
}

}  // namespace ferry::crypto
