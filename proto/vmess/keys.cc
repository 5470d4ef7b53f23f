#include "proto/vmess/keys.h"

#include <algorithm>
#include <optional>

namespace ferry::proto::vmess {
namespace {

// Appended to a user id before it is hashed into the command key.
constexpr std::string_view kCommandSalt = "c48619fe-8f02-49e0-b9e9-edf763e17e21";

// Indices of the bytes in front of which the text of a UUID has a dash.
constexpr std::array<std::size_t, 4> kDashesBefore{4, 6, 8, 10};

bool has_dash_before(std::size_t byte) {
    return std::ranges::find(kDashesBefore, byte) != kDashesBefore.end();
}

std::optional<std::uint8_t> hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return std::nullopt;
}

}  // namespace

Parsed<UserId> parse_uuid(std::string_view text) noexcept {
    UserId id;
    for (std::size_t byte = 0; byte < id.bytes.size(); ++byte) {
        if (has_dash_before(byte) && text.starts_with('-')) {
            text.remove_prefix(1);
        }
        if (text.size() < 2) {
            return std::unexpected(Fault::bad_syntax);
        }
        const auto high = hex_value(text[0]);
        const auto low = hex_value(text[1]);
        if (!high || !low) {
            return std::unexpected(Fault::bad_syntax);
        }
        id.bytes[byte] = static_cast<std::uint8_t>(*high << 4 | *low);
        text.remove_prefix(2);
    }
    return id;
}

std::string uuid_text(const UserId& id) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (std::size_t byte = 0; byte < id.bytes.size(); ++byte) {
        if (has_dash_before(byte)) {
            text += '-';
        }
        text += kDigits[id.bytes[byte] >> 4];
        text += kDigits[id.bytes[byte] & 0x0f];
    }
    return text;
}

CommandKey::CommandKey(const UserId& id) noexcept {
    std::array<std::uint8_t, kCommandSalt.size()> salt;
    std::ranges::copy(kCommandSalt, salt.begin());
    crypto::Md5 hash;
    hash.update(id.bytes);
    hash.update(salt);
    key_ = Key16(hash.finish());
}

Key16 auth_id_key(const crypto::HashRow& hash, const CommandKey& key) {
    return kdf16(hash, key.view(), Label::auth_id_key);
}

BodyKeys response_keys(const crypto::HashRow& hash, const BodyKeys& request) noexcept {
    BodyKeys response;
    std::ranges::copy(Key32(crypto::sha256(hash, request.key)).view().first<kKeyBytes>(),
                      response.key.begin());
    std::ranges::copy(Key32(crypto::sha256(hash, request.iv)).view().first<kIvBytes>(),
                      response.iv.begin());
    return response;
}

BodyKeys legacy_response_keys(const BodyKeys& request) noexcept {
    BodyKeys response;
    response.key = crypto::md5(request.key);
    response.iv = crypto::md5(request.iv);
    return response;
}

Key16 chunk_length_key(const crypto::HashRow& hash, const BodyKeys& request) {
    return kdf16(hash, request.key, Label::chunk_length_key);
}

Key32 chacha_key(std::span<const std::uint8_t, kKeyBytes> key) noexcept {
    const Key16 front(crypto::md5(key));
    const Key16 back(crypto::md5(front.view()));
    Key32 drawn;
    std::ranges::copy(front.view(), drawn.span().first<16>().begin());
    std::ranges::copy(back.view(), drawn.span().last<16>().begin());
    return drawn;
}

}  // namespace ferry::proto::vmess
