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

// Recursive descent over the text. The files are our own and shallow, so depth is not bounded.
class JsonParser {
public:
    JsonParser(std::string_view text, std::string_view origin) : text_(text), origin_(origin) {}

    Json whole() {
        Json value = this->value();
        skip_space();
        if (at_ != text_.size()) {
            fail("something after the end");
        }
        return value;
    }

private:
    Json value() {
        skip_space();
        Json value;
        switch (peek()) {
            case '{':
                object(value);
                break;
            case '[':
                array(value);
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
                value.kind_ = Json::Kind::number;
                value.number_ = number();
        }
        return value;
    }

    void object(Json& value) {
        value.kind_ = Json::Kind::object;
        take('{');
        skip_space();
        while (peek() != '}') {
            skip_space();
            std::string key = string();
            skip_space();
            take(':');
            value.members_.emplace_back(std::move(key), this->value());
            skip_space();
            if (peek() != '}') {
                take(',');
            }
        }
        take('}');
    }

    void array(Json& value) {
        value.kind_ = Json::Kind::array;
        take('[');
        skip_space();
        while (peek() != ']') {
            value.items_.push_back(this->value());
            skip_space();
            if (peek() != ']') {
                take(',');
            }
        }
        take(']');
    }

    std::string string() {
        take('"');
        std::string text;
        while (peek() != '"') {
            char letter = text_[at_++];
            if (letter == '\\') {
                letter = escaped();
            }
            text.push_back(letter);
        }
        take('"');
        return text;
    }

    char escaped() {
        const char letter = peek();
        ++at_;
        switch (letter) {
            case '"':
            case '\\':
            case '/':
                return letter;
            case 'n':
                return '\n';
            case 't':
                return '\t';
            case 'u':
                return low_escape();
            default:
                fail("an escape that the vectors do not use");
        }
    }

    // \u00xx below 0x80 only: the vectors are ASCII.
    char low_escape() {
        unsigned code = 0;
        for (int digits = 0; digits < 4; ++digits) {
            const int digit = hex_digit(peek());
            if (digit < 0) {
                fail("a bad \\u escape");
            }
            code = code * 16 + static_cast<unsigned>(digit);
            ++at_;
        }
        if (code >= 0x80) {
            fail("a \\u escape beyond ASCII");
        }
        return static_cast<char>(code);
    }

    std::int64_t number() {
        std::int64_t number = 0;
        const char* begin = text_.data() + at_;
        const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), number);
        if (error != std::errc()) {
            fail("no value");
        }
        at_ += static_cast<std::size_t>(end - begin);
        if (at_ < text_.size() &&
            std::string_view(".eE").find(text_[at_]) != std::string_view::npos) {
            fail("a number that is not whole");
        }
        return number;
    }

    void word(std::string_view expected) {
        if (text_.substr(at_, expected.size()) != expected) {
            fail("an unknown word");
        }
        at_ += expected.size();
    }

    char peek() const {
        if (at_ >= text_.size()) {
            fail("an early end");
        }
        return text_[at_];
    }

    void take(char expected) {
        if (peek() != expected) {
            fail(std::string("no ") + expected);
        }
        ++at_;
    }

    void skip_space() {
        while (at_ < text_.size() &&
               std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos) {
            ++at_;
        }
    }

    [[noreturn]] void fail(std::string_view what) const {
        stop(what, std::string(origin_) + " at byte " + std::to_string(at_));
    }

    std::string_view text_;
    std::string_view origin_;
    std::size_t at_ = 0;
};

Json Json::parse(std::string_view text, std::string_view origin) {
    return JsonParser(text, origin).whole();
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

Bytes from_hex(std::string_view hex) {
    if (hex.size() % 2 != 0) {
        stop("an odd number of hex digits", hex);
    }
    Bytes bytes(hex.size() / 2);
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        const int high = hex_digit(hex[2 * index]);
        const int low = hex_digit(hex[2 * index + 1]);
        if (high < 0 || low < 0) {
            stop("not hex", hex);
        }
        bytes[index] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return bytes;
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
