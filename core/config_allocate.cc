// "allocate" and detours: ports that come and go, and where clients are told to go on.
#include <fmt/format.h>

#include "core/config_sections.h"
#include "core/config_words.h"

namespace ferry::core::config {
namespace {

constexpr std::string_view kStrategyRemedy =
    "write \"always\" to listen on all ports of the range, or \"random\" for some of them in turn";
constexpr std::uint32_t kRefreshLeast = 2;  // minutes; the manual's

void check_random(Section& section, const Allocate& allocate, const PortRange& ports) {
    Report& report = section.report();
    const std::uint32_t count = std::uint32_t{ports.last} - ports.first + 1;
    const auto concurrency = section.find("concurrency");
    const Value at = concurrency ? *concurrency : *section.find("strategy");
    if (ports.first == 0) {
        report.mistake(at, "there is no range to choose from",
                       "give the inbound a range of ports, such as \"20000-20100\"");
        return;
    }
    if (allocate.concurrency == 0) {
        report.mistake(at, "with a concurrency of 0 no port would open", "write 1 or more");
        return;
    }
    // Those of one generation still listen while the next one's are open.
    if (2 * std::uint64_t{allocate.concurrency} > count) {
        report.mistake(
            at,
            fmt::format("{} ports at a time need a range of {} or more, and this has {}",
                        allocate.concurrency, 2 * std::uint64_t{allocate.concurrency}, count),
            "each port listens for twice \"refresh\"; widen the range or lower "
            "\"concurrency\"");
        return;
    }
    if (allocate.concurrency > count / 3) {
        report.warning(at, "this is more than a third of the range",
                       "the ports will repeat soon; widen the range or lower \"concurrency\"");
    }
    if (allocate.refresh_minutes < kRefreshLeast) {
        report.warning(
            section.find("refresh").value_or(at),
            "clients are told a validity of no more than a minute and hardly ever switch",
            "write 2 minutes or more");
    }
}

}  // namespace

Allocate read_allocate(Section& inbound, const PortRange& ports) {
    Allocate allocate;
    if (!inbound.object("allocate")) {
        return allocate;
    }
    Section section(inbound, "allocate");
    allocate.concurrency = section.number<std::uint32_t>("concurrency").value_or(3);
    allocate.refresh_minutes = section.number<std::uint32_t>("refresh").value_or(5);
    const auto strategy =
        section.needed_text("strategy", "there is no strategy", std::string(kStrategyRemedy));
    if (strategy && equal_ignoring_case(strategy->text, "random")) {
        allocate.strategy = Allocate::Strategy::random;
        check_random(section, allocate, ports);
    } else if (strategy && !equal_ignoring_case(strategy->text, "always")) {
        const bool is_external = equal_ignoring_case(strategy->text, "external");
        inbound.report().mistake(strategy->at,
                                 fmt::format("{} is not {}", shown(strategy->text),
                                             is_external ? "supported" : "a strategy"),
                                 std::string(kStrategyRemedy));
    }
    section.finish();
    return allocate;
}

void check_detours(Report& report, std::span<const Inbound> inbounds,
                   std::span<const Value> entries) {
    for (std::size_t index = 0; index < inbounds.size(); ++index) {
        const auto* vmess = std::get_if<VmessInbound>(&inbounds[index].settings);
        if (vmess == nullptr || vmess->detour.empty()) {
            continue;
        }
        const auto target =
            std::find_if(inbounds.begin(), inbounds.end(),
                         [&](const Inbound& inbound) { return inbound.tag == vmess->detour; });
        const Value at = entries[index];
        if (target == inbounds.end()) {
            report.warning(at,
                           fmt::format("its detour leads to {}, which no inbound is called",
                                       shown(vmess->detour)),
                           "clients stay on this port; name the tag of a VMess inbound");
            continue;
        }
        const auto* there = std::get_if<VmessInbound>(&target->settings);
        if (there == nullptr) {
            report.warning(
                at, fmt::format("its detour leads to {}, which is not VMess", shown(vmess->detour)),
                "clients stay on this port; name the tag of a VMess inbound");
            continue;
        }
        if (there->disable_insecure) {
            report.warning(at,
                           fmt::format("its detour leads to {}, which refuses aes-128-cfb",
                                       shown(vmess->detour)),
                           "V2Ray's clients use that on every detour, whatever they are configured "
                           "to; remove \"disableInsecureEncryption\" there");
        }
    }
}

}  // namespace ferry::core::config
