// ChaCha20-Poly1305 with NEON: eight blocks of key stream at a time, the authenticator beside them
// on the integer side. RFC 8439.
//
// Four blocks are a set: one per lane, word w of all of them in register w. A set keeps two vector
// pipes busy. Two sets are what four pipes take, at the price of a few registers that wait in
// memory: an eighth more instructions.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "crypto/arm64/memory.h"
#include "crypto/arm64/poly1305.h"
#include "crypto/kernel.h"

namespace ferry::crypto::arm64 {

namespace {

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kSetBytes = 4 * kBlockBytes;
constexpr std::size_t kBatchBytes = 2 * kSetBytes;
constexpr std::size_t kPieceBytes = 16;
constexpr std::size_t kSetPieces = kSetBytes / kPieceBytes;

enum class Way : std::uint8_t { seal, open };

struct Key {
    std::uint32_t words[8];
};

// ChaCha20's input: "expand 32-byte k", the key, a counter, the nonce.
struct Input {
    std::uint32_t words[16];
};

// Four blocks under way.
struct Set {
    uint32x4_t x[16];
};

template <int bits>
[[gnu::always_inline]] inline uint32x4_t turned(uint32x4_t a) {
    if constexpr (bits == 16) {
        return vreinterpretq_u32_u16(vrev32q_u16(vreinterpretq_u16_u32(a)));
    } else if constexpr (bits == 8) {
        const uint8x16_t order = two_words(0x0605040702010003, 0x0e0d0c0f0a09080b);
        return vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_u32(a), order));
    } else {
        return vsriq_n_u32(vshlq_n_u32(a, bits), a, 32 - bits);
    }
}

// A quarter of the quarter rounds: a += b, d = (d ^ a) turned. All four side by side, because each
// is one long chain. `b_from` and `d_from` say which column of their row the first quarter takes.
template <int bits>
[[gnu::always_inline]] inline void step(uint32x4_t* a, const uint32x4_t* b, uint32x4_t* d,
                                        std::size_t a_from, std::size_t b_from,
                                        std::size_t d_from) {
    for (std::size_t i = 0; i < 4; ++i) {
        uint32x4_t& sum = a[(i + a_from) % 4];
        sum = vaddq_u32(sum, b[(i + b_from) % 4]);
        uint32x4_t& mixed = d[(i + d_from) % 4];
        mixed = turned<bits>(veorq_u32(mixed, sum));
    }
}

// A round on columns (0), or on diagonals (1): row r is taken from column r on.
template <std::size_t diagonal>
[[gnu::always_inline]] inline void round(Set& set) {
    uint32x4_t* const a = set.x;
    uint32x4_t* const b = set.x + 4;
    uint32x4_t* const c = set.x + 8;
    uint32x4_t* const d = set.x + 12;
    step<16>(a, b, d, 0, diagonal, 3 * diagonal);
    step<12>(c, d, b, 2 * diagonal, 3 * diagonal, diagonal);
    step<8>(a, b, d, 0, diagonal, 3 * diagonal);
    step<7>(c, d, b, 2 * diagonal, 3 * diagonal, diagonal);
}

template <std::size_t sets>
[[gnu::always_inline]] inline void two_rounds(Set (&all)[sets]) {
    for (Set& set : all) {
        round<0>(set);
    }
    for (Set& set : all) {
        round<1>(set);
    }
}

// The input of four blocks, `first` blocks behind the counter.
[[gnu::always_inline]] inline Set begun(const Input& input, std::uint32_t first) {
    static constexpr std::uint32_t kLanes[4] = {0, 1, 2, 3};
    Set set;
    for (std::size_t w = 0; w < 16; ++w) {
        set.x[w] = vdupq_n_u32(input.words[w]);
    }
    set.x[12] = vaddq_u32(set.x[12], vaddq_u32(vld1q_u32(kLanes), vdupq_n_u32(first)));
    return set;
}

