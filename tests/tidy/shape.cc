// How files look from afar: lengths, columns, blanks, the first lines of headers.
#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "tests/tidy/rules.h"

namespace ferry::tidy {
namespace {

constexpr std::size_t kColumnsMax = 100;
constexpr std::size_t kPythonColumnsMax = 120;
constexpr std::size_t kFileLinesMax = 400;
constexpr std::size_t kFunctionLinesMax = 60;
// A kernel is one pass over registers; cutting it in two would hide which of them are live.
constexpr std::size_t kKernelLinesMax = 100;

std::size_t function_lines_max(const Source& source) {
    for (const char* folder : {"crypto/amd64/", "crypto/arm64/", "crypto/s390x/"}) {
        if (source.path.starts_with(folder)) {
            return kKernelLinesMax;
        }
    }
    return kFunctionLinesMax;
}

bool has_limits(const Source& source) {
    return source.is_cpp() || source.path.ends_with(".py");
}

// Characters, not bytes: those that continue one in UTF-8 do not count.
std::size_t columns_of(const std::string& line) {
    return static_cast<std::size_t>(std::ranges::count_if(
        line, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

enum class Block : std::uint8_t { scope, function, other };

// What the header of a block opens. Only what stands in a namespace or a class can be a function;
// what is inside one, lambdas included, is a part of it.
Block block_of(const std::string& header, const std::vector<Block>& around) {
    static const std::regex kScope(
        "^((public|private|protected) ?: *)?(template *<.*> *)?(inline +)?"
        "(class|struct|union|enum|namespace|extern)\\b.*");
    const bool is_inside =
        std::ranges::any_of(around, [](Block block) { return block != Block::scope; });
    if (is_inside) {
        return Block::other;
    }
    if (std::regex_match(header, kScope)) {
        return Block::scope;
    }
    return header.find('(') == std::string::npos ? Block::other : Block::function;
}

}  // namespace

void check_blanks(const Source& source, Findings& findings) {
    for (std::size_t i = 0; i < source.lines.size(); ++i) {
        const std::string& line = source.lines[i];
        if (line.find('\t') != std::string::npos) {
            findings.push_back({source.path, i + 1, "a tab"});
        }
        if (line.ends_with(' ') || line.ends_with('\r')) {
            findings.push_back({source.path, i + 1, "a blank at the end of the line"});
        }
    }
    if (!source.ends_in_line_end) {
        findings.push_back(
            {source.path, source.lines.size(), "no line end at the end of the file"});
    }
}

// A configuration or a message that a test holds against the program is easier to read in one line.
bool is_literal_of_a_test(const Source& source, const std::string& line) {
    return source.path.starts_with("tests/") && line.find('"') != std::string::npos;
}

void check_columns(const Source& source, Findings& findings) {
    const std::size_t most = source.is_cpp() ? kColumnsMax : kPythonColumnsMax;
    for (std::size_t i = 0; has_limits(source) && i < source.lines.size(); ++i) {
        const std::size_t columns = columns_of(source.lines[i]);
        if (columns > most && !is_literal_of_a_test(source, source.lines[i])) {
            findings.push_back({source.path, i + 1, std::to_string(columns) + " columns"});
        }
    }
}

void check_file_length(const Source& source, Findings& findings) {
    if (has_limits(source) && source.lines.size() > kFileLinesMax) {
        findings.push_back(
            {source.path, kFileLinesMax + 1, std::to_string(source.lines.size()) + " lines"});
    }
}

void check_function_length(const Source& source, Findings& findings) {
    std::vector<Block> blocks;
    std::size_t first_line = 0;
    for (const Piece& piece : pieces_of(source)) {
        if (piece.end == '{') {
            blocks.push_back(block_of(piece.text, blocks));
            first_line = blocks.back() == Block::function ? piece.line : first_line;
        }
        if (piece.end == '}' && !blocks.empty()) {
            const std::size_t lines = piece.last_line - first_line + 1;
            if (blocks.back() == Block::function && lines > function_lines_max(source)) {
                findings.push_back(
                    {source.path, first_line, "a function of " + std::to_string(lines) + " lines"});
            }
            blocks.pop_back();
        }
    }
}

void check_headers(const Source& source, Findings& findings) {
    if (!source.is_header()) {
        return;
    }
    if (std::ranges::find(source.lines, "#pragma once") == source.lines.end()) {
        findings.push_back({source.path, 1, "no #pragma once"});
    }
    if (source.lines.empty() || !source.lines.front().starts_with("// ")) {
        findings.push_back({source.path, 1, "no comment that says what the file is for"});
    }
}

}  // namespace ferry::tidy
