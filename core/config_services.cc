// "api", "stats", "dns" and "reverse": sections that ask for services this program does not offer.
// What would only be missing brings a warning; what would send traffic another way is refused.
#include <fmt/format.h>

#include <algorithm>

#include "core/config_sections.h"
#include "core/config_words.h"

namespace ferry::core::config {

// Later: answered by the control API. Until then its tag leads into a black hole: the usual rule
// that points to it must not fail, and must not let its connections out.
void read_api(Report& report, std::optional<Value> value, std::vector<Outbound>& outbounds) {
    if (!value) {
        return;
    }
    Section section(report, *value);
    const std::string tag = section.text("tag");
    if (tag.empty()) {
        section.missing("tag", "the control API has no tag", "write \"tag\": \"api\"");
        return;
    }
    section.ignore("services");
    section.ignore("listen");
    section.finish();
    report.warning(*value, "the control API is not served; connections to its tag are closed",
                   "remove \"api\", its inbound and its rule");
    const bool is_taken = std::any_of(outbounds.begin(), outbounds.end(),
                                      [&](const Outbound& one) { return one.tag == tag; });
    if (!is_taken) {
        outbounds.push_back({tag, value->place(), std::nullopt, BlackholeOutbound{}, {}});
    }
}

bool read_stats(Report& report, std::optional<Value> value) {
    if (!value) {
        return false;
    }
    Section section(report, *value);
    section.finish();
    report.warning(*value, "nobody can ask for the counters, as the control API is not served", "");
    return true;
}

// Names are looked up by the servers of the system. Whoever maps names to other places, and lets
// "freedom" look them up, would reach other hosts than V2Ray does.
void check_dns(Report& report, std::optional<Value> value, std::span<const Outbound> outbounds) {
    if (!value) {
        return;
    }
    Section section(report, *value);
    const bool looks_up =
        std::any_of(outbounds.begin(), outbounds.end(), [](const Outbound& outbound) {
            const auto* freedom = std::get_if<FreedomOutbound>(&outbound.settings);
            return freedom != nullptr &&
                   freedom->strategy != FreedomOutbound::DomainStrategy::as_is;
        });
    if (looks_up) {
        section.refuse("hosts", "names cannot be mapped to other places",
                       "remove it, or set \"domainStrategy\" of freedom to AsIs, where it has no "
                       "effect");
    } else {
        section.ignore("hosts");
    }
    if (value->size() > 0) {
        report.warning(*value, "this does nothing: the system's servers look up names",
                       "remove it");
    }
}

void check_reverse(Report& report, std::optional<Value> value) {
    if (!value) {
        return;
    }
    Section section(report, *value);
    section.refuse("bridges", "reverse proxies are not supported", "remove it");
    section.refuse("portals", "reverse proxies are not supported", "remove it");
    section.finish();
}

}  // namespace ferry::core::config
