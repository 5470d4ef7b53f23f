// A reader for the JSON files of tests/vectors: a file becomes a tree of values.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crypto/bytes.h"

namespace ferry::test {

using Bytes = std::vector<std::uint8_t>;

// One value of a JSON text, and all that is in it.
//
//   mistakes  a vector file is part of the test: whatever is not as expected (a missing key, a
//             value of another kind, odd hex) prints what and where, and ends the test program.
//             For files of others there are read(), find() and bytes_of_hex(), which end nothing
class Json {
public:
    enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
    using Member = std::pair<std::string, Json>;

    // Reads a whole text; `origin` names it in messages.
    static Json parse(std::string_view text, std::string_view origin);

    // The same, but gives what is wrong with the text, and at which byte.
    static std::expected<Json, std::string> read(std::string_view text);

    Kind kind() const { return kind_; }
    bool is_null() const { return kind_ == Kind::null; }
    bool has(std::string_view key) const;
    const Json* find(std::string_view key) const;  // of an object; nullptr if it has no such key

    bool truth() const;
    std::int64_t number() const;  // which is whole
    bool is_whole() const { return is_whole_; }
    const std::string& text() const;  // of a string
    Bytes bytes() const;              // of a string in hex
    const std::vector<Json>& items() const;
    const std::vector<Member>& members() const;  // in the order of the file
    const Json& operator[](std::string_view key) const;
    const Json& operator[](std::size_t index) const;

private:
    friend class JsonParser;

    void must_be(Kind kind) const;

    Kind kind_ = Kind::null;
    bool truth_ = false;
    bool is_whole_ = false;  // a number, and one that number_ holds
    std::int64_t number_ = 0;
    std::string text_;
    std::vector<Json> items_;
    std::vector<Member> members_;
};

// The file `name` of tests/vectors, for example "shake.json".
Json read_vectors(std::string_view name);

std::optional<Bytes> bytes_of_hex(std::string_view hex);  // nothing if it is not hex
Bytes from_hex(std::string_view hex);
std::string to_hex(ByteView bytes);

}  // namespace ferry::test
