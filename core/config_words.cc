#include "core/config_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace ferry::core::config {
namespace {

constexpr std::size_t kShownBytesMax = 60;
constexpr std::size_t kComparedBytesMax = 32;  // no key or name of ours is longer

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// The least number of letters to add, remove, replace or swap with a neighbour that turns one word
// into the other, by the usual table, of which three rows are kept.
std::size_t distance(std::string_view a, std::string_view b) {
    using Row = std::array<std::size_t, kComparedBytesMax + 1>;
    Row above_last{};
    Row last{};
    Row row{};
    for (std::size_t column = 0; column <= b.size(); ++column) {
        last[column] = column;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t k = 1; k <= b.size(); ++k) {
            const bool is_same = lower(a[i - 1]) == lower(b[k - 1]);
            const std::size_t replaced = last[k - 1] + (is_same ? 0 : 1);
            row[k] = std::min({last[k] + 1, row[k - 1] + 1, replaced});
            const bool is_swapped = i > 1 && k > 1 && lower(a[i - 1]) == lower(b[k - 2]) &&
                                    lower(a[i - 2]) == lower(b[k - 1]);
            if (is_swapped) {
                row[k] = std::min(row[k], above_last[k - 2] + 1);
            }
        }
        above_last = std::exchange(last, row);
    }
    return last[b.size()];
}

}  // namespace

std::string lower(std::string_view text) {
    std::string lowered(text);
    std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                   [](char letter) { return lower(letter); });
    return lowered;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(),
                      [](char left, char right) { return lower(left) == lower(right); });
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string shown(std::string_view text) {
    const bool is_cut = text.size() > kShownBytesMax;
    std::size_t bytes = is_cut ? kShownBytesMax : text.size();
    while (is_cut && bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) {
        --bytes;  // not in the middle of a character
    }
    std::string line;
    for (const char letter : text.substr(0, bytes)) {
        const auto code = static_cast<unsigned char>(letter);
        line += code < 0x20 || code == 0x7f ? '?' : letter;
    }
    return fmt::format("\"{}{}\"", line, is_cut ? "..." : "");
}

std::string_view closest(std::string_view word, std::span<const std::string_view> candidates) {
    if (word.empty() || word.size() > kComparedBytesMax) {
        return {};
    }
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string_view candidate : candidates) {
        if (candidate.empty() || candidate.size() > kComparedBytesMax) {
            continue;
        }
        const std::size_t apart = distance(word, candidate);
        if (apart < best_distance && apart < candidate.size()) {
            best_distance = apart;
            best = candidate;
        }
    }
    return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates,
                       std::string otherwise) {
    const std::string_view meant = closest(word, candidates);
    return meant.empty() ? std::move(otherwise) : fmt::format("did you mean {}?", shown(meant));
}

}  // namespace ferry::core::config
