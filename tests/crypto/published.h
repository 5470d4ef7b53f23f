// A reader for the files of published vectors that Debian ships with python3-cryptography: those of
// NIST's CAVP (.rsp) and those that the authors of `cryptography` wrote in the same way (.txt).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/vectors_json.h"

namespace ferry::test {

// One case: the fields of its paragraph, and those in brackets that stand above it. Names are in
// lower case. A field that is missing or not of its kind ends the test program, and says which.
class Record {
public:
    explicit Record(std::string origin) : origin_(std::move(origin)) {}

    bool has(const std::string& name) const { return fields_.contains(name); }
    const std::string& text(const std::string& name) const;
    std::size_t number(const std::string& name) const;
    Bytes bytes(const std::string& name) const;  // hex, or letters between quotation marks
    std::string place() const { return origin_ + ":" + text("line"); }  // for messages

    void set(const std::string& name, std::string value) { fields_[name] = std::move(value); }

private:
    std::string origin_;
    std::map<std::string, std::string> fields_;
};

// The cases of a file, by its path in the folder `cryptography_vectors`. A file that is not there,
// or has fewer than `cases_min` cases, is a failure of the test. Read once, for all rows.
const std::vector<Record>& published(std::string_view path, std::size_t cases_min);

}  // namespace ferry::test
