#include "core/engine.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "io/epoll.h"

namespace ferry::core {
namespace {

constexpr std::string_view kZeroCopySend = "zeroCopySend";
constexpr std::string_view kBusyPoll = "busyPollMicroseconds";
constexpr std::string_view kSubmissionPolling = "submissionPolling";

std::string_view on_or_off(bool is_on) {
    return is_on ? "on" : "off";
}

io::UringRefusals refused_by_epoll(const config::Engine& wanted) {
    constexpr std::string_view kWhy = "it is a switch of io_uring, and this is epoll";
    io::UringRefusals refused;
    refused.zero_copy_send = wanted.zero_copy_send ? kWhy : "";
    refused.busy_poll = wanted.busy_poll_microseconds > 0 ? kWhy : "";
    refused.submission_polling = wanted.submission_polling ? kWhy : "";
    return refused;
}

}  // namespace

EngineChoice choose_engine(std::optional<BackendKind> wanted) {
    if (wanted == BackendKind::epoll) {
        return {BackendKind::epoll, "as asked"};
    }
    const std::string missing = io::uring_missing();
    if (!missing.empty()) {
        return {BackendKind::epoll, missing};
    }
    return {BackendKind::uring, {}};
}

io::Result<MadeEngine> make_engine(BackendKind kind, const config::Engine& wanted) {
    if (kind == BackendKind::epoll) {
        auto made = io::make_epoll();
        if (!made) {
            return std::unexpected(made.error());
        }
        return MadeEngine{std::move(*made), {kind, {}, refused_by_epoll(wanted)}};
    }
    auto made = io::make_uring({.zero_copy_send = wanted.zero_copy_send,
                                .busy_poll_microseconds = wanted.busy_poll_microseconds,
                                .submission_polling = wanted.submission_polling});
    if (!made) {
        return std::unexpected(made.error());
    }
    return MadeEngine{std::move(made->backend), {kind, made->on, std::move(made->refused)}};
}

std::string text_of(const EngineState& state) {
    return fmt::format("engine: {}, {}: {}, {}: {}, {}: {}",
                       state.kind == BackendKind::uring ? "io_uring" : "epoll", kZeroCopySend,
                       on_or_off(state.on.zero_copy_send), kBusyPoll,
                       state.on.busy_poll_microseconds, kSubmissionPolling,
                       on_or_off(state.on.submission_polling));
}

std::vector<std::string> refusals_of(const EngineState& state) {
    std::vector<std::string> lines;
    const auto tell = [&lines](std::string_view name, const std::string& why) {
        if (!why.empty()) {
            lines.push_back(fmt::format("engine.{} is refused, and off: {}", name, why));
        }
    };
    tell(kZeroCopySend, state.refused.zero_copy_send);
    tell(kBusyPoll, state.refused.busy_poll);
    tell(kSubmissionPolling, state.refused.submission_polling);
    return lines;
}

}  // namespace ferry::core
