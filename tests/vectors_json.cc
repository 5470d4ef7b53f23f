#include "tests/vectors_json.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace ferry::test {

namespace {

[[noreturn]] void stop(std::string_view what, std::string_view where) {
    std::fprintf(stderr, "vectors: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
                 static_cast<int>(where.size()), where.data());
    std::abort();
}

int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

}  // namespace

// Recursive descent over the text. The first mistake is kept, and from there on the text seems to
// be at its end, so that every loop below comes to its own end.
class JsonParser {
public:
    explicit JsonParser(std::string_view text) : text_(text), end_(text.size()) {}

    std::expected<Json, std::string> whole() {
        Json value = this->value(0);
        skip_space();
        if (at_ != end_) {
            fail("something after the end");
        }
        if (!mistake_.empty()) {
            return std::unexpected(mistake_);
        }
        return value;
    }

private:
    Json value(int depth) {
        constexpr int kDepthMax = 100;  // far above any file, far below what the stack holds
        skip_space();
        Json value;
        if (depth > kDepthMax) {
            fail("values too deep in others");
            return value;
        }
        switch (peek()) {
            case '{':
                object(value, depth);
                break;
            case '[':
                array(value, depth);
                break;
            case '"':
                value.kind_ = Json::Kind::string;
                value.text_ = string();
                break;
            case 't':
            case 'f':
                value.kind_ = Json::Kind::boolean;
                value.truth_ = peek() == 't';
                word(value.truth_ ? "true" : "false");
                break;
            case 'n':
                word("null");
                break;
            default:
                number(value);
        }
        return value;
    }

    void object(Json& value, int depth) {
        value.kind_ = Json::Kind::object;
        take('{');
        skip_space();
        while (!failed() && peek() != '}') {
            std::string key = string();
            skip_space();
            take(':');
            value.members_.emplace_back(std::move(key), this->value(depth + 1));
            to_next('}');
        }
        take('}');
    }

    void array(Json& value, int depth) {
        value.kind_ = Json::Kind::array;
        take('[');
        skip_space();
        while (!failed() && peek() != ']') {
            value.items_.push_back(this->value(depth + 1));
            to_next(']');
        }
        take(']');
    }

    // A comma and what follows it, or the closing bracket.
    void to_next(char closing) {
        skip_space();
        if (!failed() && peek() != closing) {
            take(',');
            skip_space();
            if (peek() == closing) {
                fail("a comma before the closing bracket");
            }
        }
    }

    std::string string() {
        take('"');
        std::string text;
        while (!failed() && peek() != '"') {
            const char letter = text_[at_++];
            if (letter == '\\') {
                add_escaped(text);
            } else {
                text.push_back(letter);
            }
        }
        take('"');
        return text;
    }

    void add_escaped(std::string& to) {
        constexpr std::string_view kLetters = "\"\\/bfnrt";
        constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
        const char letter = peek();
        if (failed()) {
            return;
        }
        ++at_;
        const std::size_t index = kLetters.find(letter);
        if (index != std::string_view::npos) {
            to.push_back(kMeanings[index]);
        } else if (letter == 'u') {
            add_numbered(to);
        } else {
            fail("an unknown escape");
        }
    }

    // Into UTF-8. The halves of a pair of surrogates stay two letters: only comments have any.
    void add_numbered(std::string& to) {
        unsigned code = 0;
        for (int digits = 0; digits < 4; ++digits) {
            const int digit = hex_digit(peek());
            if (digit < 0) {
                fail("a bad \\u escape");
                return;
            }
            code = code * 16 + static_cast<unsigned>(digit);
            ++at_;
        }
        if (code < 0x80) {
            to.push_back(static_cast<char>(code));
            return;
        }
        if (code < 0x800) {
            to.push_back(static_cast<char>(0xc0 | code >> 6));
        } else {
            to.push_back(static_cast<char>(0xe0 | code >> 12));
            to.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
        }
        to.push_back(static_cast<char>(0x80 | (code & 0x3f)));
    }

