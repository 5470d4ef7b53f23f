// A place that is stuck, full or gone costs lines and never anything else; the lines that it costs
// are counted, and the log says so once there is room again.
//
// The places are real: pipes that nobody reads, pipes without a reader, /dev/full.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "core/log_writer.h"
#include "tests/core/log_places.h"

namespace ferry::core {
namespace {

class LogLoss : public LogPlaces {};

// Fills everything between the queue and a pipe that nobody reads, until lines are lost.
std::uint64_t push_until_lost(Log& log, LogQueue& queue) {
    std::uint64_t pushed = 0;
    while (log.counters().lost_lines == 0) {
        push(queue, LogStream::error, "line " + std::to_string(pushed++));
    }
    return pushed;
}

TEST_F(LogLoss, CountsWhatAStuckPipeCostsAndSaysItOnce) {
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

TEST_F(LogLoss, ServesOneStreamWhileTheOtherIsStuck) {
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

TEST_F(LogLoss, EndsInFrontOfAStuckPipe) {
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

TEST_F(LogLoss, SurvivesAReaderThatHasGone) {
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

TEST_F(LogLoss, KeepsLinesOfAFullDiskForLater) {
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

TEST_F(LogLoss, LosesLinesOnADiskThatStaysFull) {
    auto log = opened(settings({}, {LogTarget::Kind::file, "/dev/full"}));
    LogQueue& queue = log->add_queue();
    const std::uint64_t pushed = push_until_lost(*log, queue);
    log->close(kPatience);
    const std::uint64_t lost = log->counters().lost_lines;
    EXPECT_GE(lost, pushed);
    EXPECT_LE(lost, pushed + 1) << "and the line that says so";
}

}  // namespace
}  // namespace ferry::core
