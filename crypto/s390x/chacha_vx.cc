// ChaCha20-Poly1305 with the vector facility: four blocks of key stream at a time, the
// authenticator in words of 64 bits. RFC 8439.
//
// A vector holds the same word of four blocks. The ciphers' bytes are little-endian and the machine
// is not: words turn their bytes around where they become text, in the permutation that brings the
// words of a block together anyway.
#include <vecintrin.h>

#include <cstddef>
#include <cstdint>

#include "crypto/kernel.h"
#include "crypto/s390x/usable.h"

namespace ferry::crypto::s390x {

namespace {

using Words = __vector unsigned int;
using Octets = __vector unsigned char;
using Wide = unsigned __int128;

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kBatchBytes = 4 * kBlockBytes;

enum class Way : std::uint8_t { seal, open };

struct Key {
    std::uint8_t bytes[32];
};

// ChaCha20's input: "expand 32-byte k", the key, a counter, the nonce.
struct Input {
    std::uint32_t words[16];
};

// 256 bytes of key stream.
struct Batch {
    Octets rows[16];
};

[[gnu::always_inline]] inline std::uint32_t load_word(const std::uint8_t* from) {
    std::uint32_t value;
    __builtin_memcpy(&value, from, sizeof value);
    return __builtin_bswap32(value);
}

[[gnu::always_inline]] inline std::uint64_t load_double(const std::uint8_t* from) {
    std::uint64_t value;
    __builtin_memcpy(&value, from, sizeof value);
    return __builtin_bswap64(value);
}

[[gnu::always_inline]] inline void store_double(std::uint8_t* to, std::uint64_t value) {
    value = __builtin_bswap64(value);
    __builtin_memcpy(to, &value, sizeof value);
}

// ---- ChaCha20 -----------------------------------------------------------------------------------

[[gnu::always_inline]] inline void quarter_round(Words& a, Words& b, Words& c, Words& d) {
    a += b;
    d = vec_rli(d ^ a, 16);
    c += d;
    b = vec_rli(b ^ c, 12);
    a += b;
    d = vec_rli(d ^ a, 8);
    c += d;
    b = vec_rli(b ^ c, 7);
}

[[gnu::always_inline]] inline void two_rounds(Words (&x)[16]) {
    quarter_round(x[0], x[4], x[8], x[12]);
    quarter_round(x[1], x[5], x[9], x[13]);
    quarter_round(x[2], x[6], x[10], x[14]);
    quarter_round(x[3], x[7], x[11], x[15]);
    quarter_round(x[0], x[5], x[10], x[15]);
    quarter_round(x[1], x[6], x[11], x[12]);
    quarter_round(x[2], x[7], x[8], x[13]);
    quarter_round(x[3], x[4], x[9], x[14]);
}

// The next four blocks. Moves the counter on. Not inlined: a copy has more than a thousand
// instructions, and every message calls this from two places.
[[gnu::noinline]] void make_four(Input& input, Batch& batch) {
    const Words counters = {0, 1, 2, 3};
    // The left, or right, halves of two vectors, each word's bytes turned around.
    const Octets left = {3, 2, 1, 0, 7, 6, 5, 4, 19, 18, 17, 16, 23, 22, 21, 20};
    const Octets right = left + vec_splats(static_cast<unsigned char>(8));

    Words x[16];
    for (std::size_t w = 0; w < 16; ++w) {
        x[w] = vec_splats(input.words[w]);
    }
    x[12] += counters;
    for (int round = 0; round < 20; round += 2) {
        two_rounds(x);
    }
    for (std::size_t w = 0; w < 16; ++w) {
        x[w] += vec_splats(input.words[w]);
    }
    x[12] += counters;
    input.words[12] += 4;

    // Row r of block b is the words 4r to 4r + 3, which lie in lane b of as many vectors.
    for (std::size_t r = 0; r < 4; ++r) {
        const Words* w = x + 4 * r;
        const Octets first01 = reinterpret_cast<Octets>(vec_mergeh(w[0], w[1]));
        const Octets first23 = reinterpret_cast<Octets>(vec_mergeh(w[2], w[3]));
        const Octets last01 = reinterpret_cast<Octets>(vec_mergel(w[0], w[1]));
        const Octets last23 = reinterpret_cast<Octets>(vec_mergel(w[2], w[3]));
        batch.rows[r] = vec_perm(first01, first23, left);
        batch.rows[4 + r] = vec_perm(first01, first23, right);
        batch.rows[8 + r] = vec_perm(last01, last23, left);
        batch.rows[12 + r] = vec_perm(last01, last23, right);
    }
}

// Adds key stream to up to as much text. The lengths of the instructions for parts of a vector
// count from 0.
[[gnu::always_inline]] inline void apply(const Octets* stream, const std::uint8_t* from,
                                         std::uint8_t* to, std::size_t bytes) {
    for (; bytes >= 16; bytes -= 16, from += 16, to += 16) {
        const Octets text = vec_xl(0, from);
        vec_xst(text ^ *stream, 0, to);
        ++stream;
    }
    if (bytes > 0) {
        const unsigned last = static_cast<unsigned>(bytes) - 1;
        const Octets text = vec_load_len(from, last);
        vec_store_len(text ^ *stream, to, last);
    }
}

// ---- Poly1305 -----------------------------------------------------------------------------------

struct Poly1305 {
    std::uint64_t r[2];
    std::uint64_t s[2];
    std::uint64_t sum[3];  // below 2^130 and a little, lowest word first
};

[[gnu::always_inline]] inline std::uint64_t low(Wide x) {
    return static_cast<std::uint64_t>(x);
}

[[gnu::always_inline]] inline std::uint64_t high(Wide x) {
    return static_cast<std::uint64_t>(x >> 64);
}

// RFC 8439, 2.5: r is clamped, s is added at the end.
[[gnu::always_inline]] inline void start(Poly1305& poly, const Batch& batch) {
    std::uint8_t key[32];
    __builtin_memcpy(key, batch.rows, sizeof key);
    poly = {{load_double(key) & 0x0ffffffc0fffffff, load_double(key + 8) & 0x0ffffffc0ffffffc},
            {load_double(key + 16), load_double(key + 24)},
            {}};
    wipe(key, sizeof key);
}

// sum = (sum + block + 2^128) r  mod 2^130 - 5, block after block. With h the sum, r = r0 + r1 2^64
// and t = 5 r1 / 4, which is 2^128 r1 since r1 is a multiple of 4:
//
//     d0 = h0 r0 + h1 t,   d1 = h0 r1 + h1 r0 + h2 t,   d2 = h2 r0
//
// Clamping leaves r0 and r1 below 2^60 and t below 2^60.4, and h2 is at most 6: no sum overflows.
// What d2 has from 2^130 on comes back times 5.
void absorb(Poly1305& poly, const std::uint8_t* from, std::size_t blocks) {
    const std::uint64_t r0 = poly.r[0];
    const std::uint64_t r1 = poly.r[1];
    const std::uint64_t t = r1 + (r1 >> 2);
    std::uint64_t h0 = poly.sum[0];
    std::uint64_t h1 = poly.sum[1];
    std::uint64_t h2 = poly.sum[2];
    for (; blocks > 0; --blocks, from += 16) {
        Wide carry = Wide{h0} + load_double(from);
        h0 = low(carry);
        carry = Wide{h1} + load_double(from + 8) + high(carry);
        h1 = low(carry);
        h2 += 1 + high(carry);

        const Wide d0 = Wide{h0} * r0 + Wide{h1} * t;
        const Wide d1 = Wide{h0} * r1 + Wide{h1} * r0 + h2 * t + high(d0);
        const std::uint64_t d2 = h2 * r0 + high(d1);

        carry = Wide{low(d0)} + (d2 >> 2) + (d2 & ~std::uint64_t{3});  // 5 (d2 / 4)
        h0 = low(carry);
        carry = Wide{low(d1)} + high(carry);
        h1 = low(carry);
        h2 = (d2 & 3) + high(carry);
    }
    poly.sum[0] = h0;
    poly.sum[1] = h1;
    poly.sum[2] = h2;
}

// A piece, filled up with zeros to whole blocks.
void absorb_padded(Poly1305& poly, const std::uint8_t* from, std::size_t bytes) {
    const std::size_t rest = bytes % 16;
    absorb(poly, from, bytes / 16);
    if (rest > 0) {
        std::uint8_t block[16];
        const Octets part = vec_load_len(from + bytes - rest, static_cast<unsigned>(rest) - 1);
        __builtin_memcpy(block, &part, sizeof block);
        absorb(poly, block, 1);
    }
}

// Adding 5 carries into bit 130 exactly if the sum is 2^130 - 5 or more, and then the sum plus 5
// without that bit is the reduced one. Twice 2^130 - 5 is out of reach.
void finish(Poly1305& poly, std::uint8_t* tag) {
    Wide carry = Wide{poly.sum[0]} + 5;
    const std::uint64_t plus_five0 = low(carry);
    carry = Wide{poly.sum[1]} + high(carry);
    const std::uint64_t plus_five1 = low(carry);
    const std::uint64_t bit130 = (poly.sum[2] + high(carry)) >> 2;
    const std::uint64_t mask = 0 - bit130;
    const std::uint64_t h0 = (poly.sum[0] & ~mask) | (plus_five0 & mask);
    const std::uint64_t h1 = (poly.sum[1] & ~mask) | (plus_five1 & mask);
    carry = Wide{h0} + poly.s[0];
    store_double(tag, low(carry));
    carry = Wide{h1} + poly.s[1] + high(carry);
    store_double(tag + 8, low(carry));
}

// ---- both ---------------------------------------------------------------------------------------

struct Text {
    const std::uint8_t* from;
    std::uint8_t* to;
    std::size_t bytes;
};

// Encrypts and then hashes, or hashes and then decrypts, since it is the ciphertext that is hashed
// and `from` may be `to`. Only the last piece of a message may have a part of a block.
template <Way way>
[[gnu::always_inline]] inline void crypt_piece(Poly1305& poly, const Octets* stream,
                                               const Text& piece) {
    if (way == Way::open) {
        absorb_padded(poly, piece.from, piece.bytes);
    }
    apply(stream, piece.from, piece.to, piece.bytes);
    if (way == Way::seal) {
        absorb_padded(poly, piece.to, piece.bytes);
    }
}

// Encrypts or decrypts a message and gives its tag. The first block of key stream is the key of the
// authenticator; the three others of its batch go onto the text.
template <Way way>
void crypt(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
           std::size_t aad_bytes, Text text, std::uint8_t* tag) {
    const Key& key = *static_cast<const Key*>(static_cast<const void*>(&state));
    Input input = {{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}};
    for (std::size_t i = 0; i < 8; ++i) {
        input.words[4 + i] = load_word(key.bytes + 4 * i);
    }
    for (std::size_t i = 0; i < 3; ++i) {
        input.words[13 + i] = load_word(nonce + 4 * i);
    }

    Batch batch;
    Poly1305 poly;
    make_four(input, batch);
    start(poly, batch);
    absorb_padded(poly, aad, aad_bytes);
    const std::size_t text_bytes = text.bytes;
    std::size_t room = kBatchBytes - kBlockBytes;
    while (text.bytes > 0) {
        const std::size_t now = text.bytes < room ? text.bytes : room;
        crypt_piece<way>(poly, batch.rows + (kBatchBytes - room) / 16, {text.from, text.to, now});
        text = {text.from + now, text.to + now, text.bytes - now};
        room = kBatchBytes;
        if (text.bytes > 0) {
            make_four(input, batch);
        }
    }

    std::uint8_t lengths[16];
    store_double(lengths, aad_bytes);
    store_double(lengths + 8, text_bytes);
    absorb(poly, lengths, 1);
    finish(poly, tag);
    wipe(&poly, sizeof poly);
    wipe(&batch, sizeof batch);
    wipe(&input, sizeof input);
}

void expand(AeadState& state, const std::uint8_t* key) {
    __builtin_memcpy(&state, key, sizeof(Key));
}

void seal(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          std::uint8_t* tag) {
    crypt<Way::seal>(state, nonce, aad, aad_bytes, {from, to, text_bytes}, tag);
}

// The plaintext is there before the tag is known, so it is wiped if the tag is wrong.
bool open(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          const std::uint8_t* tag) {
    std::uint8_t expected[kTagBytes];
    crypt<Way::open>(state, nonce, aad, aad_bytes, {from, to, text_bytes}, expected);
    const bool is_right = equal(expected, tag, kTagBytes);
    wipe(expected, sizeof expected);  // of a forgery, it is what the forger looks for
    if (!is_right) {
        wipe(to, text_bytes);
    }
    return is_right;
}

}  // namespace

extern const AeadRow kChaCha20Poly1305Vx;
const AeadRow kChaCha20Poly1305Vx = {
    .name = "chacha20poly1305.vx",
    .key_bytes = 32,
    .usable = has_vector_facility,
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::s390x
