// The parser behind Document, and words for what it does not accept.
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/config_check.h"
#include "core/config_files.h"
#include "core/config_json.h"
#include "core/config_words.h"

namespace ferry::core::config {
namespace {

namespace ondemand = simdjson::ondemand;

enum class Container : std::uint8_t { object, array };

constexpr std::size_t kValuesMax = std::size_t{8} << 20;  // more than a million users need

bool is_digit(char letter) {
    return letter >= '0' && letter <= '9';
}

// Cuts the digits off the front; gives how many there were.
std::size_t cut_digits(std::string_view& text) {
    std::size_t count = 0;
    while (count < text.size() && is_digit(text[count])) {
        ++count;
    }
    text.remove_prefix(count);
    return count;
}

// The grammar of RFC 8259, section 6. Size does not matter here: who reads the number knows how
// large it may be.
bool is_number(std::string_view text) {
    if (text.starts_with('-')) {
        text.remove_prefix(1);
    }
    const bool has_leading_zero = text.starts_with('0');
    const std::size_t digits = cut_digits(text);
    if (digits == 0 || (has_leading_zero && digits > 1)) {
        return false;
    }
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (cut_digits(text) == 0) {
            return false;
        }
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        if (text.starts_with('+') || text.starts_with('-')) {
            text.remove_prefix(1);
        }
        if (cut_digits(text) == 0) {
            return false;
        }
    }
    return text.empty();
}

bool begins_word(char letter) {
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || letter == '_';
}

// The character at an offset, in quotes, for a message.
std::string character_at(std::string_view text, std::size_t at) {
    const std::size_t bytes = utf8_bytes(text.substr(at));
    return fmt::format("'{}'", text.substr(at, bytes));
}

Flaw endless() {
    return {0, "the text ends too early", "look for a missing bracket or value"};
}

}  // namespace

// Walks through the text once and appends a node for each value.
class TreeBuilder {
public:
    TreeBuilder(Document& document, std::size_t bytes) : document_(document), bytes_(bytes) {}

    // Gives what is wrong, if anything is.
    std::optional<Flaw> run();

private:
    // Each of these gives false, with the flaw set, where the text is wrong.
    bool value(ondemand::value json, Document::Node node);
    bool object(ondemand::value& json, std::uint32_t self);
    bool array(ondemand::value& json, std::uint32_t self);
    bool string(ondemand::value& json, Document::Node& node);
    bool scalar(ondemand::value& json, Document::Node& node);

    bool fail(std::size_t offset, std::string what, std::string remedy);
    bool fail_here(Container container);
    Flaw no_key(std::size_t at, std::size_t before) const;
    Flaw no_value(std::size_t at, std::size_t before) const;
    Flaw no_separator(std::size_t at, Container container) const;

    std::string_view text() const { return std::string_view(document_.text_).substr(0, bytes_); }
    std::size_t offset_of(const char* pointer) const {
        return static_cast<std::size_t>(pointer - document_.text_.data());
    }
    std::string_view kept(std::string_view unescaped, std::size_t offset);
    std::uint32_t add(const Document::Node& node);

    Document& document_;
    std::size_t bytes_;
    ondemand::parser parser_;
    ondemand::document json_;
    std::size_t scalar_end_ = 0;  // offset behind the last string, number or word that was a value
    Flaw flaw_;
};

std::optional<Flaw> TreeBuilder::run() {
    const simdjson::padded_string_view padded(document_.text_.data(), bytes_,
                                              document_.text_.size());
    // Each value but the first stands behind a comma, or a bracket that opens. Without this the
    // list would grow by doubling, and be copied and twice as large while it does.
    const auto begins = [](char letter) { return letter == ',' || letter == '{' || letter == '['; };
    const auto values = static_cast<std::size_t>(std::ranges::count_if(text(), begins)) + 1;
    document_.nodes_.reserve(std::min(values, kValuesMax));
    ondemand::value root;
    // The cleaned text has an object at its front and matching brackets, so only the lack of memory
    // can make these two fail.
    if (parser_.iterate(padded).get(json_) != simdjson::SUCCESS ||
        json_.get_value().get(root) != simdjson::SUCCESS) {
        return endless();
    }
    if (!value(root, {})) {
        return flaw_;
    }
    return std::nullopt;
}

bool TreeBuilder::fail(std::size_t offset, std::string what, std::string remedy) {
    flaw_ = {offset, std::move(what), std::move(remedy)};
    return false;
}

