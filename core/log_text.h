// What keeps a log line one line: escaping, and a greatest length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ferry::core {

// What may stand in a line as it is.
enum class Escape : std::uint8_t {
    words,  // everything but what controls a terminal or ends a line
    token,  // visible ASCII: a blank in a name could pretend to be the next field
};

// Appends `text`; what is not harmless is written as \xNN.
void append_escaped(std::string& line, std::string_view text, Escape escape);

// Leaves room for the time and the newline, so that a whole line fits into one write to a pipe.
void cut(std::string& line);

}  // namespace ferry::core
