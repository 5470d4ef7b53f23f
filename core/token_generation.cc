#include "core/token_generation.h"

#include <algorithm>
#include <cassert>

#include "proto/vmess/legacy_auth.h"

namespace ferry::core {
namespace {

std::array<std::uint8_t, 8> message_of(std::int64_t second) {
    std::array<std::uint8_t, 8> message;
    crypto::store_be(message.data(), static_cast<std::uint64_t>(second));
    return message;
}

}  // namespace

TokenIds::TokenIds(std::span<const TokenUser> users)
    : users_(users.begin(), users.end()), gone_(users.size()) {
    std::size_t count = 0;
    for (const TokenUser& user : users) {
        count += ids_of(user);
    }
    assert(count <= kMost);
    owner_of_.reserve(count);
    pads_.reserve((count + crypto::kMd5Lanes - 1) / crypto::kMd5Lanes);
    crypto::Md5Keys keys{};
    const auto add = [&](const proto::vmess::UserId& id, std::size_t user) {
        keys[owner_of_.size() % crypto::kMd5Lanes] = id.bytes;
        owner_of_.push_back(static_cast<std::uint32_t>(user));
        if (owner_of_.size() % crypto::kMd5Lanes == 0 || owner_of_.size() == count) {
            pads_.push_back(crypto::md5_pads(keys));
            crypto::wipe(&keys, sizeof keys);
        }
    };
    for (std::size_t index = 0; index < users.size(); ++index) {
        if (users[index].main_id == TokenUser::MainId::accepted) {
            add(users[index].id, index);
        }
        proto::vmess::AlternativeIds alternatives(users[index].id);
        for (std::uint32_t nth = 0; nth < users[index].alter_id; ++nth) {
            add(alternatives.next(), index);
        }
    }
}

TokenIds::~TokenIds() {
    crypto::wipe(pads_.data(), pads_.size() * sizeof(crypto::Md5Pads));
    crypto::wipe(users_.data(), users_.size() * sizeof(TokenUser));
}

std::size_t TokenIds::ids_of(const TokenUser& user) noexcept {
    return std::size_t{user.alter_id} + (user.main_id == TokenUser::MainId::accepted ? 1 : 0);
}

std::size_t TokenIds::live() const noexcept {
    std::size_t sum = 0;
    for (std::size_t index = 0; index < users_.size(); ++index) {
        sum += is_gone(index) ? 0 : ids_of(users_[index]);
    }
    return sum;
}

void TokenIds::tokens(std::size_t octet, std::int64_t second,
                      crypto::Md5Digests& tokens) const noexcept {
    crypto::hmac_md5_each(pads_[octet], message_of(second), tokens);
}

Token TokenIds::token(std::size_t place, std::int64_t second) const noexcept {
    crypto::Md5Digests eight;
    tokens(place / crypto::kMd5Lanes, second, eight);
    return eight[place % crypto::kMd5Lanes];
}

TokenGeneration::TokenGeneration(const TokenIds& ids, std::int64_t second)
    : second_(second),
      // A quarter more than there are tokens, so that a search ends after a dozen slots on average,
      // which mostly lie in one line of the cache; and at least one free slot, where it ends.
      capacity_(static_cast<std::uint32_t>(ids.size() + ids.size() / 4 + 1)),
      slots_(std::make_unique<std::uint16_t[]>(2 * std::size_t{capacity_})) {
    crypto::Md5Digests tokens;
    for (std::size_t first = 0; first < ids.size(); first += crypto::kMd5Lanes) {
        ids.tokens(first / crypto::kMd5Lanes, second, tokens);
        const std::size_t count = std::min(ids.size() - first, crypto::kMd5Lanes);
        for (std::size_t lane = 0; lane < count; ++lane) {
            insert(tokens[lane], first + lane);
        }
    }
}

TokenGeneration::Slot TokenGeneration::slot_of(const Token& token) const noexcept {
    const auto hash = crypto::load_le<std::uint32_t>(token.data());
    const auto rest = crypto::load_le<std::uint16_t>(token.data() + 4);
    return {.index = static_cast<std::size_t>(std::uint64_t{hash} * capacity_ >> 32),
            .fingerprint = rest == 0 ? std::uint16_t{1} : rest};
}

void TokenGeneration::insert(const Token& token, std::size_t place) noexcept {
    const Slot slot = slot_of(token);
    std::size_t index = slot.index;
    while (slots_[index] != 0) {
        index = after(index);
    }
    slots_[index] = slot.fingerprint;
    slots_[capacity_ + index] = static_cast<std::uint16_t>(place);
}

// Does a look at a few slots at once tell that the token is not there? It nearly always does, and
// without a branch for each slot, which nobody could predict. False tells nothing.
bool TokenGeneration::is_absent(const Slot& slot) const noexcept {
    constexpr std::size_t kLook = 32;
    if (slot.index + kLook > capacity_) {
        return false;
    }
    const std::uint16_t* const slots = slots_.get() + slot.index;
    std::uint16_t matches = 0;
    std::uint16_t free = 0;
    for (std::size_t index = 0; index < kLook; ++index) {
        matches |= slots[index] == slot.fingerprint ? 1 : 0;
        free |= slots[index] == 0 ? 1 : 0;
    }
    return matches == 0 && free != 0;
}

std::optional<std::size_t> TokenGeneration::find(const TokenIds& ids,
                                                 const Token& token) const noexcept {
    const Slot slot = slot_of(token);
    std::optional<std::size_t> found;
    if (is_absent(slot)) {
        return found;
    }
    for (std::size_t index = slot.index; slots_[index] != 0; index = after(index)) {
        if (slots_[index] != slot.fingerprint) {
            continue;
        }
        const std::size_t place = slots_[capacity_ + index];
        if ((!found || *found < place) && ids.token(place, second_) == token) {
            found = place;
        }
    }
    return found;
}

}  // namespace ferry::core