// Words to blocks: adds the input and gives piece `i` of block `k` in pieces[4 k + i].
[[gnu::always_inline]] inline void end(const Set& set, const Set& input,
                                       uint8x16_t (&pieces)[kSetPieces]) {
    for (std::size_t i = 0; i < 4; ++i) {
        uint32x4_t row[4];
        for (std::size_t w = 0; w < 4; ++w) {
            row[w] = vaddq_u32(set.x[4 * i + w], input.x[4 * i + w]);
        }
        const uint64x2_t even01 = vreinterpretq_u64_u32(vtrn1q_u32(row[0], row[1]));
        const uint64x2_t odd01 = vreinterpretq_u64_u32(vtrn2q_u32(row[0], row[1]));
        const uint64x2_t even23 = vreinterpretq_u64_u32(vtrn1q_u32(row[2], row[3]));
        const uint64x2_t odd23 = vreinterpretq_u64_u32(vtrn2q_u32(row[2], row[3]));
        pieces[i] = vreinterpretq_u8_u64(vtrn1q_u64(even01, even23));
        pieces[4 + i] = vreinterpretq_u8_u64(vtrn1q_u64(odd01, odd23));
        pieces[8 + i] = vreinterpretq_u8_u64(vtrn2q_u64(even01, even23));
        pieces[12 + i] = vreinterpretq_u8_u64(vtrn2q_u64(odd01, odd23));
    }
}

// Key stream in memory, for texts that do not fill it. Whoever has one wipes it.
struct Stream {
    uint8x16_t pieces[2 * kSetPieces];
};

// The next four blocks per set. Moves the counter on.
template <std::size_t sets>
[[gnu::always_inline]] inline void make(Input& input, Stream& stream) {
    Set all[sets];
    for (std::uint32_t s = 0; s < sets; ++s) {
        all[s] = begun(input, 4 * s);
    }
    for (int i = 0; i < 10; ++i) {
        two_rounds(all);
    }
    for (std::uint32_t s = 0; s < sets; ++s) {
        uint8x16_t pieces[kSetPieces];
        end(all[s], begun(input, 4 * s), pieces);
        for (std::size_t i = 0; i < kSetPieces; ++i) {
            stream.pieces[kSetPieces * s + i] = pieces[i];
        }
    }
    input.words[12] += 4 * sets;
}

// Adds key stream to `bytes` bytes of text.
[[gnu::always_inline]] inline void apply(const uint8x16_t* pieces, const std::uint8_t* from,
                                         std::uint8_t* to, std::size_t bytes) {
    for (; bytes >= kPieceBytes; bytes -= kPieceBytes) {
        store(to, veorq_u8(*pieces, load(from)));
        ++pieces;
        from += kPieceBytes;
        to += kPieceBytes;
    }
    if (bytes > 0) {
        store_first(to, veorq_u8(*pieces, load_first(from, bytes)), bytes);
    }
}

// Encrypts or decrypts 512 bytes. Meanwhile hashes as many from `hashed`, if given: two blocks
// after each of 16 rounds, so that neither side runs far ahead of the other.
[[gnu::always_inline]] inline void apply_batch(Input& input, const std::uint8_t* from,
                                               std::uint8_t* to, Poly1305& poly,
                                               const std::uint8_t* hashed) {
    Poly1305 now = poly;
    Set all[2] = {begun(input, 0), begun(input, 4)};
    for (int i = 0; i < 8; ++i) {
        round<0>(all[0]);
        round<0>(all[1]);
        if (hashed != nullptr) {
            absorb_block(now, hashed);
            absorb_block(now, hashed + 16);
        }
        round<1>(all[0]);
        round<1>(all[1]);
        if (hashed != nullptr) {
            absorb_block(now, hashed + 32);
            absorb_block(now, hashed + 48);
            hashed += 64;
        }
    }
    two_rounds(all);
    two_rounds(all);
    for (std::uint32_t s = 0; s < 2; ++s) {
        uint8x16_t pieces[kSetPieces];
        end(all[s], begun(input, 4 * s), pieces);
        for (std::size_t i = 0; i < kSetPieces; ++i) {
            const std::size_t at = kSetBytes * s + kPieceBytes * i;
            store(to + at, veorq_u8(pieces[i], load(from + at)));
        }
    }
    input.words[12] += 8;
    poly = now;
}

// The text of one message, piece by piece: encrypted and then hashed, or hashed and then decrypted,
// since it is the ciphertext that is hashed and `from` may be `to`.
struct Text {
    const std::uint8_t* from;
    std::uint8_t* to;
    std::size_t left;

    void skip(std::size_t bytes) {
        from += bytes;
        to += bytes;
        left -= bytes;
    }
};

