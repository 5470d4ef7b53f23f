#include "tests/crypto/cpacf_model.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "crypto/bytes.h"
#include "tests/crypto/cpacf_ciphers.h"

namespace ferry::test::cpacf {

namespace {

using crypto::load_be;
using crypto::store_be;
using crypto::s390x::Condition;
using crypto::s390x::Registers;

// General register 0, by the numbers of the book: bit 63 is the lowest.
constexpr std::uint64_t bit(int number) {
    return std::uint64_t{1} << (63 - number);
}

constexpr std::uint64_t kFunctionCode = 0x7f;
constexpr std::uint64_t kModifier = bit(56);
constexpr std::uint64_t kLpc = bit(55);
constexpr std::uint64_t kLaad = bit(54);
constexpr std::uint64_t kHs = bit(53);
constexpr std::uint64_t kLcfb = 0xffu * bit(39);

constexpr std::size_t kCipherBytes = 16;

bool is_set(const Functions& functions, std::size_t function) {
    return (functions[function / 8] >> (7 - function % 8) & 1) != 0;
}

std::uint64_t number(const void* address) {
    return std::bit_cast<std::uint64_t>(address);
}

bool are_apart(const void* a, std::uint64_t a_bytes, const void* b, std::uint64_t b_bytes) {
    return number(a) + a_bytes <= number(b) || number(b) + b_bytes <= number(a);
}

// One execution of an instruction.
class Execution {
public:
    Execution(Registers& registers, const Functions& functions, std::size_t facility)
        : r_(registers), block_(static_cast<std::uint8_t*>(registers.parameters)) {
        Machine& m = machine();
        assert(m.facilities[facility] && "operation exception: no such instruction");
        assert(is_set(functions, code()) && "specification exception: no such function");
        steps_left_ =
            m.patience.empty() ? ~std::size_t{0} : m.patience[m.executions % m.patience.size()];
        ++m.executions;
    }

    std::uint64_t code() const { return r_.function & kFunctionCode; }
    bool decrypts() const { return (r_.function & kModifier) != 0; }
    bool has(std::uint64_t flag) const { return (r_.function & flag) != 0; }

    // Which bits of register 0 mean something, and how long the parameter block is.
    void expect(std::uint64_t flags, std::size_t block_bytes) const {
        assert((r_.function & ~(flags | kFunctionCode)) == 0 && "bits that must be zero");
        // The instructions take any address; an aligned one is faster.
        assert(number(r_.parameters) % 8 == 0 && "parameter block not aligned");
        assert(are_apart(block_, block_bytes, r_.from, r_.from_bytes) && "operand overlap");
        assert(are_apart(block_, block_bytes, r_.aad, r_.aad_bytes) && "operand overlap");
        assert(are_apart(block_, block_bytes, r_.to, r_.to == nullptr ? 0 : r_.from_bytes) &&
               "operand overlap");
    }

    void expect_output() const {
        assert((r_.to != nullptr || r_.from_bytes == 0) && "text without a place for it");
        assert((r_.to == r_.from || are_apart(r_.to, r_.from_bytes, r_.from, r_.from_bytes)) &&
               "operand overlap");
    }

    void expect_whole_blocks(std::size_t bytes) const {
        assert(r_.from_bytes % bytes == 0 && "specification exception: not whole blocks");
    }

    Condition query(const Functions& functions) const {
        assert(r_.function == 0 && "bits that must be zero");
        std::ranges::copy(functions, block_);
        return Condition::normal;
    }

    // Is there patience for one more step?
    bool may_step() {
        if (steps_left_ == 0) {
            return false;
        }
        --steps_left_;
        return true;
    }

    // The next bytes of the second operand, or of the third.
    const std::uint8_t* take(std::size_t bytes) {
        r_.from_bytes -= bytes;
        r_.from += bytes;
        return r_.from - bytes;
    }
    const std::uint8_t* take_aad(std::size_t bytes) {
        r_.aad_bytes -= bytes;
        r_.aad += bytes;
        return r_.aad - bytes;
    }
    void put(const std::uint8_t* block, std::size_t bytes) {
        std::memcpy(r_.to, block, bytes);
        r_.to += bytes;
    }

    std::uint8_t* block_at(std::size_t offset) { return block_ + offset; }
    Registers& registers() { return r_; }

