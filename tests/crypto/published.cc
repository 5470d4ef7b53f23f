#include "tests/crypto/published.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <fstream>

namespace ferry::test {

namespace {

std::string trimmed(std::string_view text) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\r' || c == '\t'; };
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return std::string(text);
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

// "Name = value"; a name alone has the value "".
void add_field(Record& to, std::string_view line) {
    const std::size_t equals = line.find('=');
    const std::string name = lower(trimmed(line.substr(0, equals)));
    to.set(name, equals == std::string_view::npos ? "" : trimmed(line.substr(equals + 1)));
}

// Lines into paragraphs. A line in brackets holds for what follows; [ENCRYPT] and [DECRYPT] take
// each other's place.
class Paragraphs {
public:
    explicit Paragraphs(std::string path) : path_(std::move(path)), common_(path_) {}

    void take(const std::string& line) {
        ++line_;
        if (line.starts_with('#')) {
            return;
        }
        if (line.empty()) {
            finish();
        } else if (line.starts_with('[')) {
            finish();
            add_common(line.substr(1, line.find_last_of(']') - 1));
        } else {
            if (!is_begun_) {
                begin();
            }
            add_field(records_.back(), line);
        }
    }

    std::vector<Record> all() && { return std::move(records_); }

private:
    void begin() {
        records_.push_back(common_);
        records_.back().set("line", std::to_string(line_));
        is_begun_ = true;
    }

    void finish() { is_begun_ = false; }

    void add_common(const std::string& inside) {
        if (inside.find('=') == std::string::npos) {
            common_.set("section", inside);
        } else {
            add_field(common_, inside);
        }
    }

    std::string path_;
    Record common_;
    std::vector<Record> records_;
    std::size_t line_ = 0;
    bool is_begun_ = false;
};

[[noreturn]] void stop(const std::string& origin, const std::string& what) {
    std::fprintf(stderr, "%s: %s\n", origin.c_str(), what.c_str());
    std::abort();
}

std::vector<Record> read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file.is_open()) {
        ADD_FAILURE() << path << " cannot be read; Debian's package python3-cryptography-vectors "
                      << "has it, and .ci/install test installs that";
        return {};
    }
    Paragraphs paragraphs(path);
    std::string line;
    while (std::getline(file, line)) {
        paragraphs.take(trimmed(line));
    }
    return std::move(paragraphs).all();
}

}  // namespace

const std::string& Record::text(const std::string& name) const {
    const auto field = fields_.find(name);
    if (field == fields_.end()) {
        stop(origin_ + ":" + (has("line") ? text("line") : "?"), "there is no field " + name);
    }
    return field->second;
}

std::size_t Record::number(const std::string& name) const {
    const std::string& digits = text(name);
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        stop(place(), name + " is not a number");
    }
    return value;
}

Bytes Record::bytes(const std::string& name) const {
    const std::string& value = text(name);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
        return {value.begin() + 1, value.end() - 1};
    }
    const std::optional<Bytes> bytes = bytes_of_hex(value);
    if (!bytes) {
        stop(place(), name + " is not hex");
    }
    return *bytes;
}

const std::vector<Record>& published(std::string_view path, std::size_t cases_min) {
    static std::map<std::string, std::vector<Record>> read_already;
    // The build gives the folder, so that a test program can be run by hand from anywhere.
    const std::string whole = std::string(FERRY_PUBLISHED_DIR) + "/" + std::string(path);
    std::vector<Record>& records = read_already[whole];
    if (records.empty()) {
        records = read(whole);
    }
    EXPECT_GE(records.size(), cases_min) << whole << " has fewer cases than it should";
    return records;
}

}  // namespace ferry::test
