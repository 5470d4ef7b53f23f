// The kernels promise: each offers the linker its row, and no function that others could get. Cross
// builds run this too, over the kernels of their machine.
//
//   needs  FERRY_OBJECTS, the folder of the compiled crypto files; FERRY_NM, the program that lists
//          symbols
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace ferry::tidy {
namespace {

namespace fs = std::filesystem;

std::string setting(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// The objects that were built with instruction flags of their own. On S390x these are those of the
// vector facility; the message-security instructions need no flags.
bool is_kernel_object(const fs::path& path) {
    const std::string name = path.filename().string();
    const bool is_machine_file =
        name.starts_with("amd64_") || name.starts_with("arm64_") ||
        (name.starts_with("s390x_") && name.find("_vx.") != std::string::npos);
    const bool is_list =
        name.find("_rows.") != std::string::npos || name.find("_usable.") != std::string::npos;
    return is_machine_file && !is_list && name.ends_with(".o");
}

std::vector<fs::path> kernel_objects() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(setting("FERRY_OBJECTS"))) {
        if (entry.is_regular_file() && is_kernel_object(entry.path())) {
            found.push_back(entry.path());
        }
    }
    return found;
}

struct Symbol {
    std::string name;
    char type;  // as `nm` writes it: a capital letter if others see the symbol
};

// What `nm` says about the defined symbols of an object, a line each: name, type, value, size.
std::vector<Symbol> symbols_of(const fs::path& object) {
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
    std::vector<Symbol> symbols;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        std::istringstream words(line);
        Symbol symbol{};
        words >> symbol.name >> symbol.type;
        symbols.push_back(symbol);
    }
    return symbols;
}

// V, W: weak; u: unique in the program. A copy of each is kept for everybody.
bool is_shared(const Symbol& symbol) {
    return std::string_view("VvWwu").find(symbol.type) != std::string_view::npos;
}

// Without the symbols that a sanitizer adds: those are not in C++.
bool is_offered(const Symbol& symbol) {
    const bool is_global = symbol.type >= 'A' && symbol.type <= 'Z';
    return is_global && !is_shared(symbol) && symbol.name.starts_with("_Z");
}

class KernelObjects : public testing::Test {
protected:
    void SetUp() override {
        if (setting("FERRY_NM").empty()) {
            GTEST_SKIP() << "no program lists symbols here";
        }
        if (kernel_objects().empty()) {
            GTEST_SKIP() << "this build has no kernels";
        }
    }
};

TEST_F(KernelObjects, OfferNothingThatOthersCouldGet) {
    for (const fs::path& object : kernel_objects()) {
        const std::vector<Symbol> symbols = symbols_of(object);
        EXPECT_FALSE(symbols.empty()) << object;
        for (const Symbol& symbol : symbols) {
            EXPECT_FALSE(is_shared(symbol)) << object << ": " << symbol.name;
        }
    }
}

TEST_F(KernelObjects, OfferOneRow) {
    for (const fs::path& object : kernel_objects()) {
        std::string names;
        int offered = 0;
        for (const Symbol& symbol : symbols_of(object)) {
            if (is_offered(symbol)) {
                names += ' ' + symbol.name;
                ++offered;
            }
        }
        EXPECT_EQ(offered, 1) << object << ':' << names;
    }
}

}  // namespace
}  // namespace ferry::tidy
