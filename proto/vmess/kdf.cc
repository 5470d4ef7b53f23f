#include "proto/vmess/kdf.h"

#include <algorithm>
#include <cassert>

namespace ferry::proto::vmess {
namespace {

using crypto::Sha256State;

// What HMAC puts over a key, inside and outside.
constexpr std::uint8_t kInnerMask = 0x36;
constexpr std::uint8_t kOuterMask = 0x5c;

// The states of SHA-256 behind the two pads of the innermost HMAC, whose key is "VMess AEAD KDF".
constexpr Sha256State kRootInner = {0xf9134751, 0x7c3b26c4, 0xf731b2e2, 0xbd484b54,
                                    0x12b6657b, 0x99c31101, 0xd8bcb852, 0xaa91fab2};
constexpr Sha256State kRootOuter = {0x0795c907, 0xbf89dfcc, 0xea2528ab, 0xf108d8ff,
                                    0x6c28e5a6, 0x155bf8ff, 0xc60c45a3, 0x83e40266};

// A label, and the states of SHA-256 behind the root's inner pad and either pad of the label. The
// tests derive with every label both from here and from its text.
struct LabelStates {
    std::string_view text;
    Sha256State inner;
    Sha256State outer;
};

constexpr std::array<LabelStates, kLabelCount> kLabels{{
    {"AES Auth ID Encryption",
     {0x0904b519, 0x33643ab3, 0xca70f021, 0x1327c7c8, 0x600895db, 0xdf00be08, 0xb017547d,
      0xd3d69211},
     {0x38d27817, 0xc393f5ea, 0xf7027132, 0x135cb8d0, 0x70c2ec5e, 0x2b768673, 0x02f20f5e,
      0xea68411c}},
    {"VMess Header AEAD Key_Length",
     {0x78eaaf9c, 0xa44e173f, 0xe48a99ac, 0x606a9ca8, 0x7402b43a, 0x974dc442, 0x552ac0bb,
      0x66e011b7},
     {0x545dce95, 0x89a05e84, 0x244b4da2, 0x0fb8d2b1, 0xe12a0faf, 0x040ba710, 0xed9f13b8,
      0xc0da6c0d}},
    {"VMess Header AEAD Nonce_Length",
     {0x2212c1e9, 0xc3a3da3c, 0xff8c39e8, 0x1bbf3f79, 0xe75b6796, 0x6b528ded, 0xec308b50,
      0x1a63fbc7},
     {0x5e2568fb, 0xd4986a0c, 0x4308bda3, 0x8ddb036d, 0xa4a20e74, 0x16eb57a6, 0xc909d19e,
      0xd8854842}},
    {"VMess Header AEAD Key",
     {0x50da2388, 0xd78bf60d, 0xe59519ad, 0x268082c7, 0x2d483b42, 0x86201e0d, 0x01dfe0ba,
      0x98c2fb32},
     {0x341488e0, 0x37a275d9, 0x8ab631eb, 0x81fc0f75, 0x48ca260c, 0xa60808b2, 0xb558e716,
      0x18cdcd96}},
    {"VMess Header AEAD Nonce",
     {0x5a84c329, 0x0fdd01f5, 0xce593b0e, 0xf85fb8b9, 0x8e411c71, 0x42964d02, 0x349ed350,
      0xa39496ff},
     {0xab57d983, 0x2c941fff, 0x591b277a, 0x7ec8e3ec, 0x87d4b1fe, 0xd5cc1afe, 0x6271b2f8,
      0x87110e8b}},
    {"AEAD Resp Header Len Key",
     {0x5237bef2, 0xcdf996f5, 0xf240ff51, 0x11b0c7a3, 0xfefcf1a7, 0xeeb84acc, 0x00f7bfb0,
      0xe36c912e},
     {0x18ba9f1d, 0x2faa8a43, 0xbcd7f2d1, 0x05442a12, 0x3ab321df, 0xaf3ab7b4, 0x5aa84b76,
      0xf1a5202f}},
    {"AEAD Resp Header Len IV",
     {0x2b35aba1, 0xb56c58d3, 0x5dc3276d, 0x65a9f77d, 0x2fa6e3d6, 0xc207c0f2, 0xfa33a385,
      0xd20c684c},
     {0x2ecdfd9e, 0x864bd379, 0xfa03354a, 0x878f4acc, 0x0b5a64a7, 0xe8bbe30f, 0x3a9cb5fc,
      0x64b4f645}},
    {"AEAD Resp Header Key",
     {0x5ea703ef, 0xb8037d98, 0x7d1bb281, 0x74abbd64, 0xb9b8ec57, 0xcde47042, 0x3f1ca642,
      0x197ea2c9},
     {0xca68e970, 0x4bfff9f3, 0x33c32b5e, 0x834f658f, 0xa298cb65, 0x39fe7614, 0xd47665b1,
      0x09cb85a2}},
    {"AEAD Resp Header IV",
     {0x1841401e, 0x377512b8, 0x32df4f70, 0xe221bdd4, 0x14fcab97, 0x197c16f3, 0xa0bd7f3e,
      0x02546121},
     {0x27c5aa8f, 0x7deb0a1e, 0x1fbf399f, 0x6c8f9be5, 0x54bd1a29, 0x3d01f9e7, 0xeef8dc4a,
      0x0c52dc51}},
    {"auth_len",
     {0x0993dc8f, 0x62bd1a6f, 0x25a87e6f, 0xd3b03b54, 0xdb383ee3, 0xa4c71296, 0xb3b5b313,
      0xd5e02de6},
     {0x97c4c263, 0x7af23ead, 0x94da0df1, 0x1bd83645, 0x595f0e24, 0xb3151290, 0x407791f0,
      0xa13684cc}},
}};

const LabelStates& states_of(Label label) {
    const auto index = static_cast<std::size_t>(label);
    assert(index < kLabels.size());
    return kLabels[index];
}

// HMAC nested in HMAC: each element of the path keys one over the hash that the elements before it
// make. A hash of n elements is a tree of 2^n SHA-256 runs, but they begin in only n + 2 ways: with
// the inner pads of all elements, or with those of some and the outer pad of the next. These n + 2
// states are kept here, and nothing is computed twice.
//
// Two nests whose paths differ in the label alone take the same steps, so they go side by side.
template <std::size_t lanes>
class Nest {
public:
    using Messages = std::array<ByteView, lanes>;