// Encrypts and hashes the next bytes of the text under key stream that is there. They end the text,
// or are a multiple of 16.
template <Way way>
[[gnu::always_inline]] inline void crypt_some(const uint8x16_t* pieces, Poly1305& poly, Text& text,
                                              std::size_t bytes) {
    if (way == Way::open) {
        absorb_padded(poly, text.from, bytes);
    }
    apply(pieces, text.from, text.to, bytes);
    if (way == Way::seal) {
        absorb_padded(poly, text.to, bytes);
    }
    text.skip(bytes);
}

// The first block is the key of the authenticator. The text begins behind it: all of it, or as much
// as is left of a batch.
template <Way way>
[[gnu::always_inline]] inline void crypt_first(Input& input, Stream& stream, Poly1305& poly,
                                               const std::uint8_t* aad, std::size_t aad_bytes,
                                               Text& text) {
    constexpr std::size_t kFirstBytes = kBatchBytes - kBlockBytes;
    if (text.left <= kSetBytes - kBlockBytes) {
        make<1>(input, stream);
    } else {
        make<2>(input, stream);
    }
    start(poly, stream.pieces[0], stream.pieces[1]);
    absorb_padded(poly, aad, aad_bytes);
    crypt_some<way>(stream.pieces + 4, poly, text,
                    text.left < kFirstBytes ? text.left : kFirstBytes);
}

// Encrypts or decrypts a message and gives its tag.
template <Way way>
[[gnu::always_inline]] inline uint8x16_t crypt(const Key& key, const std::uint8_t* nonce,
                                               const std::uint8_t* aad, std::size_t aad_bytes,
                                               const std::uint8_t* from, std::uint8_t* to,
                                               std::size_t text_bytes) {
    Input input = {{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}};
    __builtin_memcpy(input.words + 4, key.words, sizeof key.words);
    __builtin_memcpy(input.words + 13, nonce, kNonceBytes);

    Stream stream;
    Poly1305 poly;
    Text text{from, to, text_bytes};
    crypt_first<way>(input, stream, poly, aad, aad_bytes, text);

    const std::uint8_t* hashed = nullptr;  // a batch that is encrypted and not yet hashed
    for (; text.left >= kBatchBytes; text.skip(kBatchBytes)) {
        if (way == Way::open) {
            hashed = text.from;
        }
        apply_batch(input, text.from, text.to, poly, hashed);
        hashed = text.to;
    }
    if (way == Way::seal && hashed != nullptr) {
        absorb_padded(poly, hashed, kBatchBytes);
    }
    if (text.left > kSetBytes) {
        make<2>(input, stream);
    } else if (text.left > 0) {
        make<1>(input, stream);
    }
    crypt_some<way>(stream.pieces, poly, text, text.left);

    absorb(poly, aad_bytes, text_bytes);
    const uint8x16_t tag = finish(poly);
    wipe(&stream, sizeof stream);
    wipe(&poly, sizeof poly);
    wipe(&input, sizeof input);
    return tag;
}

const Key& key_in(const AeadState& state) {
    return *static_cast<const Key*>(static_cast<const void*>(&state));
}

void expand(AeadState& state, const std::uint8_t* key) {
    __builtin_memcpy(&state, key, sizeof(Key));
}

void seal(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          std::uint8_t* tag) {
    store(tag, crypt<Way::seal>(key_in(state), nonce, aad, aad_bytes, from, to, text_bytes));
}

// The plaintext is there before the tag is known, so it is wiped if the tag is wrong.
bool open(const AeadState& state, const std::uint8_t* nonce, const std::uint8_t* aad,
          std::size_t aad_bytes, const std::uint8_t* from, std::uint8_t* to, std::size_t text_bytes,
          const std::uint8_t* tag) {
    const bool is_good =
        is_equal(crypt<Way::open>(key_in(state), nonce, aad, aad_bytes, from, to, text_bytes), tag);
    if (!is_good) {
        wipe(to, text_bytes);
    }
    return is_good;
}

}  // namespace

extern const AeadRow kChaCha20Poly1305Neon;
const AeadRow kChaCha20Poly1305Neon = {
    .name = "chacha20poly1305.neon",
    .key_bytes = 32,
    .usable = has_neon,
    .expand = expand,
    .seal = seal,
    .open = open,
};

}  // namespace ferry::crypto::arm64
