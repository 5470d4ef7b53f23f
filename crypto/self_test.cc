#include "crypto/self_test.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "crypto/bytes.h"
#include "crypto/portable/rows.h"

namespace ferry::crypto {

namespace {

template <std::size_t N>
using Bytes = std::array<std::uint8_t, N>;

consteval std::uint8_t digit(char letter) {
    return static_cast<std::uint8_t>(letter <= '9' ? letter - '0' : letter - 'a' + 10);
}

// The bytes of a literal in lower-case hex.
template <std::size_t N>
consteval Bytes<(N - 1) / 2> hex(const char (&digits)[N]) {
    Bytes<(N - 1) / 2> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(digit(digits[2 * i]) << 4 | digit(digits[2 * i + 1]));
    }
    return bytes;
}

// Bytes without a pattern that a kernel could get right by mistake.
template <std::size_t N>
Bytes<N> filler() {
    Bytes<N> bytes;
    std::uint32_t x = 1;
    for (std::uint8_t& byte : bytes) {
        x = x * 1664525 + 1013904223;  // a generator of Knuth and Lewis
        byte = static_cast<std::uint8_t>(x >> 24);
    }
    return bytes;
}

struct AeadVector {
    ByteView key;
    ByteView nonce;
    ByteView aad;
    ByteView text;
    ByteView sealed;  // with the tag
};

// Long enough for every loop of a kernel that takes up to 48 blocks at a time, and a ragged end.
constexpr std::size_t kLongBytes = 2085;

// Seals, opens, and must refuse what one bit has changed in.
bool round_trip(const AeadRow& row, const AeadVector& vector) {
    const std::size_t bytes = vector.text.size();
    AeadState state;
    row.expand(state, vector.key.data());

    Bytes<128> text;
    Bytes<kTagBytes> tag;
    row.seal(state, vector.nonce.data(), vector.aad.data(), vector.aad.size(), vector.text.data(),
             text.data(), bytes, tag.data());
    bool works = std::equal(vector.sealed.begin(), vector.sealed.end() - kTagBytes, text.begin()) &&
                 std::equal(vector.sealed.end() - kTagBytes, vector.sealed.end(), tag.begin());

    tag[kTagBytes - 1] ^= 0x80;
    works = works && !row.open(state, vector.nonce.data(), vector.aad.data(), vector.aad.size(),
                               vector.sealed.data(), text.data(), bytes, tag.data());
    tag[kTagBytes - 1] ^= 0x80;
    works = works && row.open(state, vector.nonce.data(), vector.aad.data(), vector.aad.size(),
                              vector.sealed.data(), text.data(), bytes, tag.data());
    return works && std::equal(vector.text.begin(), vector.text.end(), text.begin());
}

// Does `row` seal a long text as `reference` does, and open it again?
bool agrees(const AeadRow& row, const AeadRow& reference, const AeadVector& vector) {
    const Bytes<kLongBytes> text = filler<kLongBytes>();
    const auto seal = [&](const AeadRow& sealer, AeadState& state, std::uint8_t* to,
                          std::uint8_t* tag) {
        sealer.expand(state, vector.key.data());
        sealer.seal(state, vector.nonce.data(), vector.aad.data(), vector.aad.size(), text.data(),
                    to, text.size(), tag);
    };

    AeadState state;
    Bytes<kLongBytes> expected;
    Bytes<kTagBytes> expected_tag;
    seal(reference, state, expected.data(), expected_tag.data());
    Bytes<kLongBytes> sealed;
    Bytes<kTagBytes> tag;
    seal(row, state, sealed.data(), tag.data());
    if (sealed != expected || tag != expected_tag) {
        return false;
    }
    const bool opened = row.open(state, vector.nonce.data(), vector.aad.data(), vector.aad.size(),
                                 sealed.data(), sealed.data(), sealed.size(), tag.data());
    return opened && sealed == text;
}

}  // namespace

bool aes128_gcm_works(const AeadRow& row) {
    // Test case 4 of "The Galois/Counter Mode of Operation (GCM)", McGrew and Viega, appendix B.
    static constexpr auto kKey = hex("feffe9928665731c6d6a8f9467308308");
    static constexpr auto kNonce = hex("cafebabefacedbaddecaf888");
    static constexpr auto kAad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    static constexpr auto kText = hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449"
        "a6b525b16aedf5aa0de657ba637b39");
    static constexpr auto kSealed = hex(
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac"
        "84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47");
    const AeadVector vector{kKey, kNonce, kAad, kText, kSealed};
    return round_trip(row, vector) && agrees(row, portable::kAes128Gcm, vector);
}