    explicit Nest(const crypto::HashRow& hash) noexcept : hash_(hash) {
        inner_.fill(kRootInner);
        outer_[0].fill(kRootOuter);
    }
    Nest(const crypto::HashRow& hash, const std::array<Label, lanes>& labels) noexcept
        : hash_(hash), depth_(1) {
        outer_[0].fill(kRootOuter);
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            inner_[lane] = states_of(labels[lane]).inner;
            outer_[1][lane] = states_of(labels[lane]).outer;
        }
    }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;
    ~Nest() {
        crypto::wipe(run_.data(), sizeof run_);
        crypto::wipe(blocks_.data(), sizeof blocks_);
    }

    // Adds an element of the path.
    void push(ByteView element) noexcept {
        assert(depth_ < kPathMax);
        std::array<Block, lanes> pads{};
        if (element.size() <= kBlockBytes) {
            for (Block& pad : pads) {
                std::ranges::copy(element, pad.begin());
            }
        } else {  // as HMAC does with a long key
            Messages whole;
            whole.fill(element);
            const auto digests = of(whole);
            for (std::size_t lane = 0; lane < lanes; ++lane) {
                std::ranges::copy(digests[lane].view(), pads[lane].begin());
            }
        }
        ++depth_;
        outer_[depth_] = behind(inner_, pads, kOuterMask);
        inner_ = behind(inner_, pads, kInnerMask);
    }

    // The hashes of one message each, all equally long.
    std::array<Key32, lanes> of(Messages messages) noexcept {
        const std::uint64_t bytes = (depth_ + 1) * kBlockBytes + messages[0].size();
        run_ = inner_;
        for (; messages[0].size() >= kBlockBytes; compress(run_, blocks_)) {
            take(messages, kBlockBytes);
        }
        const std::size_t rest = messages[0].size();
        take(messages, rest);
        if (rest > kBlockBytes - sizeof bytes - 1) {
            end_blocks(rest);
            compress(run_, blocks_);
            blocks_ = {};
        } else {
            end_blocks(rest);
        }
        store_length(bytes);
        close(depth_);

        std::array<Key32, lanes> digests;
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            store_words(run_[lane], digests[lane].span().data());
        }
        return digests;
    }

private:
    static constexpr std::size_t kBlockBytes = crypto::kHashBlockBytes;
    using Block = std::array<std::uint8_t, kBlockBytes>;
    using States = std::array<Sha256State, lanes>;

