// Whatever is in the files of a configuration, it is loaded or refused, with every line told in one
// piece and at a place that exists.
//
//   input   one or two texts, split at the first zero byte
#include <algorithm>
#include <cassert>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace {

using namespace ferry::core;

// The lines of a text, and the bytes of the longest.
struct Shape {
    std::size_t lines = 1;
    std::size_t longest = 0;
};

Shape shape_of(std::string_view text) {
    Shape shape;
    std::size_t current = 0;
    for (const char letter : text) {
        current = letter == '\n' ? 0 : current + 1;
        shape.lines += letter == '\n' ? 1 : 0;
        shape.longest = std::max(shape.longest, current);
    }
    return shape;
}

void check_lines(const std::vector<config::Mistake>& list,
                 const std::vector<config::Source>& sources) {
    assert(list.size() <= config::kMistakesMax + 1);
    for (const config::Mistake& mistake : list) {
        const std::string line = text(mistake);
        assert(std::none_of(line.begin(), line.end(), [](char letter) {
            return static_cast<unsigned char>(letter) < 0x20;
        }));
        assert(!mistake.what.empty());
        const auto source =
            std::find_if(sources.begin(), sources.end(),
                         [&](const auto& one) { return one.name == mistake.place.file; });
        assert(source != sources.end());
        const Shape shape = shape_of(source->text);
        assert(mistake.place.line <= shape.lines);
        assert(mistake.place.column <= shape.longest + 1);
    }
}

// What the program relies on without looking again.
void check_config(const config::Config& config) {
    assert(config.inbounds.empty() || !config.outbounds.empty());
    for (const config::Inbound& inbound : config.inbounds) {
        assert(inbound.ports.first <= inbound.ports.last);
        assert(!inbound.listen || inbound.listen->kind != ferry::proto::Address::Kind::name);
        if (const auto* door = std::get_if<config::DokodemoInbound>(&inbound.settings)) {
            assert(door->target.kind != ferry::proto::Address::Kind::none);
        }
    }
    for (const config::Outbound& outbound : config.outbounds) {
        const auto* vmess = std::get_if<config::VmessOutbound>(&outbound.settings);
        if (vmess == nullptr) {
            continue;
        }
        assert(!vmess->servers.empty());
        for (const config::VmessServer& server : vmess->servers) {
            assert(!server.users.empty());
            assert(server.address.kind != ferry::proto::Address::Kind::none);
        }
    }
    for (const config::Rule& rule : config.routing.rules) {
        assert(!rule.inbound_tags.empty());
        assert(rule.outbound < config.outbounds.size());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
    const std::string whole(data, data + bytes);
    const std::size_t split = whole.find('\0');
    std::vector<config::Source> sources{{"first", whole.substr(0, split)}};
    if (split != std::string::npos) {
        sources.push_back({"second tail", whole.substr(split + 1)});
    }
    const config::Environment environment = [](std::string_view) { return std::string("1-2"); };
    const config::Loaded loaded = config::load(sources, environment);
    assert(loaded.config.has_value() == loaded.mistakes.empty());
    check_lines(loaded.mistakes, sources);
    check_lines(loaded.warnings, sources);
    if (loaded.config) {
        check_config(*loaded.config);
    }
    return 0;
}