std::uint32_t TreeBuilder::add(const Document::Node& node) {
    const auto index = static_cast<std::uint32_t>(document_.nodes_.size());
    document_.nodes_.push_back(node);
    document_.nodes_.back().end = index + 1;
    return index;
}

// Points into the document's own text where nothing was escaped, which is nearly everywhere.
std::string_view TreeBuilder::kept(std::string_view unescaped, std::size_t offset) {
    const std::string_view written = text().substr(offset, unescaped.size());
    if (written == unescaped) {
        return written;
    }
    return document_.unescaped_.emplace_back(unescaped);
}

// `node` carries key and parent.
bool TreeBuilder::value(ondemand::value json, Document::Node node) {
    using Type = ondemand::json_type;
    Type type;
    const Container around =
        document_.nodes_.empty() || document_.nodes_[node.parent].kind == Value::Kind::object
            ? Container::object
            : Container::array;
    if (json.type().get(type) != simdjson::SUCCESS) {
        return fail_here(around);
    }
    node.offset = static_cast<std::uint32_t>(offset_of(json.raw_json_token().data()));
    if (document_.nodes_.size() == kValuesMax) {
        return fail(node.offset, fmt::format("there are more than {} values", kValuesMax),
                    "split the file");
    }
    switch (type) {
        case Type::object: {
            node.kind = Value::Kind::object;
            return object(json, add(node));
        }
        case Type::array: {
            node.kind = Value::Kind::array;
            return array(json, add(node));
        }
        case Type::string: {
            node.kind = Value::Kind::string;
            return string(json, node);
        }
        case Type::number:
        case Type::boolean:
        case Type::null:
            return scalar(json, node);
    }
    std::unreachable();
}

bool TreeBuilder::object(ondemand::value& json, std::uint32_t self) {
    ondemand::object members;
    if (json.get_object().get(members) != simdjson::SUCCESS) {
        return fail_here(Container::object);
    }
    for (auto found : members) {
        ondemand::field field;
        if (std::move(found).get(field) != simdjson::SUCCESS) {
            return fail_here(Container::object);
        }
        const std::size_t inside = offset_of(field.key().raw());  // behind the quote
        std::string_view key;
        if (field.unescaped_key().get(key) != simdjson::SUCCESS) {
            return fail(inside - 1, "this key has an escape that JSON does not know",
                        "write a backslash as two");
        }
        Document::Node node;
        node.key = kept(key, inside);
        node.key_offset = static_cast<std::uint32_t>(inside - 1);
        node.parent = self;
        node.position = document_.nodes_[self].count++;
        if (!value(field.value(), node)) {
            return false;
        }
    }
    document_.nodes_[self].end = static_cast<std::uint32_t>(document_.nodes_.size());
    return true;
}

bool TreeBuilder::array(ondemand::value& json, std::uint32_t self) {
    ondemand::array elements;
    if (json.get_array().get(elements) != simdjson::SUCCESS) {
        return fail_here(Container::array);
    }
    for (auto found : elements) {
        ondemand::value element;
        if (std::move(found).get(element) != simdjson::SUCCESS) {
            return fail_here(Container::array);
        }
        Document::Node node;
        node.parent = self;
        node.position = document_.nodes_[self].count++;
        if (!value(element, node)) {
            return false;
        }
    }
    document_.nodes_[self].end = static_cast<std::uint32_t>(document_.nodes_.size());
    return true;
}

bool TreeBuilder::string(ondemand::value& json, Document::Node& node) {
    const std::string_view token = trimmed(json.raw_json_token());
    std::string_view unescaped;
    if (json.get_string().get(unescaped) != simdjson::SUCCESS) {
        return fail(node.offset, "this text has an escape that JSON does not know",
                    "write a backslash as two");
    }
    if (unescaped.find('\0') != std::string_view::npos) {
        return fail(node.offset, "this text has a zero byte in it", "remove the \\u0000");
    }
    scalar_end_ = node.offset + token.size();
    node.text = kept(unescaped, node.offset + 1);
    add(node);
    return true;
}

bool TreeBuilder::scalar(ondemand::value& json, Document::Node& node) {
    const std::string_view token = trimmed(json.raw_json_token());
    scalar_end_ = node.offset + token.size();
    if (is_number(token)) {
        node.kind = Value::Kind::number;
        node.text = token;
    } else if (token == "true" || token == "false") {
        node.kind = Value::Kind::boolean;
        node.truth = token == "true";
    } else if (token != "null") {
        return fail(node.offset, "this is neither a number nor true, false or null",
                    "write text in double quotes");
    }
    add(node);
    return true;
}

