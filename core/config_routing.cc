// "routing": which outbound a connection takes, by the inbound that it came through.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/config_sections.h"
#include "core/config_words.h"

namespace ferry::core::config {
namespace {

struct RoutingStrategy {
    std::string_view name;
    Routing::DomainStrategy strategy;
};
constexpr std::array<RoutingStrategy, 4> kRoutingStrategies{{
    {"AsIs", Routing::DomainStrategy::as_is},
    {"AlwaysIp", Routing::DomainStrategy::use_ip},
    {"IpIfNonMatch", Routing::DomainStrategy::ip_if_non_match},
    {"IpOnDemand", Routing::DomainStrategy::ip_on_demand},
}};

Routing::DomainStrategy read_routing_strategy(Section& section) {
    const auto name = section.text_at("domainStrategy");
    if (!name || name->text.empty()) {
        return Routing::DomainStrategy::as_is;
    }
    for (const RoutingStrategy& known : kRoutingStrategies) {
        if (equal_ignoring_case(name->text, known.name)) {
            return known.strategy;
        }
    }
    section.report().warning(name->at,
                             fmt::format("{} is not a strategy; AsIs is used", shown(name->text)),
                             "use AsIs, IPIfNonMatch or IPOnDemand");
    return Routing::DomainStrategy::as_is;
}

// Reads rules one by one, and looks up the tags that they name.
class RuleReader {
public:
    RuleReader(Report& report, const Config& config) : report_(report), config_(config) {}

    std::optional<Rule> read(Value value);

private:
    void check_type(Section& section);
    bool refuse_conditions(Section& section);
    std::vector<std::string> read_inbounds(Value tags);
    std::optional<std::size_t> read_outbound(Section& section);

    Report& report_;
    const Config& config_;
};

std::optional<Rule> RuleReader::read(Value value) {
    Section section(report_, value);
    Rule rule;
    check_type(section);
    const bool is_refused = refuse_conditions(section);
    if (const auto tags = section.find("inboundTag")) {
        rule.inbound_tags = read_inbounds(*tags);
    }
    if (rule.inbound_tags.empty() && !is_refused) {
        section.missing("inboundTag", "the rule has no condition",
                        "name the inbounds that it is about");
    }
    const auto outbound = read_outbound(section);
    section.ignore("domainMatcher");
    section.ignore("ruleTag");
    section.finish();
    if (!outbound) {
        return std::nullopt;
    }
    rule.outbound = *outbound;
    return rule;
}

void RuleReader::check_type(Section& section) {
    const auto type = section.needed_text("type", "the rule has no type", "write \"field\"");
    if (type && !equal_ignoring_case(type->text, "field")) {
        report_.mistake(type->at, fmt::format("{} is not a type of rule", shown(type->text)),
                        "write \"field\"");
    }
}

// Later: conditions on the destination and the user. A rule without its condition would catch more
// than its author meant, so it is refused as a whole.
bool RuleReader::refuse_conditions(Section& section) {
    bool is_refused = false;
    for (const std::string_view key :
         {"domain", "domains", "ip", "port", "network", "source", "sourcePort", "user", "protocol",
          "attrs", "balancerTag", "localIP", "localPort", "process", "vlessRoute"}) {
        is_refused |= section.refuse(key, "this condition is not supported",
                                     "rules can only choose by \"inboundTag\"; remove the rule");
    }
    return is_refused;
}

std::vector<std::string> RuleReader::read_inbounds(Value value) {
    std::vector<std::string_view> known;
    for (const Inbound& inbound : config_.inbounds) {
        known.push_back(inbound.tag);
    }
    std::vector<std::string> tags = texts_of(report_, value);
    for (const std::string& tag : tags) {
        const bool exists =
            !tag.empty() && std::find(known.begin(), known.end(), tag) != known.end();
        if (!exists) {
            report_.warning(value, fmt::format("no inbound has the tag {}", shown(tag)),
                            suggestion(tag, known, "give the inbound this tag, or remove it here"));
        }
    }
    return tags;
}

std::optional<std::size_t> RuleReader::read_outbound(Section& section) {
    const auto tag =
        section.needed_text("outboundTag", "the rule leads nowhere", "name an outbound");
    if (!tag) {
        return std::nullopt;
    }
    std::vector<std::string_view> known;
    for (const Outbound& outbound : config_.outbounds) {
        known.push_back(outbound.tag);
    }
    // Of outbounds with one tag, V2Ray takes the last.
    const auto found = std::find(known.rbegin(), known.rend(), tag->text);
    if (tag->text.empty() || found == known.rend()) {
        report_.mistake(
            tag->at, fmt::format("no outbound has the tag {}", shown(tag->text)),
            suggestion(tag->text, known, "give the outbound this tag, or remove the rule"));
        return std::nullopt;
    }
    return static_cast<std::size_t>(known.rend() - found) - 1;
}

void read_rules(Section& section, RuleReader& reader, Routing& routing) {
    const auto list = section.list("rules");
    if (!list) {
        return;
    }
    for (const Value value : list->children()) {
        if (auto rule = reader.read(value)) {
            routing.rules.push_back(std::move(*rule));
        }
    }
}

}  // namespace

Routing read_routing(Report& report, std::optional<Value> value, const Config& config) {
    Routing routing;
    if (!value) {
        return routing;
    }
    Section section(report, *value);
    RuleReader reader(report, config);
    routing.strategy = read_routing_strategy(section);
    read_rules(section, reader, routing);
    Section settings(section, "settings");  // the old place, read behind the new one
    if (section.find("domainStrategy")) {
        settings.ignore("domainStrategy");
    } else {
        routing.strategy = read_routing_strategy(settings);
    }
    read_rules(settings, reader, routing);
    settings.finish();
    section.warn_of("balancers", "balancers are not supported",
                    "no rule can name them; remove them");
    section.ignore("strategy");
    section.ignore("domainMatcher");
    section.finish();
    return routing;
}

}  // namespace ferry::core::config