    static void store_words(const Sha256State& words, std::uint8_t* to) noexcept {
        for (std::size_t index = 0; index < words.size(); ++index) {
            crypto::store_be(to + sizeof words[0] * index, words[index]);
        }
    }

    void compress(States& states, const std::array<Block, lanes>& blocks) const noexcept {
        if constexpr (lanes == 2) {
            crypto::compress_two(hash_, states.data(), blocks[0].data());
        } else {
            static_assert(lanes == 1);
            hash_.compress(states[0].data(), blocks[0].data(), 1);
        }
    }

    States behind(States states, std::array<Block, lanes> pads, std::uint8_t mask) const noexcept {
        for (Block& pad : pads) {
            for (std::uint8_t& byte : pad) {
                byte ^= mask;
            }
        }
        compress(states, pads);
        return states;
    }

    // Moves the next bytes of each message into its block.
    void take(Messages& messages, std::size_t bytes) noexcept {
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            std::ranges::copy(messages[lane].first(bytes), blocks_[lane].begin());
            messages[lane] = messages[lane].subspan(bytes);
        }
    }

    // SHA-256's padding: one bit, then zeros; the length in bits ends the last block.
    void end_blocks(std::size_t used) noexcept {
        for (Block& block : blocks_) {
            block[used] = 0x80;
            std::memset(block.data() + used + 1, 0, kBlockBytes - used - 1);
        }
    }

    void store_length(std::uint64_t bytes) noexcept {
        for (Block& block : blocks_) {
            crypto::store_be(block.data() + kBlockBytes - sizeof bytes, bytes * 8);
        }
    }

    // Ends the run of the hash of `depth` elements that is in `run_`, its last block in `blocks_`:
    // its inner digest is hashed again behind the outer pad, and both of these are runs of the hash
    // of one element less.
    void close(std::size_t depth) noexcept {
        close_run(depth);
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            store_words(run_[lane], blocks_[lane].data());
        }
        end_blocks(crypto::kSha256Bytes);
        store_length((depth + 1) * kBlockBytes + crypto::kSha256Bytes);
        run_ = outer_[depth];
        close_run(depth);
    }

    void close_run(std::size_t depth) noexcept {
        if (depth == 0) {
            compress(run_, blocks_);
        } else {
            close(depth - 1);
        }
    }

    const crypto::HashRow& hash_;
    States inner_;
    std::array<States, kPathMax + 1> outer_;
    std::size_t depth_ = 0;
    States run_;
    std::array<Block, lanes> blocks_;
};

template <std::size_t lanes>
void push_all(Nest<lanes>& nest, std::initializer_list<ByteView> path) {
    for (const ByteView element : path) {
        nest.push(element);
    }
}

template <std::size_t bytes>
std::array<std::uint8_t, bytes> front_of(const Key32& key) {
    std::array<std::uint8_t, bytes> front;
    std::ranges::copy(key.view().first<bytes>(), front.begin());
    return front;
}

}  // namespace

std::string_view text_of(Label label) noexcept {
    return states_of(label).text;
}

Key32 kdf(const crypto::HashRow& hash, ByteView key, std::initializer_list<ByteView> path) {
    Nest<1> nest(hash);
    push_all(nest, path);
    return std::move(nest.of({key})[0]);
}

Key32 kdf(const crypto::HashRow& hash, ByteView key, Label label,
          std::initializer_list<ByteView> rest) {
    Nest<1> nest(hash, {label});
    push_all(nest, rest);
    return std::move(nest.of({key})[0]);
}

Key16 kdf16(const crypto::HashRow& hash, ByteView key, Label label,
            std::initializer_list<ByteView> rest) {
    return Key16(kdf(hash, key, label, rest).view().first<16>());
}

SealKeys seal_keys(const crypto::HashRow& hash, const LabelPair& labels, const SourcePair& sources,
                   std::initializer_list<ByteView> rest) {
    assert(sources.key.size() == sources.nonce.size());
    Nest<2> nest(hash, {labels.key, labels.nonce});
    push_all(nest, rest);
    const auto derived = nest.of({sources.key, sources.nonce});
    return {Key16(derived[0].view().first<16>()), front_of<crypto::kNonceBytes>(derived[1])};
}

}  // namespace ferry::proto::vmess
