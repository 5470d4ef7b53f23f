// The small grammar that heads of HTTP messages are made of: names, values, lists, lengths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ferry::proto {

inline constexpr std::uint64_t kHttpLengthMax = INT64_MAX;  // so that no sum of two can overflow

// A character of a method or a field name.
bool is_token(char character) noexcept;
// One or more of them.
bool is_token(std::string_view text) noexcept;

// A character of a field value: anything but controls; the tab is none here.
bool is_field_text(char character) noexcept;

// Case is ignored for ASCII letters only, in any locale.
bool same_word(std::string_view a, std::string_view b) noexcept;

// Without the spaces and tabs around it.
std::string_view trimmed(std::string_view text) noexcept;

// Takes the next element off a comma-separated list, skipping empty ones.
//
//   list   what is left of it; shortened by the call
//   gives  the element without blanks around it; empty when the list is over
std::string_view take_element(std::string_view& list) noexcept;

bool has_element(std::string_view list, std::string_view word) noexcept;

// Reads decimal digits and nothing else.
//
//   gives  nothing for an empty text, a sign, a blank, or more than kHttpLengthMax
std::optional<std::uint64_t> length_from(std::string_view digits) noexcept;

// What a proxy must know about a field.
enum class HttpField : std::uint8_t {
    other,                // passed on
    hop,                  // concerns one connection only, and nothing else is to know
    connection,           //
    proxy_connection,     // what some clients send to a proxy in place of Connection
    proxy_authorization,  //
    content_length,       //
    transfer_encoding,    //
    host,                 //
    upgrade,              //
};
HttpField field_of(std::string_view name) noexcept;

// May a Connection field name this field, so that it is dropped? Not the ones that frame a message
// or say whom it is for: a sender could hide them from the next reader otherwise.
bool may_be_dropped(HttpField field) noexcept;

}  // namespace ferry::proto
