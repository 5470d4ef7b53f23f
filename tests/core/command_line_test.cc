// The command line understands V2Ray's old flags and its new words, and says what it does not.
#include "core/command_line.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace ferry::core {
namespace {

std::expected<CommandLine, std::string> parse(std::initializer_list<const char*> arguments) {
    const std::vector<const char*> all(arguments);
    return parse_command_line(all);
}

using Action = CommandLine::Action;

TEST(CommandLine, RunsWithoutAWord) {
    const auto line = parse({});
    ASSERT_TRUE(line);
    EXPECT_EQ(line->action, Action::run);
    EXPECT_FALSE(line->embedded);
}

TEST(CommandLine, UnderstandsWords) {
    EXPECT_EQ(parse({"run"})->action, Action::run);
    EXPECT_EQ(parse({"test", "-c", "x"})->action, Action::test);
    EXPECT_EQ(parse({"version"})->action, Action::version);
    EXPECT_TRUE(parse({"version", "-v"})->verbose);
    EXPECT_EQ(parse({"uuid"})->action, Action::uuid);
    EXPECT_EQ(parse({"help"})->action, Action::help);
}

TEST(CommandLine, UnderstandsOldFlagsWithOneDashOrTwo) {
    EXPECT_EQ(parse({"-test"})->action, Action::test);
    EXPECT_EQ(parse({"--version"})->action, Action::version);
    EXPECT_TRUE(parse({"-format", "json"}));
    EXPECT_TRUE(parse({"--format=json"}));
    EXPECT_FALSE(parse({"-format", "protobuf"}));
}

TEST(CommandLine, CollectsFilesInOrder) {
    const auto line = parse({"run", "-c", "a", "--config=b", "-config", "c", "-confdir", "d"});
    ASSERT_TRUE(line);
    EXPECT_EQ(line->where.files, (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(line->where.directory, "d");
}

TEST(CommandLine, ReadsHowToRun) {
    const auto line = parse({"-cores", "3", "-backend=epoll", "-grace", "0", "-forbid-rows", "x*"});
    ASSERT_TRUE(line);
    EXPECT_EQ(line->options.cores, 3U);
    EXPECT_EQ(line->options.backend, BackendKind::epoll);
    EXPECT_EQ(line->options.grace, io::Duration::zero());
    EXPECT_EQ(line->options.forbidden_rows, "x*");
}

TEST(CommandLine, SaysWhereWhatOutlivesTheProcessIsKept) {
    const auto folder_of = [](std::initializer_list<const char*> arguments, const char* variable) {
        const auto line = parse(arguments);
        EXPECT_TRUE(line);
        return state_directory(*line, [variable](std::string_view name) {
            const bool is_set = name == "STATE_DIRECTORY" && variable != nullptr;
            return is_set ? std::optional<std::string>(variable) : std::nullopt;
        });
    };
    EXPECT_EQ(folder_of({}, nullptr), "");
    EXPECT_EQ(folder_of({"-state", "here"}, nullptr), "here");
    EXPECT_EQ(folder_of({"--state=here"}, "/var/lib/ringferry"), "here");
    EXPECT_EQ(folder_of({}, "/var/lib/ringferry"), "/var/lib/ringferry");
    EXPECT_EQ(folder_of({}, "/var/lib/ringferry:/var/lib/other"), "/var/lib/ringferry");
    EXPECT_EQ(folder_of({}, ""), "");
}

TEST(CommandLine, RefusesWithAWordAboutIt) {
    for (const auto& wrong : std::vector<std::vector<const char*>>{{"frobnicate"},
                                                                   {"run", "file.json"},
                                                                   {"-frob"},
                                                                   {"-c"},
                                                                   {"-cores", "0"},
                                                                   {"-cores", "many"},
                                                                   {"-cores", "1025"},
                                                                   {"-cores", "3x"},
                                                                   {"-backend", "kqueue"},
                                                                   {"-grace", "-1"},
                                                                   {"-state"},
                                                                   {"-state", ""}}) {
        const auto line = parse_command_line(wrong);
        ASSERT_FALSE(line) << wrong.front();
        EXPECT_FALSE(line.error().empty());
    }
}

TEST(CommandLine, HelpNamesEveryFlag) {
    for (const std::string_view flag :
         {"-c", "-config", "-confdir", "-default", "-cores", "-backend", "-grace", "-state",
          "-forbid-rows", "STATE_DIRECTORY"}) {
        EXPECT_NE(help_text().find(flag), std::string_view::npos) << flag;
    }
}

}  // namespace
}  // namespace ferry::core