    static Condition partial() {
        ++machine().partial_ones;
        return Condition::partial;
    }

private:
    Registers& r_;
    std::uint8_t* block_;
    std::size_t steps_left_;
};

Condition km_aes128(Execution& e) {
    e.expect(kModifier, 16);
    e.expect_output();
    e.expect_whole_blocks(kCipherBytes);
    while (e.registers().from_bytes > 0) {
        if (!e.may_step()) {
            return e.partial();
        }
        std::uint8_t done[kCipherBytes];
        const auto crypt = e.decrypts() ? aes128_decrypt : aes128_encrypt;
        crypt(e.block_at(0), e.take(kCipherBytes), done);
        e.put(done, kCipherBytes);
    }
    return Condition::normal;
}

// Parameter block: chaining value at 0, key at 16. The feedback has as many bytes as LCFB says; the
// model knows 16.
Condition kmf_aes128(Execution& e) {
    e.expect(kModifier | kLcfb, 32);
    assert((e.registers().function & kLcfb) == 16 * bit(39) && "specification exception: LCFB");
    e.expect_output();
    e.expect_whole_blocks(kCipherBytes);
    while (e.registers().from_bytes > 0) {
        if (!e.may_step()) {
            return e.partial();
        }
        std::uint8_t stream[kCipherBytes];
        aes128_encrypt(e.block_at(16), e.block_at(0), stream);
        std::uint8_t from[kCipherBytes];
        std::memcpy(from, e.take(kCipherBytes), kCipherBytes);
        for (std::size_t i = 0; i < kCipherBytes; ++i) {
            stream[i] = static_cast<std::uint8_t>(stream[i] ^ from[i]);
        }
        std::memcpy(e.block_at(0), e.decrypts() ? from : stream, kCipherBytes);
        e.put(stream, kCipherBytes);
    }
    return Condition::normal;
}

// KMA-GCM-AES-128. Parameter block, by offset: 12 counter value (CV), 16 tag (T), 32 hash subkey
// (H), 48 total AAD length (TAADL) and 56 total text length (TPCL) in bits, 64 initial counter
// (J0), 80 key.
class Gcm {
public:
    explicit Gcm(Execution& execution) : e_(execution), r_(execution.registers()) {}

    Condition run() {
        expect_sound_operands();
        if (!e_.has(kHs)) {
            if (!e_.may_step()) {
                return e_.partial();
            }
            const std::uint8_t zeros[kCipherBytes] = {};
            aes128_encrypt(key(), zeros, e_.block_at(32));
            r_.function |= kHs;
        }
        // Without the last data, or the last text, the rest comes with another execution. The
        // tag is made only once all is done.
        if (!hash_aad() || !crypt_text()) {
            return e_.partial();
        }
        if (e_.has(kLpc)) {
            if (!e_.may_step()) {
                return e_.partial();
            }
            make_tag();
        }
        return Condition::normal;
    }

private:
    const std::uint8_t* key() { return e_.block_at(80); }
    std::uint8_t* tag() { return e_.block_at(16); }
    void hash(const std::uint8_t* block) { ghash(e_.block_at(32), block, tag()); }

    void expect_sound_operands() {
        e_.expect(kModifier | kLpc | kLaad | kHs, 96);
        e_.expect_output();
        assert(std::count(e_.block_at(0), e_.block_at(12), 0) == 12 && "reserved bytes not zero");
        if (!e_.has(kLaad)) {
            assert(r_.aad_bytes % kCipherBytes == 0 && "part of a block of AAD is not the last");
            assert(r_.from_bytes == 0 && "text before the last AAD");
            assert(!e_.has(kLpc) && "last text before the last AAD");
        }
        assert((e_.has(kLpc) || r_.from_bytes % kCipherBytes == 0) &&
               "part of a block of text is not the last");
    }

    bool hash_aad() {
        while (r_.aad_bytes > 0) {
            if (!e_.may_step()) {
                return false;
            }
            const std::size_t bytes = std::min<std::uint64_t>(r_.aad_bytes, kCipherBytes);
            std::uint8_t block[kCipherBytes] = {};
            std::memcpy(block, e_.take_aad(bytes), bytes);
            hash(block);
        }
        return true;
    }

    // The counter goes up before it is used: at first it is that of the tag.
    bool crypt_text() {
        while (r_.from_bytes > 0) {
            if (!e_.may_step()) {
                return false;
            }
            const std::uint32_t counter = load_be<std::uint32_t>(e_.block_at(12)) + 1;
            store_be(e_.block_at(12), counter);
            std::uint8_t stream[kCipherBytes];
            std::memcpy(stream, e_.block_at(64), 12);
            store_be(stream + 12, counter);
            aes128_encrypt(key(), stream, stream);

            const std::size_t bytes = std::min<std::uint64_t>(r_.from_bytes, kCipherBytes);
            const std::uint8_t* from = e_.take(bytes);
            std::uint8_t sealed[kCipherBytes] = {};
            for (std::size_t i = 0; i < bytes; ++i) {
                const std::uint8_t before = from[i];
                stream[i] = static_cast<std::uint8_t>(stream[i] ^ before);
                sealed[i] = e_.decrypts() ? before : stream[i];
            }
            hash(sealed);
            e_.put(stream, bytes);
        }
        return true;
    }