    void number(Json& value) {
        const std::size_t begin = at_;
        while (at_ < end_ &&
               std::string_view("+-.0123456789Ee").find(text_[at_]) != std::string_view::npos) {
            ++at_;
        }
        const char* first = text_.data() + begin;
        const char* last = text_.data() + at_;
        const auto [whole_end, whole_error] = std::from_chars(first, last, value.number_);
        value.kind_ = Json::Kind::number;
        value.is_whole_ = whole_error == std::errc() && whole_end == last;
        if (!value.is_whole_) {
            double any = 0;
            const auto [end, error] = std::from_chars(first, last, any);
            if (error == std::errc::invalid_argument || end != last) {
                at_ = begin;
                fail("no value");
            }
        }
    }

    void word(std::string_view expected) {
        if (text_.substr(at_, expected.size()) != expected) {
            fail("an unknown word");
        } else {
            at_ += expected.size();
        }
    }

    char peek() {
        if (at_ >= end_) {
            fail("an early end");
            return '\0';
        }
        return text_[at_];
    }

    void take(char expected) {
        if (peek() == expected) {
            ++at_;
        } else {
            fail(std::string("no ") + expected);
        }
    }

    void skip_space() {
        while (at_ < end_ &&
               std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
            ++at_;
        }
    }

    void fail(std::string_view what) {
        if (!failed()) {
            mistake_ = std::string(what) + " at byte " + std::to_string(at_);
        }
        at_ = end_;
    }

    bool failed() const { return !mistake_.empty(); }

    std::string_view text_;
    std::size_t end_;
    std::size_t at_ = 0;
    std::string mistake_;
};

std::expected<Json, std::string> Json::read(std::string_view text) {
    return JsonParser(text).whole();
}

Json Json::parse(std::string_view text, std::string_view origin) {
    std::expected<Json, std::string> value = read(text);
    if (!value) {
        stop(value.error(), origin);
    }
    return std::move(*value);
}

const Json* Json::find(std::string_view key) const {
    must_be(Kind::object);
    for (const Member& member : members_) {
        if (member.first == key) {
            return &member.second;
        }
    }
    return nullptr;
}

bool Json::has(std::string_view key) const {
    return find(key) != nullptr;
}

void Json::must_be(Kind kind) const {
    if (kind_ != kind) {
        stop("a value of another kind", text_);
    }
}

bool Json::truth() const {
    must_be(Kind::boolean);
    return truth_;
}

std::int64_t Json::number() const {
    must_be(Kind::number);
    if (!is_whole_) {
        stop("a number that is not whole", "");
    }
    return number_;
}

const std::string& Json::text() const {
    must_be(Kind::string);
    return text_;
}

Bytes Json::bytes() const {
    return from_hex(text());
}

const std::vector<Json>& Json::items() const {
    must_be(Kind::array);
    return items_;
}

const std::vector<Json::Member>& Json::members() const {
    must_be(Kind::object);
    return members_;
}

const Json& Json::operator[](std::string_view key) const {
    const Json* value = find(key);
    if (value == nullptr) {
        stop("no such key", key);
    }
    return *value;
}

const Json& Json::operator[](std::size_t index) const {
    if (index >= items().size()) {
        stop("no such item", std::to_string(index));
    }
    return items_[index];
}

Json read_vectors(std::string_view name) {
    // The build gives the folder, so that a test program can be run by hand from anywhere.
    const std::string path = std::string(FERRY_VECTORS_DIR) + "/" + std::string(name);
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        stop("cannot read", path);
    }
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    return Json::parse(text, path);
}

std::optional<Bytes> bytes_of_hex(std::string_view hex) {
    if (hex.size() % 2 != 0) {
        return std::nullopt;
    }
    Bytes bytes(hex.size() / 2);
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        const int high = hex_digit(hex[2 * index]);
        const int low = hex_digit(hex[2 * index + 1]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        bytes[index] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return bytes;
}

Bytes from_hex(std::string_view hex) {
    std::optional<Bytes> bytes = bytes_of_hex(hex);
    if (!bytes) {
        stop("not hex", hex);
    }
    return std::move(*bytes);
}

std::string to_hex(ByteView bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string hex;
    hex.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        hex.push_back(kDigits[byte >> 4]);
        hex.push_back(kDigits[byte & 15]);
    }
    return hex;
}

}  // namespace ferry::test
