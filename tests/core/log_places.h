// What the tests of the log's writer share: places to write to, and what to read in them.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/log_writer.h"

namespace ferry::core {

using config::LogTarget;
using std::chrono::milliseconds;

inline constexpr milliseconds kPatience{60000};

// A directory that goes with the test.
class LogPlaces : public testing::Test {
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

inline constexpr LogTarget::Kind kStandardOutput = LogTarget::Kind::standard_output;

inline config::Log settings(LogTarget access, LogTarget error) {
    config::Log log;
    log.access = std::move(access);
    log.error = std::move(error);
    return log;
}

inline std::unique_ptr<Log> opened(const config::Log& settings, Log::Options options = {}) {
    auto log = Log::open(settings, options);
    EXPECT_TRUE(log) << log.error();
    return log ? std::move(*log) : nullptr;
}

inline void push(LogQueue& queue, LogStream stream, std::string text) {
    queue.push({stream, WallTime(std::chrono::seconds(1700000000)), std::move(text)});
}

// The lines of a text without their times, which are checked for their shape.
inline std::vector<std::string> lines_of(const std::string& text) {
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
inline Tally tally(const std::vector<std::string>& lines) {
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

}  // namespace ferry::core
