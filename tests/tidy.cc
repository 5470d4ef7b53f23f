// The tree promises: every file follows the rules that can be seen in its text, and no kernel
// object offers the linker a function that others could get.
//
//   needs  FERRY_ROOT, the folder of the sources; FERRY_OBJECTS, the folder of the compiled crypto
//          files; FERRY_NM, the program that lists symbols
#include "tests/tidy/rules.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

namespace ferry::tidy {

// How GoogleTest names a rule in its messages.
static void PrintTo(const Rule& rule, std::ostream* to) {
    *to << rule.name;
}

namespace {

namespace fs = std::filesystem;

std::string setting(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

const std::vector<Source>& tree() {
    static const std::vector<Source> kTree = sources_under(setting("FERRY_ROOT"));
    return kTree;
}

class Tree : public testing::TestWithParam<Rule> {};

TEST_P(Tree, Follows) {
    ASSERT_FALSE(setting("FERRY_ROOT").empty());
    ASSERT_GT(tree().size(), 50u);
    for (const Source& source : tree()) {
        Findings findings;
        GetParam().check(source, findings);
        for (const Finding& finding : findings) {
            ADD_FAILURE() << finding.path << ':' << finding.line << ": " << finding.what;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Rules, Tree, testing::ValuesIn(rules().begin(), rules().end()),
                         [](const auto& rule) { return std::string(rule.param.name); });

// The objects that were built with instruction flags of their own.
bool is_kernel_object(const fs::path& path) {
    const std::string name = path.filename().string();
    const bool is_machine_file =
        name.starts_with("amd64_") || name.starts_with("arm64_") ||
        (name.starts_with("s390x_") && name.find("_vx.") != std::string::npos);
    const bool is_list =
        name.find("_rows.") != std::string::npos || name.find("_usable.") != std::string::npos;
    return is_machine_file && !is_list && name.ends_with(".o");
}

// What `nm` says about the defined symbols of an object, a line each: name, type, value, size.
std::vector<std::string> symbols_of(const fs::path& object) {
    const std::string command =
        setting("FERRY_NM") + " --defined-only --format=posix '" + object.string() + "'";
    std::FILE* output = popen(command.c_str(), "r");
    EXPECT_NE(output, nullptr);
    std::string text;
    std::array<char, 4'096> piece;
    for (std::size_t bytes = 1; bytes > 0;) {
        bytes = std::fread(piece.data(), 1, piece.size(), output);
        text.append(piece.data(), bytes);
    }
    EXPECT_EQ(pclose(output), 0) << command;
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

// V, W: weak; u: unique in the program. A copy of each is kept for everybody.
bool is_shared(const std::string& symbol) {
    const std::size_t type = symbol.find(' ') + 1;
    return type < symbol.size() &&
           std::string_view("VvWwu").find(symbol[type]) != std::string::npos;
}

TEST(KernelObjects, OfferNothingThatOthersCouldGet) {
    if (setting("FERRY_NM").empty()) {
        GTEST_SKIP() << "no program lists symbols here";
    }
    std::size_t objects = 0;
    for (const auto& entry : fs::recursive_directory_iterator(setting("FERRY_OBJECTS"))) {
        if (!entry.is_regular_file() || !is_kernel_object(entry.path())) {
            continue;
        }
        ++objects;
        const std::vector<std::string> symbols = symbols_of(entry.path());
        EXPECT_FALSE(symbols.empty()) << entry.path();
        for (const std::string& symbol : symbols) {
            EXPECT_FALSE(is_shared(symbol)) << entry.path() << ": " << symbol;
        }
    }
    if (objects == 0) {
        GTEST_SKIP() << "this build has no kernels";
    }
}

}  // namespace
}  // namespace ferry::tidy
