// Words: comparing and suggesting what people write, and showing it in messages.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ferry::core::config {

std::string lower(std::string_view text);  // ASCII only
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string_view trimmed(std::string_view text);

// A text as it may appear in a message: in quotes, on one line, cut when long.
std::string shown(std::string_view text);

// The candidate that `word` may be meant to be, or an empty view if none is close.
//
//   close  few letters missing, added, wrong or swapped with their neighbour, compared with the
//          length; case does not matter
std::string_view closest(std::string_view word, std::span<const std::string_view> candidates);

// "did you mean \"x\"?", or else `otherwise`.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates,
                       std::string otherwise);

}  // namespace ferry::core::config
