// The writer's promises: lines arrive whole and in order, in files of mode 0600; a place that is
// stuck, full or gone costs lines and never anything else, and the lines it costs are counted.
//
// The places are real: files, pipes, sockets, /dev/full. No test waits for a time; where a wait has
// a limit, the limit is what a broken writer would run into.
#include "core/log_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace ferry::core {
namespace {

using config::LogTarget;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{60000};

// A directory that goes with the test.
class LogWriter : public testing::Test {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "ferry-log-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string path(const std::string& name) const { return directory_ + "/" + name; }
    LogTarget file(const std::string& name) const { return {LogTarget::Kind::file, path(name)}; }
    std::string contents(const std::string& name) const {
        std::ifstream in(path(name));
        std::stringstream text;
        text << in.rdbuf();
        return text.str();
    }

    std::string directory_;
};

constexpr LogTarget::Kind kStandardOutput = LogTarget::Kind::standard_output;

config::Log settings(LogTarget access, LogTarget error) {
    config::Log log;
    log.access = std::move(access);
    log.error = std::move(error);
    return log;
}

std::unique_ptr<Log> opened(const config::Log& settings, Log::Options options = {}) {
    auto log = Log::open(settings, options);
    EXPECT_TRUE(log) << log.error();
    return log ? std::move(*log) : nullptr;
}

void push(LogQueue& queue, LogStream stream, std::string text) {
    queue.push({stream, WallTime(std::chrono::seconds(1700000000)), std::move(text)});
}

// The lines of a text without their times, which are checked for their shape.
std::vector<std::string> lines_of(const std::string& text) {
    constexpr std::size_t kTimeBytes = 20;
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        EXPECT_GE(line.size(), kTimeBytes) << line;
        EXPECT_EQ(line[4], '/') << line;
        EXPECT_EQ(line[13], ':') << line;
        EXPECT_EQ(line[19], ' ') << line;
        lines.push_back(line.substr(std::min(kTimeBytes, line.size())));
    }
    EXPECT_TRUE(text.empty() || text.ends_with('\n'));
    return lines;
}

// The sum of all "N lines lost" in a log, and how many other lines there are.
struct Tally {
    std::uint64_t lost = 0;
    std::uint64_t lines = 0;
};
Tally tally(const std::vector<std::string>& lines) {
    constexpr std::string_view kBefore = "[Warning] log: ";
    Tally sum;
    for (const std::string& line : lines) {
        if (!line.ends_with(" lines lost")) {
            ++sum.lines;
            continue;
        }
        EXPECT_TRUE(line.starts_with(kBefore)) << line;
        std::uint64_t lost = 0;
        std::from_chars(line.data() + kBefore.size(), line.data() + line.size(), lost);
        EXPECT_GT(lost, 0u) << line;
        sum.lost += lost;
    }
    return sum;
}

// Both ends of a pipe of the smallest size.
class Pipe {
public:
    Pipe() {
        EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0);
        EXPECT_GE(::fcntl(ends_[1], F_SETPIPE_SZ, 4096), 4096);
    }
    ~Pipe() {
        close_read();
        close_write();
    }
    Pipe(const Pipe&) = delete;
    int in() const { return ends_[1]; }
    void close_read() { close(ends_[0]); }
    void close_write() { close(ends_[1]); }
    // Everything until the last writer has gone.
    std::string drained() {
        std::string all;
        std::array<char, 4096> some;
        for (;;) {
            const ssize_t bytes = ::read(ends_[0], some.data(), some.size());
            if (bytes <= 0) {
                return all;
            }
            all.append(some.data(), static_cast<std::size_t>(bytes));
        }
    }

private:
    static void close(int& fd) {
        if (fd >= 0) {
            ::close(fd);
            fd = -1;
        }
    }
    std::array<int, 2> ends_{-1, -1};
};

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

// Fills everything between the queue and a pipe that nobody reads, until lines are lost.
std::uint64_t push_until_lost(Log& log, LogQueue& queue) {
    std::uint64_t pushed = 0;
    while (log.counters().lost_lines == 0) {
        push(queue, LogStream::error, "line " + std::to_string(pushed++));
    }
    return pushed;
}