// The parser has met something it did not expect: says what was to come there instead. Which of
// key, colon, value or comma that was follows from the character before.
bool TreeBuilder::fail_here(Container container) {
    const char* pointer = nullptr;
    if (json_.current_location().get(pointer) != simdjson::SUCCESS) {
        flaw_ = endless();
        return false;
    }
    const std::size_t at = offset_of(pointer);
    const std::size_t before = text().find_last_not_of(" \t\r\n", at == 0 ? 0 : at - 1);
    const char previous = text()[before];
    const bool is_after_key = previous == '"' && scalar_end_ != before + 1;
    if (previous == '{' || (previous == ',' && container == Container::object)) {
        flaw_ = no_key(at, before);
    } else if (is_after_key) {
        flaw_ = {at, "there is no colon behind the key", "write \"key\": value"};
    } else if (previous == ':' || previous == '[' || previous == ',') {
        flaw_ = no_value(at, before);
    } else {
        flaw_ = no_separator(at, container);
    }
    return false;
}

Flaw TreeBuilder::no_key(std::size_t at, std::size_t before) const {
    const char letter = text()[at];
    if (letter == '}' && text()[before] == ',') {
        return {before, "a comma stands behind the last entry", "remove the comma"};
    }
    if (letter == ',') {
        return {at, "a comma too many", "remove it"};
    }
    if (letter == '\'') {
        return {at, "a key in single quotes", "use double quotes"};
    }
    if (begins_word(letter)) {
        return {at, "a key without quotes", "write it in double quotes"};
    }
    return {at, fmt::format("{} where a key should come", character_at(text(), at)),
            "write keys in double quotes"};
}

Flaw TreeBuilder::no_value(std::size_t at, std::size_t before) const {
    const char letter = text()[at];
    const bool closes = letter == '}' || letter == ']';
    if (closes && text()[before] == ',') {
        return {before, "a comma stands behind the last entry", "remove the comma"};
    }
    if (closes) {
        return {at, "there is no value behind the colon", "write one, or remove the key"};
    }
    if (letter == ',') {
        return {at, "a comma where a value should come", "remove it, or write the value"};
    }
    if (letter == '\'') {
        return {at, "a text in single quotes", "use double quotes"};
    }
    if (begins_word(letter)) {
        return {at, "a text without quotes",
                "write it in double quotes; true, false and null are written in small letters"};
    }
    return {at, fmt::format("{} where a value should come", character_at(text(), at)),
            "write text in double quotes, and numbers with a digit or '-' in front"};
}

Flaw TreeBuilder::no_separator(std::size_t at, Container container) const {
    const char letter = text()[at];
    const bool begins_entry = letter == '"' || letter == '{' || letter == '[' || letter == '-' ||
                              is_digit(letter) || begins_word(letter);
    if (begins_entry) {
        return {at, "there is no comma before this", "put one behind the entry before"};
    }
    const char closing = container == Container::object ? '}' : ']';
    return {at,
            fmt::format("{} where a comma or '{}' should come", character_at(text(), at), closing),
            "look for a missing comma or a stray character"};
}

std::unique_ptr<const Document> Document::parse(const Source& source, Report& report) {
    if (source.text.size() > kFileBytesMax) {
        report.mistake({{source.name, 0, 0},
                        {},
                        fmt::format("is larger than {} MiB", kFileBytesMax >> 20),
                        "split it into several files"});
        return nullptr;
    }
    Cleaned cleaned = clean(source.text);
    const std::size_t bytes = cleaned.text.size();
    cleaned.text.append(simdjson::SIMDJSON_PADDING, ' ');
    std::unique_ptr<Document> document(new Document(source.name, std::move(cleaned.text)));
    std::optional<Flaw> flaw = std::move(cleaned.mistake);
    if (!flaw && cleaned.root == Cleaned::Root::null) {
        document->nodes_.emplace_back().end = 1;
    } else if (!flaw) {
        flaw = TreeBuilder(*document, bytes).run();
    }
    if (flaw) {
        report.mistake({document->place(flaw->offset), {}, flaw->what, flaw->remedy});
        return nullptr;
    }
    if (const auto& remark = cleaned.warning) {
        report.warning({document->place(remark->offset), {}, remark->what, remark->remedy});
    }
    return document;
}

}  // namespace ferry::core::config
