// Report and Section: reading values out of a tree and telling everything that is wrong with them.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/config_json.h"

namespace ferry::core::config {

// The mistakes and warnings of one load.
class Report {
public:
    void mistake(Mistake mistake);
    void warning(Mistake warning);

    // About a value.
    void mistake(Value at, std::string what, std::string remedy);
    void warning(Value at, std::string what, std::string remedy);
    // About the absence of `key` in the object `at`.
    void missing(Value at, std::string_view key, std::string what, std::string remedy);
    // About a key rather than its value.
    void key_warning(Value at, std::string what, std::string remedy);

    bool has_mistakes() const { return !mistakes_.empty(); }
    // Would one more warning be told? Saves looking for words that nobody reads.
    bool takes_warnings() const { return warnings_.size() < kMistakesMax; }

    // Moves everything into `loaded`, in the order of the files and of their lines.
    void hand_over(std::span<const Source> sources, Loaded& loaded);

private:
    // Warnings that differ only in the index of a list are told once and counted.
    struct Warning {
        Mistake first;
        std::string pattern;
        std::size_t repeats = 0;
    };

    bool has_seen(std::string_view pattern);

    std::vector<Mistake> mistakes_;
    std::vector<Warning> warnings_;
    std::size_t mistakes_dropped_ = 0;
    std::size_t warnings_dropped_ = 0;
};

// A string and where it stands.
struct Text {
    Value at;
    std::string_view text;
};

// One object of the configuration, read key by key.
//
//   keys      case does not matter; of the same key twice the last one counts, with a warning;
//             null is as absent
//   mistakes  a value of another kind is reported and read as absent
class Section {
public:
    // Null reads as an empty object; anything else but an object is a mistake.
    Section(Report& report, Value value);
    // The member `key` of another section; its absence reads as an empty object.
    Section(Section& parent, std::string_view key);

    Report& report() const { return report_; }

    std::optional<Value> find(std::string_view key);  // of any kind
    std::optional<Value> object(std::string_view key);
    std::optional<Value> list(std::string_view key);
    std::optional<Text> text_at(std::string_view key);
    std::string text(std::string_view key);  // absent: empty
    bool flag(std::string_view key);         // absent: false
    template <std::integral T>
    std::optional<T> number(std::string_view key);

    // The same for what must be there, with the words for its absence.
    std::optional<Text> needed_text(std::string_view key, std::string what, std::string remedy);
    // At least one entry.
    std::vector<Value> needed_list(std::string_view key, std::string what, std::string remedy);

    // Tells that `key` is needed, unless the section itself is wrong.
    void missing(std::string_view key, std::string what, std::string remedy);

    // Keys that are known to exist elsewhere and to do nothing here.
    void ignore(std::string_view key) { known_.push_back(key); }
    // Keys whose presence, unless empty, is worth a warning or is refused.
    void warn_of(std::string_view key, std::string what, std::string remedy);
    bool refuse(std::string_view key, std::string what, std::string remedy);  // gives: refused

    // Warns of all keys that were not asked for; the last call on a section.
    void finish();

private:
    void open(Value value);

    Report& report_;
    Value anchor_;           // the object, or where it should be
    std::string prefix_;     // what leads from the anchor to the object: "settings.", or nothing
    bool is_wrong_ = false;  // of another kind, which has been reported
    std::vector<Value> members_;
    std::vector<std::string_view> known_;
};

// Either a list of strings or one string with commas; blanks around each are cut off.
std::vector<std::string> texts_of(Report& report, Value value);

struct Range {
    std::int64_t least;
    std::int64_t most;
};
// A whole number without fraction or exponent, as V2Ray's parser wants it.
std::optional<std::int64_t> whole_number(Report& report, Value value, Range range);

template <std::integral T>
std::optional<T> number_of(Report& report, Value value) {
    static_assert(sizeof(T) < sizeof(std::int64_t));
    const Range range{std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    const auto number = whole_number(report, value, range);
    if (!number) {
        return std::nullopt;
    }
    return static_cast<T>(*number);
}

template <std::integral T>
std::optional<T> Section::number(std::string_view key) {
    const auto value = find(key);
    if (!value) {
        return std::nullopt;
    }
    return number_of<T>(report_, *value);
}

// null, false, 0, "", [] or {}: what a program writes that fills in every key.
bool is_empty(Value value);

}  // namespace ferry::core::config