TEST_F(LogWriter, CountsWhatAStuckPipeCostsAndSaysItOnce) {
    Pipe pipe;
    auto log = opened(settings({}, {kStandardOutput, {}}),
                      {.queue_lines = 16, .standard_output = pipe.in()});
    LogQueue& queue = log->add_queue();
    std::uint64_t pushed = push_until_lost(*log, queue);
    std::string text;
    std::thread reader([&] { text = pipe.drained(); });
    EXPECT_TRUE(log->flush(kPatience));
    push(queue, LogStream::error, "the end");
    ++pushed;
    EXPECT_TRUE(log->flush(kPatience));
    log->close(kPatience);
    pipe.close_write();
    reader.join();

    const std::vector<std::string> lines = lines_of(text);
    const Tally sum = tally(lines);
    EXPECT_EQ(sum.lines + sum.lost, pushed);
    EXPECT_EQ(sum.lost, log->counters().lost_lines);
    EXPECT_EQ(log->counters().write_errors, 0u);
    EXPECT_EQ(lines.front(), "line 0");
    EXPECT_EQ(lines.back(), "the end");
}

TEST_F(LogWriter, ServesOneStreamWhileTheOtherIsStuck) {
    Pipe pipe;
    auto log =
        opened(settings(file("access"), {kStandardOutput, {}}), {.standard_output = pipe.in()});
    LogQueue& queue = log->add_queue();
    push_until_lost(*log, queue);
    // The queue may be full at this moment; then the line is lost, and the next one is tried.
    while (contents("access").empty()) {
        push(queue, LogStream::access, "seen");
        std::this_thread::yield();
    }
    log->close(milliseconds(0));
    EXPECT_EQ(lines_of(contents("access")).front(), "seen");
}

TEST_F(LogWriter, EndsInFrontOfAStuckPipe) {
    Pipe pipe;
    auto log = opened(settings({}, {kStandardOutput, {}}), {.standard_output = pipe.in()});
    LogQueue& queue = log->add_queue();
    const std::uint64_t pushed = push_until_lost(*log, queue);
    EXPECT_FALSE(log->flush(milliseconds(1)));
    log->close(milliseconds(1));
    const std::uint64_t lost = log->counters().lost_lines;
    pipe.close_write();
    // The notice of the first losses may be among what was given up.
    const std::uint64_t written = tally(lines_of(pipe.drained())).lines;
    EXPECT_GE(written + lost, pushed);
    EXPECT_LE(written + lost, pushed + 1);
}

TEST_F(LogWriter, SurvivesAReaderThatHasGone) {
    Pipe pipe;
    pipe.close_read();
    auto log =
        opened(settings(file("access"), {kStandardOutput, {}}), {.standard_output = pipe.in()});
    LogQueue& queue = log->add_queue();
    push(queue, LogStream::error, "into the void");
    push(queue, LogStream::access, "kept");
    log->close(kPatience);
    EXPECT_GE(log->counters().write_errors, 1u);
    EXPECT_EQ(log->counters().lost_lines, 1u);
    EXPECT_EQ(lines_of(contents("access")), (std::vector<std::string>{"kept"}));
}

TEST_F(LogWriter, KeepsLinesOfAFullDiskForLater) {
    auto log = opened(settings({}, {LogTarget::Kind::file, "/dev/full"}));
    LogQueue& queue = log->add_queue();
    push(queue, LogStream::error, "one");
    while (log->counters().write_errors == 0) {
        std::this_thread::yield();
    }
    EXPECT_FALSE(log->flush(milliseconds(0)));
    push(queue, LogStream::error, "two");
    ASSERT_TRUE(log->change(settings({}, file("error"))));
    push(queue, LogStream::error, "three");
    EXPECT_TRUE(log->flush(kPatience));
    EXPECT_EQ(lines_of(contents("error")), (std::vector<std::string>{"one", "two", "three"}));
    EXPECT_EQ(log->counters().lost_lines, 0u);
}

TEST_F(LogWriter, LosesLinesOnADiskThatStaysFull) {
    auto log = opened(settings({}, {LogTarget::Kind::file, "/dev/full"}));
    LogQueue& queue = log->add_queue();
    const std::uint64_t pushed = push_until_lost(*log, queue);
    log->close(kPatience);
    const std::uint64_t lost = log->counters().lost_lines;
    EXPECT_GE(lost, pushed);
    EXPECT_LE(lost, pushed + 1) << "and the line that says so";
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
