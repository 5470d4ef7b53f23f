#include "core/config_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <tuple>

#include "core/config_words.h"

namespace ferry::core::config {
namespace {

std::string_view name_of(Value::Kind kind) {
    switch (kind) {
        case Value::Kind::null:
            return "null";
        case Value::Kind::boolean:
            return "true or false";
        case Value::Kind::number:
            return "a number";
        case Value::Kind::string:
            return "a text";
        case Value::Kind::array:
            return "a list";
        case Value::Kind::object:
            return "an object";
    }
    std::unreachable();
}

std::string remedy_for(Value::Kind kind) {
    switch (kind) {
        case Value::Kind::null:
            return "remove it";
        case Value::Kind::boolean:
            return "write true or false, without quotes";
        case Value::Kind::number:
            return "write digits, without quotes";
        case Value::Kind::string:
            return "write it in double quotes";
        case Value::Kind::array:
            return "put it in [ ]";
        case Value::Kind::object:
            return "put it in { }";
    }
    std::unreachable();
}

// The value itself is not shown: it may be a password in the wrong place.
bool is_of_kind(Report& report, Value value, Value::Kind wanted) {
    if (value.kind() == wanted) {
        return true;
    }
    report.mistake(value,
                   fmt::format("is {}, and should be {}", name_of(value.kind()), name_of(wanted)),
                   remedy_for(wanted));
    return false;
}

// As many as a section has, give or take: one allocation instead of one per doubling, as there may
// be a section per user.
constexpr std::size_t kUsualKeys = 8;

// The path and words of a warning, without the indexes of lists.
std::string pattern_of(const Mistake& warning) {
    std::string pattern;
    bool is_index = false;
    for (const char letter : warning.path) {
        is_index = letter == '[' || (is_index && letter != ']');
        if (!is_index) {
            pattern += letter;
        }
    }
    return pattern + '\n' + warning.what;
}

// Orders by file and place, and tells how many were left out.
void arrange(std::vector<Mistake>& list, std::size_t dropped, std::span<const Source> sources) {
    const auto order = [&](const Mistake& mistake) {
        const auto file = std::find_if(sources.begin(), sources.end(), [&](const Source& source) {
            return source.name == mistake.place.file;
        });
        return std::tuple(file - sources.begin(), mistake.place.line, mistake.place.column,
                          std::string_view(mistake.path), std::string_view(mistake.what));
    };
    std::sort(list.begin(), list.end(),
              [&](const Mistake& a, const Mistake& b) { return order(a) < order(b); });
    if (dropped > 0) {
        const Place place{list.back().place.file, 0, 0};
        list.push_back({place, {}, fmt::format("and {} more", dropped), {}});
    }
}

}  // namespace

// ---- Report

void Report::mistake(Mistake mistake) {
    if (mistakes_.size() < kMistakesMax) {
        mistakes_.push_back(std::move(mistake));
    } else {
        ++mistakes_dropped_;
    }
}

void Report::warning(Mistake warning) {
    std::string pattern = pattern_of(warning);
    const auto seen = std::find_if(warnings_.begin(), warnings_.end(),
                                   [&](const Warning& old) { return old.pattern == pattern; });
    if (seen != warnings_.end()) {
        ++seen->repeats;
    } else if (takes_warnings()) {
        warnings_.push_back({std::move(warning), std::move(pattern), 0});
    } else {
        ++warnings_dropped_;
    }
}

void Report::mistake(Value at, std::string what, std::string remedy) {
    mistake({at.place(), at.path(), std::move(what), std::move(remedy)});
}

void Report::warning(Value at, std::string what, std::string remedy) {
    warning({at.place(), at.path(), std::move(what), std::move(remedy)});
}

void Report::missing(Value at, std::string_view key, std::string what, std::string remedy) {
    const std::string above = at.path();
    mistake({at.place(), above.empty() ? std::string(key) : fmt::format("{}.{}", above, key),
             std::move(what), std::move(remedy)});
}

void Report::key_warning(Value at, std::string what, std::string remedy) {
    warning({at.key_place(), at.path(), std::move(what), std::move(remedy)});
}

void Report::hand_over(std::span<const Source> sources, Loaded& loaded) {
    loaded.mistakes = std::move(mistakes_);
    for (Warning& warning : warnings_) {
        if (warning.repeats > 0) {
            warning.first.what += fmt::format(" (and {} times more)", warning.repeats);
        }
        loaded.warnings.push_back(std::move(warning.first));
    }
    arrange(loaded.mistakes, mistakes_dropped_, sources);
    arrange(loaded.warnings, warnings_dropped_, sources);
}

// ---- Section

Section::Section(Report& report, Value value) : report_(report), anchor_(value) {
    known_.reserve(kUsualKeys);
    open(value);
}

Section::Section(Section& parent, std::string_view key)
    : report_(parent.report_), anchor_(parent.anchor_) {
    if (const auto value = parent.find(key)) {
        anchor_ = *value;
        open(*value);
        return;
    }
    prefix_ = fmt::format("{}{}.", parent.prefix_, key);
    is_wrong_ = parent.is_wrong_;
}

void Section::open(Value value) {
    if (value.kind() == Value::Kind::null) {
        return;
    }
    is_wrong_ = !is_of_kind(report_, value, Value::Kind::object);
    if (!is_wrong_) {
        members_ = value.children();
    }
}

std::optional<Value> Section::find(std::string_view key) {
    const bool is_new = std::find(known_.begin(), known_.end(), key) == known_.end();
    if (is_new) {
        known_.push_back(key);
    }
    std::optional<Value> found;
    for (const Value member : members_) {
        if (!equal_ignoring_case(member.key(), key)) {
            continue;
        }
        if (found && is_new) {
            report_.key_warning(member, "this key stands here twice; the last one counts",
                                "remove one of them");
        }
        found = member;
    }
    if (found && found->kind() == Value::Kind::null) {
        return std::nullopt;
    }
    return found;
}

std::optional<Value> Section::object(std::string_view key) {
    const auto value = find(key);
    return value && is_of_kind(report_, *value, Value::Kind::object) ? value : std::nullopt;
}

std::optional<Value> Section::list(std::string_view key) {
    const auto value = find(key);
    return value && is_of_kind(report_, *value, Value::Kind::array) ? value : std::nullopt;
}

std::optional<Text> Section::text_at(std::string_view key) {
    const auto value = find(key);
    if (!value || !is_of_kind(report_, *value, Value::Kind::string)) {
        return std::nullopt;
    }
    return Text{*value, value->text()};
}

std::string Section::text(std::string_view key) {
    const auto found = text_at(key);
    return found ? std::string(found->text) : std::string();
}

bool Section::flag(std::string_view key) {
    const auto value = find(key);
    return value && is_of_kind(report_, *value, Value::Kind::boolean) && value->truth();
}

std::optional<Text> Section::needed_text(std::string_view key, std::string what,
                                         std::string remedy) {
    if (!find(key)) {
        missing(key, std::move(what), std::move(remedy));
    }
    return text_at(key);
}

std::vector<Value> Section::needed_list(std::string_view key, std::string what,
                                        std::string remedy) {
    const auto value = find(key);
    const bool is_wrong = value && !is_of_kind(report_, *value, Value::Kind::array);
    if (is_wrong) {
        return {};
    }
    if (!value || value->size() == 0) {
        missing(key, std::move(what), std::move(remedy));
        return {};
    }
    return value->children();
}

void Section::missing(std::string_view key, std::string what, std::string remedy) {
    if (is_wrong_) {
        return;
    }
    report_.missing(anchor_, prefix_ + std::string(key), std::move(what), std::move(remedy));
}

void Section::warn_of(std::string_view key, std::string what, std::string remedy) {
    const auto value = find(key);
    if (value && !is_empty(*value)) {
        report_.warning(*value, std::move(what), std::move(remedy));
    }
}

bool Section::refuse(std::string_view key, std::string what, std::string remedy) {
    const auto value = find(key);
    if (!value || is_empty(*value)) {
        return false;
    }
    report_.mistake(*value, std::move(what), std::move(remedy));
    return true;
}

void Section::finish() {
    for (const Value member : members_) {
        const bool is_known = std::any_of(known_.begin(), known_.end(), [&](std::string_view key) {
            return equal_ignoring_case(key, member.key());
        });
        if (!is_known) {
            std::string remedy = "remove it";
            if (report_.takes_warnings()) {
                remedy = suggestion(member.key(), known_, std::move(remedy));
            }
            report_.key_warning(member, "this key is not known and does nothing",
                                std::move(remedy));
        }
    }
}

// ---- values

std::vector<std::string> texts_of(Report& report, Value value) {
    std::vector<std::string> texts;
    if (value.kind() == Value::Kind::array) {
        for (const Value element : value.children()) {
            if (is_of_kind(report, element, Value::Kind::string)) {
                texts.emplace_back(trimmed(element.text()));
            }
        }
        return texts;
    }
    if (!is_of_kind(report, value, Value::Kind::string)) {
        return texts;
    }
    std::string_view rest = value.text();
    for (std::size_t comma = 0; comma != std::string_view::npos;) {
        comma = rest.find(',');
        texts.emplace_back(trimmed(rest.substr(0, comma)));
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
    return texts;
}

std::optional<std::int64_t> whole_number(Report& report, Value value, Range range) {
    if (!is_of_kind(report, value, Value::Kind::number)) {
        return std::nullopt;
    }
    const std::string_view digits = value.text();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    // "-0" is a number, but V2Ray's parser takes no sign where numbers cannot be negative.
    const bool is_whole = end == digits.data() + digits.size() &&
                          (range.least < 0 || !digits.starts_with('-') || number != 0);
    const bool is_inside = error == std::errc{} && number >= range.least && number <= range.most;
    if (!is_whole || !is_inside) {
        report.mistake(value,
                       fmt::format("{} is not a whole number from {} to {}", digits.substr(0, 30),
                                   range.least, range.most),
                       is_whole ? "choose one from that range"
                                : "write plain digits, without fraction and exponent");
        return std::nullopt;
    }
    return number;
}

bool is_empty(Value value) {
    switch (value.kind()) {
        case Value::Kind::null:
            return true;
        case Value::Kind::boolean:
            return !value.truth();
        case Value::Kind::number:
            return value.text() == "0";
        case Value::Kind::string:
            return value.text().empty();
        case Value::Kind::array:
        case Value::Kind::object:
            return value.size() == 0;
    }
    std::unreachable();
}

// ---- the line of a mistake

namespace {

// What a file contains is repeated in messages: no byte of it may move a terminal's cursor.
std::string printable(std::string_view text) {
    std::string clean;
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if (byte < 0x20 || byte == 0x7f) {
            clean += fmt::format("\\x{:02x}", byte);
        } else {
            clean += letter;
        }
    }
    return clean;
}

}  // namespace

std::string text(const Mistake& mistake) {
    std::string line = mistake.place.file;
    if (mistake.place.line > 0) {
        line += fmt::format(":{}:{}", mistake.place.line, mistake.place.column);
    }
    if (!mistake.path.empty()) {
        line += fmt::format(": {}", mistake.path);
    }
    line += fmt::format(": {}", mistake.what);
    if (!mistake.remedy.empty()) {
        line += fmt::format("; {}", mistake.remedy);
    }
    return printable(line);
}

}  // namespace ferry::core::config
