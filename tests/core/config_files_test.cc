// Where the files of a configuration are looked for, and what comes of files that cannot be read.
//
// Each test works in a directory of its own and makes it the working directory while it runs.
#include "core/config_files.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/core/config_cases.h"

namespace ferry::core::config {
namespace {

class Files : public testing::Test {
protected:
    void SetUp() override {
        before_ = std::filesystem::current_path();
        std::string pattern = (std::filesystem::temp_directory_path() / "ferryXXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        root_ = pattern;
        std::filesystem::current_path(root_);
    }
    void TearDown() override {
        std::filesystem::current_path(before_);
        std::filesystem::remove_all(root_);
    }

    void write(const std::string& path, std::string_view text = "{}") {
        const std::filesystem::path full = root_ / path;
        std::filesystem::create_directories(full.parent_path());
        std::ofstream(full, std::ios::binary) << text;
    }

    std::filesystem::path root_;

private:
    std::filesystem::path before_;
};

using Paths = std::vector<std::string>;
using Variables = std::map<std::string, std::string>;

Paths found(const Arguments& arguments, Variables variables = {}) {
    const Found result = find_config(arguments, environment_of(std::move(variables)));
    EXPECT_EQ(lines(result.mistakes), "");
    EXPECT_NE(result.note, "");
    return result.paths;
}

// ---- finding

TEST_F(Files, AreThoseOfTheCommandLineInItsOrder) {
    write("config.json");
    EXPECT_EQ(found({{"b.json", "a.json", "stdin:"}, ""}), (Paths{"b.json", "a.json", "stdin:"}));
}

TEST_F(Files, OfADirectoryComeByNameBehindTheOthers) {
    for (const char* name :
         {"d/10_b.json", "d/00_a.json", "d/x.jsonc", "d/y.JSON", "d/json", "d/z.json.bak"}) {
        write(name);
    }
    EXPECT_EQ(found({{}, "d"}), (Paths{"d/00_a.json", "d/10_b.json"}));
    EXPECT_EQ(found({{"z.json"}, "d"}), (Paths{"z.json", "d/00_a.json", "d/10_b.json"}));
}

TEST_F(Files, OfADirectoryMayBeNamedByTheEnvironment) {
    write("d/a.json");
    write("e/b.json");
    write("config.json");
    for (const char* name :
         {"v2ray.location.confdir", "V2RAY_LOCATION_CONFDIR", "XRAY_LOCATION_CONFDIR"}) {
        EXPECT_EQ(found({{}, ""}, {{name, "d"}}), (Paths{"d/a.json"})) << name;
    }
    EXPECT_EQ(found({{"z.json"}, ""}, {{"V2RAY_LOCATION_CONFDIR", "d"}}),
              (Paths{"z.json", "d/a.json"}));
    EXPECT_EQ(found({{}, "e"}, {{"V2RAY_LOCATION_CONFDIR", "d"}}), (Paths{"e/b.json"}));
    EXPECT_EQ(found({{}, ""}, {{"V2RAY_LOCATION_CONFDIR", "gone"}}), (Paths{"config.json"}));
}

TEST_F(Files, AreSearchedForIfNoneIsNamed) {
    write("e/config.json");
    std::filesystem::create_directory(root_ / "empty");
    EXPECT_EQ(found({}), (Paths{"stdin:"}));
    EXPECT_EQ(found({}, {{"V2RAY_LOCATION_CONFIG", "e"}}), (Paths{"e/config.json"}));
    EXPECT_EQ(found({}, {{"v2ray.location.config", "empty"}}), (Paths{"stdin:"}));
    EXPECT_EQ(found({{}, "empty"}, {{"V2RAY_LOCATION_CONFIG", "e"}}), (Paths{"e/config.json"}));
    write("config.json");
    EXPECT_EQ(found({}, {{"V2RAY_LOCATION_CONFIG", "e"}}), (Paths{"config.json"}));
}

TEST_F(Files, OfAMissingDirectoryAreAMistake) {
    const Found result = find_config({{}, "gone"}, environment_of({}));
    EXPECT_EQ(lines(result.mistakes),
              "gone: cannot read the directory: No such file or directory; check the path and its "
              "permissions\n");
}

// ---- reading

TEST_F(Files, AreReadAsTheyAre) {
    write("a.json", "{\r\n}");
    write("b.json", std::string("\xef\xbb\xbf{\0}", 6));
    const Gathered gathered = gather(Paths{"b.json", "a.json"});
    EXPECT_TRUE(gathered.mistakes.empty());
    ASSERT_EQ(gathered.sources.size(), 2U);
    EXPECT_EQ(gathered.sources[0].name, "b.json");
    EXPECT_EQ(gathered.sources[0].text, std::string("\xef\xbb\xbf{\0}", 6));
    EXPECT_EQ(gathered.sources[1].text, "{\r\n}");
}

TEST_F(Files, ThatCannotBeReadAreAllMistakes) {
    write("a.json");
    std::filesystem::create_directory(root_ / "d");
    const Gathered gathered = gather(Paths{"gone.json", "a.json", "d"});
    EXPECT_EQ(gathered.sources.size(), 1U);
    EXPECT_EQ(lines(gathered.mistakes),
              "gone.json: cannot be read: No such file or directory; check the path and its "
              "permissions\n"
              "d: cannot be read: Is a directory; check the path and its permissions\n");
}

TEST_F(Files, HaveALimit) {
    write("a.json", "{}");
    std::filesystem::resize_file(root_ / "a.json", kFileBytesMax + 1);
    const Gathered gathered = gather(Paths{"a.json"});
    EXPECT_EQ(lines(gathered.mistakes),
              "a.json: is larger than 64 MiB; split it into several files\n");
    EXPECT_TRUE(gathered.sources.empty());
}

TEST_F(Files, MayBeStandardInput) {
    write("input", "{\"log\": {}}");
    const int before = dup(STDIN_FILENO);
    ASSERT_NE(std::freopen("input", "rb", stdin), nullptr);
    const Gathered gathered = gather(Paths{"stdin:"});
    ASSERT_EQ(dup2(before, STDIN_FILENO), STDIN_FILENO);
    close(before);
    ASSERT_EQ(gathered.sources.size(), 1U);
    EXPECT_EQ(gathered.sources[0].name, "stdin:");
    EXPECT_EQ(gathered.sources[0].text, "{\"log\": {}}");
}

TEST(SystemEnvironment, TellsSetFromUnset) {
    setenv("FERRY_TEST_VARIABLE", "x", 1);
    EXPECT_EQ(system_environment()("FERRY_TEST_VARIABLE"), "x");
    setenv("FERRY_TEST_VARIABLE", "", 1);
    EXPECT_EQ(system_environment()("FERRY_TEST_VARIABLE"), "");
    unsetenv("FERRY_TEST_VARIABLE");
    EXPECT_EQ(system_environment()("FERRY_TEST_VARIABLE"), std::nullopt);
}

}  // namespace
}  // namespace ferry::core::config
