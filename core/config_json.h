// Document and Value: a configuration text as a tree in which everything knows where it stands.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/config_text.h"

namespace ferry::core::config {

class Document;
class Report;
class TreeBuilder;

// One value of a document.
//
//   lifetime  a small handle; it and its views are valid as long as the Document
class Value {
public:
    enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

    Kind kind() const;
    bool truth() const;             // of a boolean
    std::string_view text() const;  // of a string, without escapes; of a number, as it is written
    std::string_view key() const;   // of a member of an object, without escapes

    std::size_t size() const;             // of an array or an object
    std::vector<Value> children() const;  // in the order of the text

    Place place() const;       // of the value
    Place key_place() const;   // of its key
    std::string path() const;  // "inbounds[0].port"; empty for the root

private:
    friend class Document;

    Value(const Document* document, std::uint32_t index) : document_(document), index_(index) {}

    const Document* document_;
    std::uint32_t index_;
};

// A parsed text. Neither copied nor moved: its values point to it.
class Document {
public:
    // Parses a text; mistakes and warnings go to `report`.
    //
    //   gives  null if there are mistakes
    static std::unique_ptr<const Document> parse(const Source& source, Report& report);

    Document(const Document&) = delete;

    Value root() const { return {this, 0}; }

private:
    friend class TreeBuilder;
    friend class Value;

    // The nodes lie in the order of the text: a value's children follow it, up to `end`.
    struct Node {
        std::string_view key;
        std::string_view text;
        std::uint32_t parent = 0;
        std::uint32_t end = 0;  // index behind the last node inside this one
        std::uint32_t offset = 0;
        std::uint32_t key_offset = 0;
        std::uint32_t count = 0;     // children
        std::uint32_t position = 0;  // among its parent's children
        Value::Kind kind = Value::Kind::null;
        bool truth = false;
    };

    Document(std::string name, std::string text);

    Place place(std::size_t offset) const;

    std::string name_;
    std::string text_;  // cleaned, with the parser's padding behind it
    LineTable lines_;
    std::vector<Node> nodes_;
    std::deque<std::string> unescaped_;  // what nodes point to if it differs from text_
};

}  // namespace ferry::core::config
