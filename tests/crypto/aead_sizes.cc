// AEAD rows at sizes and places that sweeps do not reach: random messages up to 65 535 bytes, and
// lengths around which a block counter carries from byte to byte. And the limits of a message.
#include <gtest/gtest.h>

#include <map>
#include <ranges>
#include <tuple>

#include <sys/mman.h>

#include "crypto/aead.h"
#include "tests/crypto/rows.h"

namespace ferry::test {

namespace {

using crypto::Aead;
using crypto::AeadRow;
using crypto::AeadState;
using crypto::kAadBytesMax;
using crypto::kNonceBytes;
using crypto::kTagBytes;
using crypto::kTextBytesMax;
using NonceView = std::span<const std::uint8_t, kNonceBytes>;
using Tag = std::array<std::uint8_t, kTagBytes>;

bool is_gcm(const AeadRow& row) {
    const auto rows = crypto::aes128_gcm_rows();
    return std::ranges::find(rows, &row) != rows.end();
}

std::span<const AeadRow* const> rows_like(const AeadRow& row) {
    return is_gcm(row) ? crypto::aes128_gcm_rows() : crypto::chacha20_poly1305_rows();
}

// ---- random messages ----------------------------------------------------------------------------

// Bytes at any distance from an aligned address, with a margin on both sides that nobody may write.
class Fenced {
public:
    Fenced(Noise& noise, ByteView content)
        : front_(kMarginBytes + noise.below(64)),
          bytes_(content.size()),
          memory_(front_ + bytes_ + kMarginBytes, kFence) {
        std::ranges::copy(content, span().begin());
    }
    Fenced(Noise& noise, std::size_t bytes) : Fenced(noise, Bytes(bytes)) {}

    ByteSpan span() { return ByteSpan(memory_).subspan(front_, bytes_); }
    ByteView view() const { return ByteView(memory_).subspan(front_, bytes_); }

    bool is_whole() const {
        const auto is_fence = [](std::uint8_t byte) { return byte == kFence; };
        return std::ranges::all_of(ByteView(memory_).first(front_), is_fence) &&
               std::ranges::all_of(ByteView(memory_).last(kMarginBytes), is_fence);
    }

private:
    static constexpr std::size_t kMarginBytes = 80;
    static constexpr std::uint8_t kFence = 0xa5;

    std::size_t front_;
    std::size_t bytes_;
    Bytes memory_;
};

// One message, sealed and opened where chance puts it.
class RandomMessage {
public:
    RandomMessage(Noise& noise, const AeadRow& row, const AeadRow& reference)
        : noise_(noise),
          key_(noise.bytes(row.key_bytes)),
          nonce_(noise.bytes(kNonceBytes)),
          aad_(noise, noise.bytes(noise.below(65))),
          text_(noise.bytes(some_length(noise))),
          aead_(row, key_),
          expected_(text_.size()) {
        Aead(reference, key_).seal(nonce(), aad_.view(), text_, expected_, expected_tag_);
    }

    std::size_t bytes() const { return text_.size(); }

    void check_apart() {
        const Fenced from(noise_, text_);
        Fenced to(noise_, text_.size());
        Fenced tag(noise_, kTagBytes);
        aead_.seal(nonce(), aad_.view(), from.view(), to.span(),
                   std::span<std::uint8_t, kTagBytes>(tag.span()));
        expect_sealed(to, tag);
        EXPECT_TRUE(std::ranges::equal(from.view(), text_)) << "wrote into its input";

        Fenced back(noise_, text_.size());
        EXPECT_TRUE(aead_.open(nonce(), aad_.view(), to.view(), back.span(),
                               std::span<const std::uint8_t, kTagBytes>(tag.view())));
        expect_opened(back);
    }

