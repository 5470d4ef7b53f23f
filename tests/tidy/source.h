// Source: one file of the tree, as the rules look at it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ferry::tidy {

struct Source {
    std::string path;                // from the root, with slashes
    std::vector<std::string> lines;  // as they are, without their line ends
    std::vector<std::string> code;  // C++ only: the same, with comments and the insides of literals
                                    // replaced by blanks, column for column
    bool ends_in_line_end = true;

    bool is_cpp() const;
    bool is_header() const;
    bool is_under(std::string_view folder) const;  // "io/"
};

// Something that a rule does not like.
struct Finding {
    std::string path;
    std::size_t line;  // from 1
    std::string what;
};
using Findings = std::vector<Finding>;

Source source_from(std::string path, std::string_view text);

// Every file that belongs to the project, except vectors and packages of others.
std::vector<Source> sources_under(const std::filesystem::path& root);

// One statement or one header of a block: the code since the last ';', '{' or '}'. Line ends are
// blanks in it.
struct Piece {
    std::string text;       // without blanks around it
    std::size_t line;       // where its first character stands, from 1
    std::size_t last_line;  // where its end mark stands
    char end;               // ';', '{', '}', or 0 at the end of the file
};
std::vector<Piece> pieces_of(const Source& source);

// May it stand in a name?
bool is_word(char c);

}  // namespace ferry::tidy
