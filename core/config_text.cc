#include "core/config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace ferry::core::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_blank(char letter) {
    return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n';
}

bool is_word_letter(char letter) {
    const bool is_digit = letter >= '0' && letter <= '9';
    const bool is_upper = letter >= 'A' && letter <= 'Z';
    const bool is_lower = letter >= 'a' && letter <= 'z';
    return is_digit || is_upper || is_lower || letter == '_';
}

// One walk over a text, from front to back.
class Cleaner {
public:
    explicit Cleaner(std::string_view text) { cleaned_.text = text; }

    Cleaned run();

private:
    bool at_end() const { return at_ == cleaned_.text.size(); }
    char here() const { return cleaned_.text[at_]; }
    std::string_view rest() const { return std::string_view(cleaned_.text).substr(at_); }

    void blank(std::size_t bytes);
    bool skip_blanks_and_remarks();
    bool skip_remark();
    bool start();
    bool body();
    bool string();
    bool character();
    bool open_bracket();
    bool close_bracket();
    void after_root();
    bool fail(std::size_t offset, std::string what, std::string remedy);

    Cleaned cleaned_;
    std::size_t at_ = 0;
    std::vector<std::size_t> open_;  // offsets of the brackets that are open
};

Cleaned Cleaner::run() {
    if (start() && body()) {
        after_root();
    }
    return std::move(cleaned_);
}

bool Cleaner::fail(std::size_t offset, std::string what, std::string remedy) {
    cleaned_.mistake = Flaw{offset, std::move(what), std::move(remedy)};
    return false;
}

// Line ends stay, so that lines can still be counted in the cleaned text.
void Cleaner::blank(std::size_t bytes) {
    for (const std::size_t end = at_ + bytes; at_ < end; ++at_) {
        if (here() != '\n') {
            cleaned_.text[at_] = ' ';
        }
    }
}

// At a "/" that does not begin a remark it stops too, and the parser will refuse it.
bool Cleaner::skip_blanks_and_remarks() {
    while (!at_end()) {
        const bool is_remark =
            here() == '#' || rest().starts_with("//") || rest().starts_with("/*");
        if (is_remark) {
            if (!skip_remark()) {
                return false;
            }
        } else if (is_blank(here())) {
            ++at_;
        } else {
            return true;
        }
    }
    return true;
}

bool Cleaner::skip_remark() {
    if (!rest().starts_with("/*")) {
        blank(std::min(rest().find('\n'), rest().size()));
        return true;
    }
    const std::size_t end = rest().find("*/", 2);
    if (end == std::string_view::npos) {
        return fail(at_, "a remark begins here and never ends", "close it with \"*/\"");
    }
    blank(end + 2);
    return true;
}

// Finds the root.
bool Cleaner::start() {
    const std::string_view text = cleaned_.text;
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
        return fail(0, "this is UTF-16", "save the file as UTF-8");
    }
    if (text.starts_with(kByteOrderMark)) {
        blank(kByteOrderMark.size());
    }
    if (!skip_blanks_and_remarks()) {
        return false;
    }
    if (at_end()) {
        return fail(0, "there is nothing in it", "write {} for an empty configuration");
    }
    const bool is_null =
        rest().starts_with("null") && (rest().size() == 4 || !is_word_letter(rest()[4]));
    if (is_null) {
        at_ += 4;
        return true;
    }
    if (here() != '{') {
        return fail(at_, "a configuration is one object", "begin it with '{'");
    }
    cleaned_.root = Cleaned::Root::object;
    return open_bracket();
}

// From behind the first bracket to behind its counterpart.
bool Cleaner::body() {
    while (!open_.empty()) {
        if (!skip_blanks_and_remarks()) {
            return false;
        }
        if (at_end()) {
            return fail(open_.back(),
                        fmt::format("this '{}' is never closed", cleaned_.text[open_.back()]),
                        "look for a missing bracket, or for a file that was cut");
        }
        const bool fine = here() == '"'                    ? string()
                          : here() == '{' || here() == '[' ? open_bracket()
                          : here() == '}' || here() == ']' ? close_bracket()
                                                           : character();
        if (!fine) {
            return false;
        }
    }
    return true;
}

