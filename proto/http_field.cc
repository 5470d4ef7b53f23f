#include "proto/http_field.h"

#include <algorithm>
#include <array>

namespace ferry::proto {

namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

struct NamedField {
    std::string_view name;
    HttpField field;
};

// Keep-Alive to Trailers are the fields that RFC 2616 and RFC 9110 call hop-by-hop; "Trailers" is
// not a field of either, but some senders write it.
constexpr std::array<NamedField, 14> kFields{{
    {"connection", HttpField::connection},
    {"content-length", HttpField::content_length},
    {"host", HttpField::host},
    {"keep-alive", HttpField::hop},
    {"proxy-authenticate", HttpField::hop},
    {"proxy-authentication-info", HttpField::hop},
    {"proxy-authorization", HttpField::proxy_authorization},
    {"proxy-connection", HttpField::proxy_connection},
    {"te", HttpField::hop},
    {"trailer", HttpField::hop},
    {"trailers", HttpField::hop},
    {"transfer-encoding", HttpField::transfer_encoding},
    {"upgrade", HttpField::upgrade},
    {"http2-settings", HttpField::hop},
}};

}  // namespace

bool is_token(char character) noexcept {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    const char c = lower(character);
    return (c >= 'a' && c <= 'z') || is_digit(c) || kMarks.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return is_token(c); });
}

bool is_field_text(char character) noexcept {
    const auto byte = static_cast<std::uint8_t>(character);
    return byte >= 0x20 && byte != 0x7f;
}

bool same_word(std::string_view a, std::string_view b) noexcept {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

std::string_view take_element(std::string_view& list) noexcept {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        const std::string_view element = trimmed(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
        if (!element.empty()) {
            return element;
        }
    }
    return {};
}

bool has_element(std::string_view list, std::string_view word) noexcept {
    for (auto element = take_element(list); !element.empty(); element = take_element(list)) {
        if (same_word(element, word)) {
            return true;
        }
    }
    return false;
}

std::optional<std::uint64_t> length_from(std::string_view digits) noexcept {
    if (digits.empty()) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char c : digits) {
        if (!is_digit(c)) {
            return std::nullopt;
        }
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (kHttpLengthMax - digit) / 10) {
            return std::nullopt;
        }
        value = value * 10 + digit;
    }
    return value;
}

HttpField field_of(std::string_view name) noexcept {
    const auto* found = std::ranges::find_if(
        kFields, [name](const NamedField& row) { return same_word(row.name, name); });
    return found == kFields.end() ? HttpField::other : found->field;
}

bool may_be_dropped(HttpField field) noexcept {
    switch (field) {
        case HttpField::content_length:
        case HttpField::transfer_encoding:
        case HttpField::host:
            return false;
        case HttpField::other:
        case HttpField::hop:
        case HttpField::connection:
        case HttpField::proxy_connection:
        case HttpField::proxy_authorization:
        case HttpField::upgrade:
            return true;
    }
    return true;
}

}  // namespace ferry::proto