    void make_tag() {
        const std::uint64_t text_bits = load_be<std::uint64_t>(e_.block_at(56));
        const std::uint32_t blocks =
            load_be<std::uint32_t>(e_.block_at(12)) - load_be<std::uint32_t>(e_.block_at(76));
        assert(static_cast<std::uint32_t>((text_bits + 127) / 128) == blocks &&
               "the total length is not that of the text");
        hash(e_.block_at(48));
        std::uint8_t mask[kCipherBytes];
        aes128_encrypt(key(), e_.block_at(64), mask);
        for (std::size_t i = 0; i < kCipherBytes; ++i) {
            tag()[i] = static_cast<std::uint8_t>(tag()[i] ^ mask[i]);
        }
    }

    Execution& e_;
    Registers& r_;
};

Condition kimd_sha256(Execution& e) {
    constexpr std::size_t kBlockBytes = 64;
    e.expect(0, 32);
    e.expect_whole_blocks(kBlockBytes);
    while (e.registers().from_bytes > 0) {
        if (!e.may_step()) {
            return e.partial();
        }
        sha256_compress(e.block_at(0), e.take(kBlockBytes));
    }
    return Condition::normal;
}

Condition kimd_shake128(Execution& e) {
    constexpr std::size_t kBlockBytes = 168;
    e.expect(0, 200);
    e.expect_whole_blocks(kBlockBytes);
    while (e.registers().from_bytes > 0) {
        if (!e.may_step()) {
            return e.partial();
        }
        const std::uint8_t* block = e.take(kBlockBytes);
        for (std::size_t i = 0; i < kBlockBytes; ++i) {
            *e.block_at(i) = static_cast<std::uint8_t>(*e.block_at(i) ^ block[i]);
        }
        keccak_permute(e.block_at(0));
    }
    return Condition::normal;
}

[[gnu::noinline]] Condition answer_km(Registers& registers) {
    Execution e(registers, machine().km, 17);
    return e.code() == 0 ? e.query(machine().km) : km_aes128(e);
}

[[gnu::noinline]] Condition answer_kmf(Registers& registers) {
    Execution e(registers, machine().kmf, 77);
    return e.code() == 0 ? e.query(machine().kmf) : kmf_aes128(e);
}

[[gnu::noinline]] Condition answer_kma(Registers& registers) {
    Execution e(registers, machine().kma, 146);
    return e.code() == 0 ? e.query(machine().kma) : Gcm(e).run();
}

[[gnu::noinline]] Condition answer_kimd(Registers& registers) {
    Execution e(registers, machine().kimd, 17);
    if (e.code() == 0) {
        return e.query(machine().kimd);
    }
    return e.code() == 2 ? kimd_sha256(e) : kimd_shake128(e);
}

// An instruction has no stack. This covers what the model had on it, up to where its caller's
// begins.
[[gnu::noinline]] void wipe_stack() {
    std::uint8_t below[1 << 13];
    crypto::wipe(below, sizeof below);
}

Condition answered(crypto::s390x::Instruction answer, Registers& registers) {
    const Condition condition = answer(registers);
    wipe_stack();
    return condition;
}

}  // namespace

void offer(Functions& functions, std::size_t function) {
    functions[function / 8] |= static_cast<std::uint8_t>(0x80 >> function % 8);
}

void hide(Functions& functions, std::size_t function) {
    functions[function / 8] &= static_cast<std::uint8_t>(~(0x80 >> function % 8));
}

Machine machine_at_first() {
    Machine m;
    for (const std::size_t facility : {17, 76, 77, 146}) {
        m.facilities[facility] = true;
    }
    for (Functions* functions : {&m.km, &m.kmf, &m.kma}) {
        offer(*functions, 0);
        offer(*functions, 18);
    }
    for (const std::size_t function : {0, 2, 36}) {
        offer(m.kimd, function);
    }
    m.patience = {3, 0, 1, 8, 2, 40};
    return m;
}

Machine& machine() {
    static Machine the_machine = machine_at_first();
    return the_machine;
}

}  // namespace ferry::test::cpacf

namespace ferry::crypto::s390x {

Condition km(Registers& registers) {
    return test::cpacf::answered(test::cpacf::answer_km, registers);
}

Condition kmf(Registers& registers) {
    return test::cpacf::answered(test::cpacf::answer_kmf, registers);
}

Condition kma(Registers& registers) {
    return test::cpacf::answered(test::cpacf::answer_kma, registers);
}

Condition kimd(Registers& registers) {
    return test::cpacf::answered(test::cpacf::answer_kimd, registers);
}

bool has_facility(std::size_t facility) {
    return test::cpacf::machine().facilities[facility];
}

}  // namespace ferry::crypto::s390x