bool Cleaner::open_bracket() {
    if (open_.size() == kDepthMax) {
        return fail(at_, "brackets are nested too deeply",
                    fmt::format("{} levels are the limit", kDepthMax));
    }
    open_.push_back(at_);
    ++at_;
    return true;
}

bool Cleaner::close_bracket() {
    const char opened = cleaned_.text[open_.back()];
    const char wanted = opened == '{' ? '}' : ']';
    if (here() != wanted) {
        const LineTable::Position position = LineTable(cleaned_.text).position(open_.back());
        return fail(at_, fmt::format("'{}' where '{}' should come", here(), wanted),
                    fmt::format("the '{}' of line {}, column {} is still open", opened,
                                position.line, position.column));
    }
    open_.pop_back();
    ++at_;
    return true;
}

bool Cleaner::string() {
    const std::size_t begin = at_;
    ++at_;
    while (!at_end() && here() != '"') {
        if (here() == '\\') {
            ++at_;  // whatever is escaped, a quote above all, does not end the text
        }
        if (at_end() || here() == '\n') {
            break;
        }
        const auto code = static_cast<unsigned char>(here());
        if (code < 0x20) {
            return fail(at_, fmt::format("a control character (0x{:02x}) inside a text", code),
                        fmt::format("write it as \\u{:04x}", code));
        }
        if (!character()) {
            return false;
        }
    }
    if (at_end() || here() != '"') {
        return fail(begin, "a text begins here and does not end in its line",
                    "close it with a double quote");
    }
    ++at_;
    return true;
}

bool Cleaner::character() {
    const std::size_t bytes = utf8_bytes(rest());
    if (bytes == 0) {
        return fail(at_, "this is not UTF-8", "save the file as UTF-8");
    }
    at_ += bytes;
    return true;
}

void Cleaner::after_root() {
    const std::size_t end = at_;
    if (!skip_blanks_and_remarks()) {
        // An open remark behind the object is as harmless as any other text there.
        at_ = cleaned_.mistake->offset;
        cleaned_.mistake.reset();
    }
    if (!at_end()) {
        cleaned_.warning = Flaw{at_, "the text from here on is ignored",
                                "the configuration ended before; remove what follows"};
    }
    at_ = end;
    blank(cleaned_.text.size() - end);
}

}  // namespace

Cleaned clean(std::string_view text) {
    return Cleaner(text).run();
}

std::size_t utf8_bytes(std::string_view text) noexcept {
    if (text.empty()) {
        return 0;
    }
    const auto at = [&](std::size_t index) { return static_cast<unsigned char>(text[index]); };
    const unsigned char lead = at(0);
    if (lead < 0x80) {
        return 1;
    }
    const std::size_t bytes = lead < 0xc2   ? 0
                              : lead < 0xe0 ? 2
                              : lead < 0xf0 ? 3
                              : lead < 0xf5 ? 4
                                            : 0;
    if (bytes == 0 || text.size() < bytes) {
        return 0;
    }
    for (std::size_t index = 1; index < bytes; ++index) {
        if ((at(index) & 0xc0) != 0x80) {
            return 0;
        }
    }
    // Longer than needed, half of a surrogate pair, or beyond U+10FFFF.
    const bool is_overlong = (lead == 0xe0 && at(1) < 0xa0) || (lead == 0xf0 && at(1) < 0x90);
    const bool is_surrogate = lead == 0xed && at(1) >= 0xa0;
    const bool is_beyond = lead == 0xf4 && at(1) >= 0x90;
    return is_overlong || is_surrogate || is_beyond ? 0 : bytes;
}

LineTable::LineTable(std::string_view text) : starts_{0} {
    for (std::size_t at = text.find('\n'); at != std::string_view::npos;
         at = text.find('\n', at + 1)) {
        starts_.push_back(at + 1);
    }
}

LineTable::Position LineTable::position(std::size_t offset) const {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
    assert(after != starts_.begin());
    const auto line = static_cast<std::uint32_t>(after - starts_.begin());
    return {line, static_cast<std::uint32_t>(offset - *(after - 1) + 1)};
}

}  // namespace ferry::core::config
