// The writer's promises: lines arrive whole and in their core's order, in files of mode 0600,
// through reopening and reloading.
//
// The places are real: files, pipes, sockets. No test waits for a time; where a wait has a limit,
// the limit is what a broken writer would run into.
#include "core/log_writer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/core/log_places.h"

namespace ferry::core {
namespace {

class LogWriter : public LogPlaces {};

TEST_F(LogWriter, WritesEachStreamToItsFile) {
    auto log = opened(settings(file("access"), file("error")));
    LogQueue& queue = log->add_queue();
    push(queue, LogStream::access, "one");
    push(queue, LogStream::error, "two");
    push(queue, LogStream::access, "three");
    EXPECT_TRUE(log->flush(kPatience));
    EXPECT_EQ(lines_of(contents("access")), (std::vector<std::string>{"one", "three"}));
    EXPECT_EQ(lines_of(contents("error")), (std::vector<std::string>{"two"}));
    EXPECT_EQ(log->counters().lost_lines, 0u);
    EXPECT_EQ(log->counters().write_errors, 0u);
}

TEST_F(LogWriter, MakesFilesThatOnlyTheirOwnerReads) {
    const mode_t before = ::umask(0);
    auto log = opened(settings(file("access"), file("error")));
    ::umask(before);
    for (const char* name : {"access", "error"}) {
        struct stat status = {};
        ASSERT_EQ(::stat(path(name).c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
    }
}

TEST_F(LogWriter, AppendsToWhatIsThere) {
    std::ofstream(path("error")) << "2024/01/01 00:00:00 before\n";
    auto log = opened(settings({}, file("error")));
    push(log->add_queue(), LogStream::error, "after");
    log->close(kPatience);
    EXPECT_EQ(lines_of(contents("error")), (std::vector<std::string>{"before", "after"}));
}

TEST_F(LogWriter, SaysWhichFileCannotBeOpened) {
    for (const bool access : {false, true}) {
        const LogTarget missing = file("missing/file.log");
        auto log = Log::open(access ? settings(missing, {}) : settings({}, missing));
        ASSERT_FALSE(log);
        EXPECT_NE(log.error().find(missing.path), std::string::npos) << log.error();
        EXPECT_NE(log.error().find("No such file or directory"), std::string::npos) << log.error();
    }
    EXPECT_FALSE(Log::open(settings({}, {LogTarget::Kind::file, directory_})));
}

TEST_F(LogWriter, RefusesANamedPipeThatNobodyReads) {
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    EXPECT_FALSE(Log::open(settings({}, file("pipe"))));
}

TEST_F(LogWriter, OpensNothingAtLevelNone) {
    config::Log silent = settings(file("missing/access"), file("missing/error"));
    silent.level = LogLevel::none;
    auto log = opened(silent);
    LogQueue& queue = log->add_queue();
    push(queue, LogStream::access, "a");
    push(queue, LogStream::error, "b");
    EXPECT_TRUE(log->flush(kPatience));
    EXPECT_EQ(log->counters().lost_lines, 0u) << "what nobody wants is not lost";
}

TEST_F(LogWriter, KeepsTheOrderOfStreamsThatShareAPlace) {
    Pipe pipe;
    auto log = opened(settings({kStandardOutput, {}}, {kStandardOutput, {}}),
                      {.standard_output = pipe.in()});
    LogQueue& queue = log->add_queue();
    std::string text;
    std::thread reader([&] { text = pipe.drained(); });
    std::vector<std::string> expected;
    for (int line = 0; line < 50; ++line) {
        expected.push_back("line " + std::to_string(line));
        push(queue, line % 3 == 0 ? LogStream::access : LogStream::error, expected.back());
    }
    log->close(kPatience);
    pipe.close_write();
    reader.join();
    EXPECT_EQ(lines_of(text), expected);
}

TEST_F(LogWriter, WritesXraysTimesWhenAsked) {
    auto log = opened(settings({}, file("error")), {.style = LogStyle::xray});
    push(log->add_queue(), LogStream::error, "x");
    log->close(kPatience);
    const std::string text = contents("error");
    EXPECT_EQ(text.size(), std::string("2023/11/14 22:13:20.000000 x\n").size()) << text;
    EXPECT_TRUE(text.ends_with(":20.000000 x\n")) << text;
}

TEST_F(LogWriter, TakesABurstLargerThanWhatASinkKeeps) {
    auto log = opened(settings({}, file("error")));
    LogQueue& queue = log->add_queue();
    const std::string text(1000, 'x');
    constexpr std::size_t kLines = 2 * kLogPendingBytesMax / 1000;
    static_assert(kLines < kLogQueueLinesMax);
    for (std::size_t line = 0; line < kLines; ++line) {
        push(queue, LogStream::error, text);
    }
    log->close(kPatience);
    EXPECT_EQ(lines_of(contents("error")).size(), kLines);
    EXPECT_EQ(log->counters().lost_lines, 0u);
}

TEST_F(LogWriter, WritesToASocket) {
    std::array<int, 2> ends = {-1, -1};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    auto log = opened(settings({}, {kStandardOutput, {}}), {.standard_output = ends[0]});
    LogQueue& queue = log->add_queue();
    push(queue, LogStream::error, "one");
    EXPECT_TRUE(log->flush(kPatience));
    std::array<char, 64> text = {};
    const ssize_t bytes = ::read(ends[1], text.data(), text.size());
    ASSERT_GT(bytes, 0);
    EXPECT_EQ(lines_of({text.data(), static_cast<std::size_t>(bytes)}).front(), "one");
    ::close(ends[1]);
    push(queue, LogStream::error, "two");
    log->close(kPatience);
    EXPECT_GE(log->counters().write_errors, 1u);
    ::close(ends[0]);
}

TEST_F(LogWriter, WritesToANewFileAfterReopen) {
    auto log = opened(settings(file("access"), file("error")));
    LogQueue& queue = log->add_queue();
    push(queue, LogStream::access, "old access");
    push(queue, LogStream::error, "old error");
    ASSERT_TRUE(log->flush(kPatience));
    std::filesystem::rename(path("access"), path("access.1"));
    std::filesystem::rename(path("error"), path("error.1"));
    push(queue, LogStream::access, "late access");
    ASSERT_TRUE(log->flush(kPatience));
    ASSERT_TRUE(log->reopen());
    push(queue, LogStream::access, "new access");
    push(queue, LogStream::error, "new error");
    log->close(kPatience);
    EXPECT_EQ(lines_of(contents("access.1")),
              (std::vector<std::string>{"old access", "late access"}));
    EXPECT_EQ(lines_of(contents("access")), (std::vector<std::string>{"new access"}));
    EXPECT_EQ(lines_of(contents("error.1")), (std::vector<std::string>{"old error"}));
    EXPECT_EQ(lines_of(contents("error")), (std::vector<std::string>{"new error"}));
}

TEST_F(LogWriter, KeepsItsFilesWhereReopenFails) {
    ASSERT_TRUE(std::filesystem::create_directory(path("logs")));
    auto log = opened(settings(file("logs/access"), file("error")));
    LogQueue& queue = log->add_queue();
    std::filesystem::rename(path("logs"), path("moved"));
    const auto reopened = log->reopen();
    ASSERT_FALSE(reopened);
    EXPECT_NE(reopened.error().find(path("logs/access")), std::string::npos) << reopened.error();
    push(queue, LogStream::access, "still here");
    log->close(kPatience);
    EXPECT_EQ(lines_of(contents("moved/access")), (std::vector<std::string>{"still here"}));
}

TEST_F(LogWriter, MovesToOtherPlacesOnAReload) {
    auto log = opened(settings(file("one"), file("one")));
    LogQueue& queue = log->add_queue();
    push(queue, LogStream::access, "a");
    push(queue, LogStream::error, "b");
    ASSERT_TRUE(log->flush(kPatience));
    ASSERT_TRUE(log->change(settings(file("two"), {})));
    push(queue, LogStream::access, "c");
    push(queue, LogStream::error, "d");
    log->close(kPatience);
    EXPECT_EQ(lines_of(contents("one")), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(lines_of(contents("two")), (std::vector<std::string>{"c"}));
}

TEST_F(LogWriter, ClosesTwiceAndTakesLinesAfterwards) {
    auto log = opened(settings({}, file("error")));
    LogQueue& queue = log->add_queue();
    log->close(kPatience);
    log->close(kPatience);
    push(queue, LogStream::error, "too late");
    log.reset();
    EXPECT_EQ(contents("error"), "");
}

// Two cores at once, while the supervisor reopens: every line is there, whole, and in its core's
// order. Run under the thread sanitizer, this is also the proof that nothing is shared by accident.
TEST_F(LogWriter, KeepsTheOrderOfEachCore) {
    constexpr int kLines = 20000;
    auto log = opened(settings(file("access"), {}), {.queue_lines = kLines});
    const auto produce = [&](LogQueue& queue, std::string name) {
        for (int line = 0; line < kLines; ++line) {
            push(queue, LogStream::access, name + std::to_string(line));
        }
    };
    LogQueue& first = log->add_queue();
    std::thread one(produce, std::ref(first), "a");
    LogQueue& second = log->add_queue();
    std::thread two(produce, std::ref(second), "b");
    for (int turn = 0; turn < 10; ++turn) {
        EXPECT_TRUE(log->reopen());
    }
    one.join();
    two.join();
    log->close(kPatience);
    EXPECT_EQ(log->counters().lost_lines, 0u);
    int next_a = 0;
    int next_b = 0;
    for (const std::string& line : lines_of(contents("access"))) {
        int& next = line.front() == 'a' ? next_a : next_b;
        ASSERT_EQ(line.substr(1), std::to_string(next)) << line;
        ++next;
    }
    EXPECT_EQ(next_a, kLines);
    EXPECT_EQ(next_b, kLines);
}

}  // namespace
}  // namespace ferry::core
