#include "core/config_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/config_words.h"

namespace ferry::core::config {

Value::Kind Value::kind() const {
    return document_->nodes_[index_].kind;
}

bool Value::truth() const {
    assert(kind() == Kind::boolean);
    return document_->nodes_[index_].truth;
}

std::string_view Value::text() const {
    assert(kind() == Kind::string || kind() == Kind::number);
    return document_->nodes_[index_].text;
}

std::string_view Value::key() const {
    return document_->nodes_[index_].key;
}

std::size_t Value::size() const {
    return document_->nodes_[index_].count;
}

std::vector<Value> Value::children() const {
    std::vector<Value> children;
    children.reserve(size());
    const std::uint32_t end = document_->nodes_[index_].end;
    for (std::uint32_t child = index_ + 1; child < end; child = document_->nodes_[child].end) {
        children.push_back({document_, child});
    }
    return children;
}

Place Value::place() const {
    return document_->place(document_->nodes_[index_].offset);
}

Place Value::key_place() const {
    return document_->place(document_->nodes_[index_].key_offset);
}

std::string Value::path() const {
    if (index_ == 0) {
        return {};
    }
    const Value parent(document_, document_->nodes_[index_].parent);
    const std::string above = parent.path();
    if (parent.kind() == Kind::array) {
        return fmt::format("{}[{}]", above, document_->nodes_[index_].position);
    }
    const std::string_view own = key();
    const bool is_plain =
        !own.empty() && own.size() <= 40 && std::all_of(own.begin(), own.end(), [](char letter) {
            return letter > ' ' && letter != '.' && letter != '[' && letter != '"' &&
                   letter < '\x7f';
        });
    const std::string name = is_plain ? std::string(own) : shown(own);
    return above.empty() ? name : fmt::format("{}.{}", above, name);
}

Document::Document(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)), lines_(text_) {}

Place Document::place(std::size_t offset) const {
    const LineTable::Position position = lines_.position(offset);
    return {name_, position.line, position.column};
}

}  // namespace ferry::core::config
