#include "tests/tidy/source.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <fstream>
#include <iterator>

namespace ferry::tidy {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 14> kEndings{
    ".cc",   ".h",       ".py", ".build", ".txt",  ".md",   ".ini",
    ".json", ".service", ".sh", ".yml",   ".yaml", ".wrap", ".clang-format"};

// Folders that hold what others have written, or what a build has made.
constexpr std::array<std::string_view, 4> kSkipped{".git", "vectors", "subprojects", "corpus"};

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

// Takes comments and literals out of C++, character by character. Line ends stay.
class Masker {
public:
    explicit Masker(std::string_view text) : text_(text), masked_(text) {}

    std::string masked() {
        while (at_ < text_.size()) {
            step();
        }
        return masked_;
    }

private:
    void step() {
        const std::string_view rest = text_.substr(at_);
        const bool follows_word = at_ > 0 && is_word(text_[at_ - 1]);
        if (rest.starts_with("//")) {
            blank_to(find("\n"));
        } else if (rest.starts_with("/*")) {
            blank_to(find("*/") + 2);
        } else if (rest.starts_with("R\"") && !follows_word) {
            const std::size_t open = find("(");
            const std::string close =
                ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
            blank_to(find(close) + close.size());
        } else if (rest.front() == '"' || (rest.front() == '\'' && !follows_word)) {
            blank_literal(rest.front());
        } else {
            ++at_;  // also the ' between the digits of a number
        }
    }

    // The quotes stay, so that a reader of the code still sees that something is there.
    void blank_literal(char quote) {
        std::size_t end = at_ + 1;
        while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
            end += text_[end] == '\\' ? 2 : 1;
        }
        ++at_;
        blank_to(end);
        ++at_;
    }

    std::size_t find(std::string_view what) const {
        return std::min(text_.find(what, at_), text_.size());
    }

    void blank_to(std::size_t end) {
        for (; at_ < std::min(end, text_.size()); ++at_) {
            if (text_[at_] != '\n') {
                masked_[at_] = ' ';
            }
        }
    }

    std::string_view text_;
    std::string masked_;
    std::size_t at_ = 0;
};

bool is_skipped(const fs::directory_entry& entry) {
    if (!entry.is_directory()) {
        return false;
    }
    const bool is_build_folder = fs::exists(entry.path() / "meson-private");
    const std::string name = entry.path().filename().string();
    return is_build_folder || std::ranges::find(kSkipped, name) != kSkipped.end();
}

bool is_ours(const fs::path& path) {
    const std::string name = path.filename().string();
    return std::ranges::any_of(kEndings,
                               [&name](std::string_view ending) { return name.ends_with(ending); });
}

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    assert(file);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

bool is_end_mark(char c) {
    return c == ';' || c == '{' || c == '}';
}

}  // namespace

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool Source::is_cpp() const {
    return path.ends_with(".cc") || path.ends_with(".h");
}

bool Source::is_header() const {
    return path.ends_with(".h");
}

bool Source::is_under(std::string_view folder) const {
    return path.starts_with(folder);
}

Source source_from(std::string path, std::string_view text) {
    Source source;
    source.path = std::move(path);
    source.lines = lines_of(text);
    source.ends_in_line_end = text.empty() || text.ends_with('\n');
    if (source.is_cpp()) {
        source.code = lines_of(Masker(text).masked());
    }
    return source;
}

std::vector<Source> sources_under(const fs::path& root) {
    std::vector<Source> sources;
    for (auto entry = fs::recursive_directory_iterator(root); entry != fs::end(entry); ++entry) {
        if (is_skipped(*entry)) {
            entry.disable_recursion_pending();
        } else if (entry->is_regular_file() && is_ours(entry->path())) {
            sources.push_back(source_from(fs::relative(entry->path(), root).generic_string(),
                                          read(entry->path())));
        }
    }
    std::ranges::sort(sources, {}, &Source::path);
    return sources;
}

std::vector<Piece> pieces_of(const Source& source) {
    std::vector<Piece> pieces;
    Piece piece{.text = {}, .line = 0, .last_line = 0, .end = 0};
    for (std::size_t line = 0; line < source.code.size(); ++line) {
        if (source.code[line].starts_with('#')) {
            continue;  // a directive is no statement
        }
        for (const char c : source.code[line] + ' ') {
            if (piece.text.empty() && c != ' ') {
                piece.line = line + 1;
            }
            if (!is_end_mark(c)) {
                const bool is_leading_blank = piece.text.empty() && c == ' ';
                piece.text += is_leading_blank ? "" : std::string(1, c);
                continue;
            }
            piece.text.erase(piece.text.find_last_not_of(' ') + 1);
            piece.last_line = line + 1;
            piece.end = c;
            pieces.push_back(piece);
            piece = {.text = {}, .line = 0, .last_line = 0, .end = 0};
        }
    }
    return pieces;
}

}  // namespace ferry::tidy
