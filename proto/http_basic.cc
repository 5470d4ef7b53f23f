#include "proto/http_basic.h"

#include <array>
#include <cstdint>

#include "proto/http_field.h"

namespace ferry::proto {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 64;

constexpr std::array<std::uint8_t, 256> kDigits = [] {
    std::array<std::uint8_t, 256> digits{};
    digits.fill(kNoDigit);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        digits[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return digits;
}();

// How many '=' stand at the end; two at most count as padding.
std::size_t padding_of(std::string_view text) noexcept {
    const std::size_t last = text.find_last_not_of('=');
    const std::size_t padding =
        last == std::string_view::npos ? text.size() : text.size() - last - 1;
    return padding;
}

}  // namespace

std::optional<std::string> base64_decoded(std::string_view text) {
    const std::size_t padding = padding_of(text);
    if (text.size() % 4 != 0 || padding > 2) {
        return std::nullopt;
    }
    std::string decoded;
    decoded.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    std::size_t bit_count = 0;
    for (const char c : text.substr(0, text.size() - padding)) {
        const std::uint8_t digit = kDigits[static_cast<std::uint8_t>(c)];
        if (digit == kNoDigit) {
            return std::nullopt;
        }
        bits = bits << 6 | digit;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            decoded.push_back(static_cast<char>(bits >> bit_count & 0xff));
        }
    }
    const std::uint32_t rest = bits & ((1u << bit_count) - 1);
    if (rest != 0) {
        return std::nullopt;
    }
    return decoded;
}

std::optional<BasicLogin> basic_login(std::string_view field_value) {
    constexpr std::string_view kScheme = "Basic";
    const std::string_view value = trimmed(field_value);
    if (value.size() <= kScheme.size() || !same_word(value.substr(0, kScheme.size()), kScheme) ||
        value[kScheme.size()] != ' ') {
        return std::nullopt;
    }
    auto text = base64_decoded(trimmed(value.substr(kScheme.size())));
    if (!text) {
        return std::nullopt;
    }
    const std::size_t colon = text->find(':');
    if (colon == std::string::npos) {
        return std::nullopt;
    }
    return BasicLogin{.text = std::move(*text), .colon = colon};
}

}  // namespace ferry::proto
