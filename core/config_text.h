// From the dialect that people write to plain JSON: remarks blanked out, brackets and quotes
// checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ferry::core::config {

// Brackets inside brackets. Real configurations stay below 15.
inline constexpr std::size_t kDepthMax = 64;

// What is wrong at one place of a text.
struct Flaw {
    std::size_t offset = 0;
    std::string what;
    std::string remedy;
};

// A text in which only the structure between the brackets still has to be checked.
struct Cleaned {
    enum class Root : std::uint8_t { object, null };

    std::string text;  // as long as the original: offsets mean the same
    Root root = Root::null;
    std::optional<Flaw> mistake;  // if set, nothing else counts
    std::optional<Flaw> warning;
};

// Blanks out what V2Ray reads over, and finds what no parser could place well.
//
//   blanked   remarks ("//", "#", "/* */"), a byte order mark, whatever follows the object
//   mistakes  no object at all, text that is not UTF-8 (outside remarks), open strings, remarks and
//             brackets, control characters inside strings, deeper than kDepthMax
Cleaned clean(std::string_view text);

// Bytes of the UTF-8 character at the front of `text`; 0 if there is none.
std::size_t utf8_bytes(std::string_view text) noexcept;

// Where the lines of a text begin.
class LineTable {
public:
    explicit LineTable(std::string_view text);

    struct Position {
        std::uint32_t line = 1;
        std::uint32_t column = 1;  // in bytes
    };
    Position position(std::size_t offset) const;

private:
    std::vector<std::size_t> starts_;
};

}  // namespace ferry::core::config
