#include "core/log_text.h"

#include <fmt/format.h>

#include <iterator>

#include "core/log.h"

namespace ferry::core {

namespace {

// How many continuation bytes the first byte of a UTF-8 sequence announces; 0 if it is not one.
std::size_t continuation_bytes(std::uint8_t first) {
    if (first >= 0xc2 && first <= 0xdf) {
        return 1;
    }
    if (first >= 0xe0 && first <= 0xef) {
        return 2;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        return 3;
    }
    return 0;
}

// Overlong forms, surrogates and what lies beyond Unicode show in the second byte.
bool is_second_byte(std::uint8_t first, std::uint8_t second) {
    switch (first) {
        case 0xe0:
            return second >= 0xa0 && second <= 0xbf;
        case 0xed:
            return second >= 0x80 && second <= 0x9f;
        case 0xf0:
            return second >= 0x90 && second <= 0xbf;
        case 0xf4:
            return second >= 0x80 && second <= 0x8f;
        default:
            return second >= 0x80 && second <= 0xbf;
    }
}

// C1 controls drive terminals; U+2028 and U+2029 end lines; U+202A to U+202E and U+2066 to U+2069
// change the order in which a line is read; U+200E and U+200F do so for their neighbours.
bool is_treacherous(std::string_view character) {
    const auto byte = [&](std::size_t index) {
        return static_cast<std::uint8_t>(character[index]);
    };
    if (character.size() == 2) {
        return byte(0) == 0xc2 && byte(1) <= 0x9f;
    }
    if (character.size() != 3 || byte(0) != 0xe2) {
        return false;
    }
    if (byte(1) == 0x80) {
        return byte(2) == 0x8e || byte(2) == 0x8f || (byte(2) >= 0xa8 && byte(2) <= 0xae);
    }
    return byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
}

// How many bytes at the front of `text` are one harmless character; 0 if its first byte is not.
std::size_t harmless_bytes(std::string_view text, Escape escape) {
    const auto first = static_cast<std::uint8_t>(text.front());
    if (first < 0x80) {
        const bool visible = first > 0x20 && first != 0x7f;
        const bool blank = first == 0x20 && escape == Escape::words;
        return visible || blank ? 1 : 0;
    }
    const std::size_t more = continuation_bytes(first);
    if (escape == Escape::token || more == 0 || text.size() <= more) {
        return 0;
    }
    const std::string_view character = text.substr(0, 1 + more);
    if (!is_second_byte(first, static_cast<std::uint8_t>(character[1]))) {
        return 0;
    }
    for (const char rest : character.substr(2)) {
        if ((static_cast<std::uint8_t>(rest) & 0xc0) != 0x80) {
            return 0;
        }
    }
    return is_treacherous(character) ? 0 : character.size();
}

}  // namespace

void append_escaped(std::string& line, std::string_view text, Escape escape) {
    // A message may be as long as a peer likes; what is going to be cut need not be escaped.
    while (!text.empty() && line.size() <= kLogLineBytesMax) {
        const std::size_t bytes = harmless_bytes(text, escape);
        if (bytes == 0) {
            const auto byte = static_cast<std::uint8_t>(text.front());
            fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
            text.remove_prefix(1);
            continue;
        }
        line += text.substr(0, bytes);
        text.remove_prefix(bytes);
    }
}

void cut(std::string& line) {
    constexpr std::size_t kTextBytesMax = kLogLineBytesMax - 32;
    constexpr std::string_view kMark = "...";
    if (line.size() <= kTextBytesMax) {
        return;
    }
    std::size_t end = kTextBytesMax - kMark.size();
    while ((static_cast<std::uint8_t>(line[end]) & 0xc0) == 0x80) {
        --end;  // not in the middle of a character
    }
    line.resize(end);
    line += kMark;
}

}  // namespace ferry::core
