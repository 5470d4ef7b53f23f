// "engine": what io_uring can do besides, on hosts that are built for it. The section is ours, and
// V2Ray reads over it.
#include "core/config_sections.h"

namespace ferry::core::config {
namespace {

// A hundred times what the kernel's manual recommends where hundreds of sockets are polled
// (Documentation/admin-guide/sysctl/net.rst, busy_poll). More would only keep answers waiting.
constexpr Range kBusyPollMicroseconds{0, 10'000};

}  // namespace

Engine read_engine(Report& report, std::optional<Value> value) {
    Engine engine;
    if (!value) {
        return engine;
    }
    Section section(report, *value);
    engine.zero_copy_send = section.flag("zeroCopySend");
    if (const auto time = section.find("busyPollMicroseconds")) {
        const auto microseconds = whole_number(report, *time, kBusyPollMicroseconds);
        engine.busy_poll_microseconds = static_cast<std::uint32_t>(microseconds.value_or(0));
    }
    engine.submission_polling = section.flag("submissionPolling");
    section.finish();
    return engine;
}

}  // namespace ferry::core::config
