#include "crypto/aead.h"

#include <cassert>
#include <functional>

#include "crypto/bytes.h"

namespace ferry::crypto {

namespace {

// Kernels read and write in steps of their own; a shifted overlap would feed them their own output.
bool same_or_apart(const std::uint8_t* from, const std::uint8_t* to, std::size_t bytes) {
    const std::less_equal<const std::uint8_t*> not_after;
    return from == to || not_after(from + bytes, to) || not_after(to + bytes, from);
}

void check_sizes(std::span<const std::uint8_t> aad, std::span<const std::uint8_t> from,
                 std::span<const std::uint8_t> to) {
    assert(aad.size() <= kAadBytesMax);
    assert(from.size() <= kTextBytesMax);
    assert(to.size() >= from.size());
    assert(same_or_apart(from.data(), to.data(), from.size()));
}

}  // namespace

Aead::Aead(const AeadRow& row, std::span<const std::uint8_t> key) {
    assert(key.size() == row.key_bytes);
    state_.row = &row;
    row.expand(state_, key.data());
}

Aead::~Aead() {
    wipe(&state_, sizeof state_);
}

void Aead::seal(std::span<const std::uint8_t, kNonceBytes> nonce, std::span<const std::uint8_t> aad,
                std::span<const std::uint8_t> from, std::span<std::uint8_t> to,
                std::span<std::uint8_t, kTagBytes> tag) const {
    check_sizes(aad, from, to);
    state_.row->seal(state_, nonce.data(), aad.data(), aad.size(), from.data(), to.data(),
                     from.size(), tag.data());
}

bool Aead::open(std::span<const std::uint8_t, kNonceBytes> nonce, std::span<const std::uint8_t> aad,
                std::span<const std::uint8_t> from, std::span<std::uint8_t> to,
                std::span<const std::uint8_t, kTagBytes> tag) const {
    check_sizes(aad, from, to);
    return state_.row->open(state_, nonce.data(), aad.data(), aad.size(), from.data(), to.data(),
                            from.size(), tag.data());
}

}  // namespace ferry::crypto