    void check_in_place() {
        Fenced text(noise_, text_);
        Fenced tag(noise_, kTagBytes);
        aead_.seal(nonce(), aad_.view(), text.view(), text.span(),
                   std::span<std::uint8_t, kTagBytes>(tag.span()));
        expect_sealed(text, tag);
        EXPECT_TRUE(aead_.open(nonce(), aad_.view(), text.view(), text.span(),
                               std::span<const std::uint8_t, kTagBytes>(tag.view())));
        expect_opened(text);
    }

private:
    // Any length, or a short one: of those there are few, and much goes on in them.
    static std::size_t some_length(Noise& noise) {
        return noise.below(noise.below(4) == 0 ? 600 : 65'536);
    }

    NonceView nonce() const { return NonceView(nonce_); }

    void expect_sealed(const Fenced& sealed, const Fenced& tag) const {
        EXPECT_TRUE(std::ranges::equal(sealed.view(), expected_));
        EXPECT_TRUE(std::ranges::equal(tag.view(), expected_tag_));
        EXPECT_TRUE(sealed.is_whole() && tag.is_whole()) << "wrote beyond its output";
    }

    void expect_opened(const Fenced& text) const {
        EXPECT_TRUE(std::ranges::equal(text.view(), text_));
        EXPECT_TRUE(text.is_whole()) << "wrote beyond its output";
    }

    Noise& noise_;
    Bytes key_;
    Bytes nonce_;
    Fenced aad_;
    Bytes text_;
    Aead aead_;
    Bytes expected_;
    Tag expected_tag_;
};

class AeadSizes : public RowTest<AeadRow> {};

TEST_P(AeadSizes, AgreeWithThePortableRowOnRandomMessages) {
    Noise noise;
    const std::size_t rounds = 300 / sweep_step();
    for (std::size_t round = 0; round < rounds && !HasFailure(); ++round) {
        RandomMessage message(noise, row(), *rows_like(row()).back());
        SCOPED_TRACE(message.bytes());
        message.check_apart();
        message.check_in_place();
    }
}

// ---- carries of the counter ---------------------------------------------------------------------

// Messages that begin alike, as one row seals them: the long text, and the tag for every length.
struct Carries {
    Bytes key;
    Bytes nonce;
    Bytes text;
    Bytes sealed;
    std::map<std::size_t, Tag> tags;
};

// GCM counts blocks of 16 bytes from 2 on, ChaCha20 blocks of 64 from 1 on; both carry into the
// third byte of the counter where 65 536 blocks are through. The carry into the second byte, after
// 256 blocks, is in the sweeps and above; the fourth byte is far beyond any message here.
Carries sealed_by(const AeadRow& reference) {
    const std::size_t around = is_gcm(reference) ? 16 * 65'536 : 64 * 65'536;
    const std::size_t step = sweep_step() == 1 ? (is_gcm(reference) ? 1 : 16) : 128;
    Noise noise;
    Carries carries{noise.bytes(reference.key_bytes),
                    noise.bytes(kNonceBytes),
                    noise.bytes(around + 64),
                    Bytes(around + 64),
                    {}};
    const Aead aead(reference, carries.key);
    for (std::size_t bytes = around - 64; bytes <= around + 64; bytes += step) {
        aead.seal(NonceView(carries.nonce), {}, ByteView(carries.text).first(bytes), carries.sealed,
                  carries.tags[bytes]);
    }
    return carries;
}

// BoringSSL's row where there is one, which is fast; else the portable one. Sealed once for all.
const Carries& carries_like(const AeadRow& row) {
    const auto fast_row = [](std::span<const AeadRow* const> rows) -> const AeadRow& {
        const AeadRow& before_last = *rows[rows.size() - std::min<std::size_t>(rows.size(), 2)];
        const bool is_boring = std::string_view(before_last.name).ends_with(".boring");
        const bool is_usable = before_last.usable(crypto::detect());
        return is_boring && is_usable ? before_last : *rows.back();
    };
    static const Carries kGcm = sealed_by(fast_row(crypto::aes128_gcm_rows()));
    static const Carries kChaCha = sealed_by(fast_row(crypto::chacha20_poly1305_rows()));
    return is_gcm(row) ? kGcm : kChaCha;
}

TEST_P(AeadSizes, CarryTheirCounters) {
    const Carries& carries = carries_like(row());
    const Aead aead(row(), carries.key);
    const NonceView nonce(carries.nonce);
    const bool is_slow = &row() == rows_like(row()).back();
    // Slow rows take an eighth of the lengths, or the longest alone.
    const std::size_t lengths = carries.tags.size();
    const std::size_t stride = is_slow ? (sweep_step() == 1 ? (lengths + 7) / 8 : lengths) : 1;
    std::size_t index = 0;
    Bytes made(carries.text.size());
    for (const auto& [bytes, expected] : std::views::reverse(carries.tags)) {
        if (index++ % stride != 0) {
            continue;
        }
        Tag tag;
        aead.seal(nonce, {}, ByteView(carries.text).first(bytes), made, tag);
        ASSERT_EQ(tag, expected) << bytes;
        ASSERT_TRUE(
            std::equal(made.begin(), made.begin() + std::ptrdiff_t(bytes), carries.sealed.begin()))
            << bytes;
        const ByteSpan text = ByteSpan(made).first(bytes);
        ASSERT_TRUE(aead.open(nonce, {}, text, text, tag)) << bytes;
        ASSERT_TRUE(std::ranges::equal(text, ByteView(carries.text).first(bytes))) << bytes;
    }
}

INSTANTIATE_TEST_SUITE_P(Gcm, AeadSizes, testing::ValuesIn(all(crypto::aes128_gcm_rows())),
                         row_name<AeadRow>);
INSTANTIATE_TEST_SUITE_P(ChaCha, AeadSizes,
                         testing::ValuesIn(all(crypto::chacha20_poly1305_rows())),
                         row_name<AeadRow>);

// ---- limits of a message ------------------------------------------------------------------------

// The text's blocks have the counters 2 to 2^32 - 1, the highest of them in the longest message: no
// kernel sees its counter wrap, because Aead stops whoever asks for one byte more.
static_assert(kTextBytesMax % 16 == 0);
static_assert(kTextBytesMax / 16 + 1 == 0xffff'ffff);

// Addresses with nothing behind them: whoever reads or writes there ends the process.
class Nowhere {
public:
    explicit Nowhere(std::size_t bytes)
        : bytes_(bytes),
          begin_(mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                      0)) {}
    Nowhere(const Nowhere&) = delete;
    Nowhere& operator=(const Nowhere&) = delete;
    ~Nowhere() { munmap(begin_, bytes_); }

    bool exists() const { return begin_ != MAP_FAILED; }
    ByteSpan span() const { return {static_cast<std::uint8_t*>(begin_), bytes_}; }

private:
    std::size_t bytes_;
    void* begin_;
};

// A row that touches nothing, and says yes.
AeadRow idle_row() {
    AeadRow row = *crypto::aes128_gcm_rows().back();
    row.seal = [](const AeadState&, const std::uint8_t*, const std::uint8_t*, std::size_t,
                  const std::uint8_t*, std::uint8_t*, std::size_t, std::uint8_t*) {};
    row.open = [](const AeadState&, const std::uint8_t*, const std::uint8_t*, std::size_t,
                  const std::uint8_t*, std::uint8_t*, std::size_t,
                  const std::uint8_t*) { return true; };
    return row;
}

TEST(AeadLimitsDeathTest, AreKeptByAead) {
    const Nowhere nowhere(kTextBytesMax + 1);
    ASSERT_TRUE(nowhere.exists());
    const AeadRow row = idle_row();
    const Aead aead(row, Bytes(16));
    const Bytes nonce(kNonceBytes);
    const NonceView iv(nonce);
    Tag tag{};

    const ByteSpan longest = nowhere.span().first(kTextBytesMax);
    aead.seal(iv, {}, longest, longest, tag);
    EXPECT_TRUE(aead.open(iv, {}, longest, longest, tag));
    const ByteSpan longer = nowhere.span().first(kTextBytesMax + 1);
    EXPECT_DEATH(aead.seal(iv, {}, longer, longer, tag), "kTextBytesMax");
    EXPECT_DEATH(std::ignore = aead.open(iv, {}, longer, longer, tag), "kTextBytesMax");

    const ByteView aad = nowhere.span().first(kAadBytesMax);
    aead.seal(iv, aad, {}, {}, tag);
    EXPECT_TRUE(aead.open(iv, aad, {}, {}, tag));
    const ByteView longer_aad = nowhere.span().first(kAadBytesMax + 1);
    EXPECT_DEATH(aead.seal(iv, longer_aad, {}, {}, tag), "kAadBytesMax");
    EXPECT_DEATH(std::ignore = aead.open(iv, longer_aad, {}, {}, tag), "kAadBytesMax");
}

}  // namespace

}  // namespace ferry::test