bool chacha20_poly1305_works(const AeadRow& row) {
    // RFC 8439, 2.8.2.
    static constexpr auto kKey =
        hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    static constexpr auto kNonce = hex("070000004041424344454647");
    static constexpr auto kAad = hex("50515253c0c1c2c3c4c5c6c7");
    static constexpr auto kText = hex(
        "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a20496620"
        "4920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f722074686520667574757265"
        "2c2073756e73637265656e20776f756c642062652069742e");
    static constexpr auto kSealed = hex(
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da"
        "92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585"
        "808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691");
    const AeadVector vector{kKey, kNonce, kAad, kText, kSealed};
    return round_trip(row, vector) && agrees(row, portable::kChaCha20Poly1305, vector);
}

bool sha256_works(const HashRow& row) {
    // FIPS 180-2, B.1: "abc".
    static constexpr auto kMessage = hex("616263");
    static constexpr auto kDigest =
        hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    if (sha256(row, kMessage) != kDigest) {
        return false;
    }
    const Bytes<5 * kHashBlockBytes> blocks = filler<5 * kHashBlockBytes>();
    Sha256State expected{};
    Sha256State state{};
    portable::kSha256.compress(expected.data(), blocks.data(), 5);
    row.compress(state.data(), blocks.data(), 5);
    if (state != expected) {
        return false;
    }
    Sha256State two[2] = {expected, {}};
    Sha256State expected_two[2] = {expected, {}};
    compress_two(row, two, blocks.data());
    compress_two(portable::kSha256, expected_two, blocks.data());
    return two[0] == expected_two[0] && two[1] == expected_two[1];
}

bool shake128_works(const XofRow& row) {
    // FIPS 202: SHAKE128 of the empty message, as in NIST's examples with intermediate values.
    static constexpr auto kOutput =
        hex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26");
    Bytes<kOutput.size()> output;
    Shake128(row, {}).read(output);
    return output == kOutput;
}

bool aes128_works(const BlockRow& row) {
    // FIPS 197, C.1.
    static constexpr auto kKey = hex("000102030405060708090a0b0c0d0e0f");
    static constexpr auto kPlain = hex("00112233445566778899aabbccddeeff");
    static constexpr auto kSealed = hex("69c4e0d86a7b0430d8cdb78070b4c55a");
    const Aes128 aes(row, kKey);
    if (aes.encrypt(kSealed) == kSealed) {
        return false;
    }
    if (aes.encrypt(kPlain) != kSealed || aes.decrypt(kSealed) != kPlain) {
        return false;
    }

    // CFB over many blocks, against the portable row and back.
    const auto text = filler<19 * kAesBlockBytes>();
    auto expected = text;
    auto sealed = text;
    auto opened = text;
    Cfb(portable::kAes128, Cfb::Way::encrypt, kKey, kPlain).apply(text, expected);
    Cfb(row, Cfb::Way::encrypt, kKey, kPlain).apply(text, sealed);
    Cfb(row, Cfb::Way::decrypt, kKey, kPlain).apply(sealed, opened);
    return sealed == expected && opened == text;
}

bool aes128_trial_works(const TrialRow& row) {
    // AES-128 under the key of `kKey` of eight zero bytes, c317e004 and the CRC-32 of these twelve,
    // 5f570587.
    static constexpr auto kKey = hex("1415ba74ca8b3d041a8f583fb4116315");
    static constexpr auto kBlock = hex("f1aa8a77932edf2d1adfa4ccd129fced");
    const auto others = filler<kTrialBlockUsers * kAesBlockBytes>();
    TrialKeys keys;
    for (std::size_t index = 0; index < kTrialBlockUsers; ++index) {
        row.set(keys, index, others.data() + kAesBlockBytes * index);
    }
    if (row.find(keys, kTrialBlockUsers, kBlock.data()) != 0) {
        return false;
    }
    for (const std::size_t index : {0, 1, 14, 15, 16, 31, 32, 63}) {
        row.set(keys, index, kKey.data());
    }
    constexpr std::uint64_t kAll = 0x8000'0001'8001'c003;
    return row.find(keys, kTrialBlockUsers, kBlock.data()) == kAll &&
           row.find(keys, 17, kBlock.data()) == (kAll & 0x1ffff);
}

}  // namespace ferry::crypto
