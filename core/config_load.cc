#include <cstdlib>
#include <memory>
#include <utility>

#include "core/config_files.h"
#include "core/config_sections.h"

namespace ferry::core::config {
namespace {

// From the merged sections to the Config.
Config read(const Merged& merged, const Environment& environment, Report& report) {
    Config config;
    config.log = read_log(report, merged.log);
    config.inbounds = read_inbounds(report, merged.inbounds, merged.port, environment);
    config.outbounds = read_outbounds(report, merged.outbounds);
    read_api(report, merged.api, config.outbounds);
    if (config.outbounds.empty() && !config.inbounds.empty()) {
        report.warning(merged.inbounds.front(), "there is no outbound; every connection is closed",
                       "add one, for example {\"protocol\": \"freedom\"}");
        config.outbounds.emplace_back().settings = BlackholeOutbound{};
    }
    config.routing = read_routing(report, merged.routing, config);
    config.policy = read_policy(report, merged.policy);
    config.stats = read_stats(report, merged.stats);
    config.engine = read_engine(report, merged.engine);
    check_dns(report, merged.dns, config.outbounds);
    check_reverse(report, merged.reverse);
    check_transport(report, merged.transport);
    const auto forced = variable(environment, "vmess.aead.forced");
    for (Inbound& inbound : config.inbounds) {
        if (auto* vmess = std::get_if<VmessInbound>(&inbound.settings)) {
            vmess->older_header_for_all = forced == "false";
        }
    }
    return config;
}

}  // namespace

Loaded load(std::span<const Source> sources, const Environment& environment) {
    Report report;
    std::vector<std::unique_ptr<const Document>> documents;
    std::vector<Value> roots;
    for (const Source& source : sources) {
        if (auto document = Document::parse(source, report)) {
            roots.push_back(document->root());
            documents.push_back(std::move(document));
        }
    }
    Loaded loaded;
    // With a text missing, what the others say about it would look wrong.
    if (!report.has_mistakes()) {
        Config config = read(merge(roots, report), environment, report);
        if (!report.has_mistakes()) {
            loaded.config = std::move(config);
        }
    }
    report.hand_over(sources, loaded);
    return loaded;
}

Environment system_environment() {
    return [](std::string_view name) -> std::optional<std::string> {
        const char* value = std::getenv(std::string(name).c_str());
        if (value == nullptr) {
            return std::nullopt;
        }
        return value;
    };
}

}  // namespace ferry::core::config
