#include "proto/http_facts.h"

#include <algorithm>
#include <cassert>

namespace ferry::proto {
namespace {

constexpr std::unexpected<HttpStatus> kBad(HttpStatus::bad_request);

// Keeps a value that may be given once.
template <class T>
bool given_once(std::optional<T>& place, const std::optional<T>& value) noexcept {
    if (place || !value) {
        return false;
    }
    place = value;
    return true;
}

// The elements of a Connection or Proxy-Connection field.
bool note_connection(HttpFacts& facts, std::string_view list) noexcept {
    for (auto name = take_element(list); !name.empty(); name = take_element(list)) {
        if (facts.name_count == facts.names.size()) {
            return false;
        }
        facts.names[facts.name_count] = name;
        ++facts.name_count;
        facts.wants_close |= same_word(name, "close");
        facts.wants_keep_alive |= same_word(name, "keep-alive");
        facts.wants_upgrade |= same_word(name, "upgrade");
    }
    return true;
}

// Notes one field; false if it contradicts itself or one before.
bool note(HttpFacts& facts, const HttpFieldLine& line) noexcept {
    const auto value = std::optional(line.value);
    switch (field_of(line.name)) {
        case HttpField::other:
        case HttpField::hop:
            return true;
        case HttpField::upgrade:
            facts.has_upgrade = true;
            return true;
        case HttpField::connection:
        case HttpField::proxy_connection:
            return note_connection(facts, line.value);
        case HttpField::proxy_authorization:
            return given_once(facts.authorization, value);
        case HttpField::content_length:
            return given_once(facts.length, length_from(line.value));
        case HttpField::transfer_encoding:
            return given_once(facts.coding, value);
        case HttpField::host:
            return given_once(facts.host, value);
    }
    return false;
}

bool is_target_text(char c) noexcept {
    return is_field_text(c) && c != ' ';
}

}  // namespace

std::string_view take_line(std::string_view& lines) noexcept {
    const std::size_t end = lines.find("\r\n");
    assert(end != std::string_view::npos);
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    return line;
}

HttpRead<HttpStartLine> start_line_from(std::string_view line) noexcept {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
        return kBad;
    }
    const HttpStartLine start{
        .method = line.substr(0, first),
        .target = line.substr(first + 1, last - first - 1),
        .minor = static_cast<std::uint8_t>(line.ends_with('0') ? 0 : 1),
    };
    const std::string_view version = line.substr(last + 1);
    const bool is_known_version = version == "HTTP/1.0" || version == "HTTP/1.1";
    const bool is_target =
        !start.target.empty() && std::ranges::all_of(start.target, is_target_text);
    if (!is_known_version || !is_target || !is_token(start.method)) {
        return kBad;
    }
    return start;
}

HttpRead<HttpFieldLine> field_line_from(std::string_view line) noexcept {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
        return kBad;
    }
    return HttpFieldLine{.name = line.substr(0, colon), .value = trimmed(line.substr(colon + 1))};
}

bool HttpFacts::is_named(std::string_view name) const noexcept {
    return std::ranges::any_of(std::span(names).first(name_count),
                               [name](std::string_view named) { return same_word(named, name); });
}

HttpRead<HttpFacts> facts_from(std::string_view lines) noexcept {
    HttpFacts facts;
    for (std::size_t count = 0; !lines.empty(); ++count) {
        if (count == kHttpRequestFieldsMax) {
            return std::unexpected(HttpStatus::head_too_large);
        }
        const auto line = field_line_from(take_line(lines));
        if (!line || !note(facts, *line)) {
            return kBad;
        }
    }
    return facts;
}

}  // namespace ferry::proto
