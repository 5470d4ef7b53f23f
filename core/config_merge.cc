#include "core/config_merge.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/config_words.h"

namespace ferry::core::config {
namespace {

enum class Newcomer : std::uint8_t { goes_first, goes_last };

// What later files say replaces what earlier ones said, but not the other way round.
void replace(std::optional<Value>& kept, std::optional<Value> newer) {
    if (newer) {
        kept = newer;
    }
}

// The old spellings live beside the new lists and are replaced as wholes.
struct Lists {
    std::optional<Value> single;
    std::optional<Value> detours;
    std::vector<Value> entries;
};

std::vector<Value> joined(const Lists& lists) {
    std::vector<Value> all;
    if (lists.single) {
        all.push_back(*lists.single);
    }
    if (lists.detours) {
        const std::vector<Value> detours = lists.detours->children();
        all.insert(all.end(), detours.begin(), detours.end());
    }
    all.insert(all.end(), lists.entries.begin(), lists.entries.end());
    return all;
}

std::string_view tag_of(Value entry) {
    std::string_view tag;
    if (entry.kind() == Value::Kind::object) {
        for (const Value member : entry.children()) {
            const bool is_tag = equal_ignoring_case(member.key(), "tag");
            if (is_tag && member.kind() == Value::Kind::string) {
                tag = member.text();
            }
        }
    }
    return tag;
}

// A file with one entry: V2Ray takes the absence of a tag for a tag like any other.
void merge_one(std::vector<Value>& entries, Value entry, Newcomer newcomer, Report& report) {
    const std::string_view tag = tag_of(entry);
    const auto same =
        std::find_if(entries.begin(), entries.end(), [&](Value old) { return tag_of(old) == tag; });
    if (same == entries.end()) {
        entries.insert(newcomer == Newcomer::goes_first ? entries.begin() : entries.end(), entry);
        return;
    }
    if (tag.empty()) {
        const Place place = same->place();
        report.warning(entry,
                       fmt::format("this replaces the entry of {}, line {}: neither has a tag",
                                   place.file, place.line),
                       "give each a tag of its own");
    }
    *same = entry;
}

void merge_list(std::vector<Value>& entries, std::optional<Value> list, Newcomer newcomer,
                Report& report) {
    if (!list || list->size() == 0) {
        return;
    }
    const std::vector<Value> newer = list->children();
    if (!entries.empty() && newer.size() == 1) {
        merge_one(entries, newer.front(), newcomer, report);
        return;
    }
    if (!entries.empty()) {
        report.warning(*list,
                       fmt::format("these replace all {} of the files before", entries.size()),
                       "put each into a file of its own to add it");
    }
    entries = newer;
}

// Keys of other versions and relatives. V2Ray 4.34 reads over them, too.
void warn_of_others(Section& root) {
    constexpr std::string_view kWhat = "this section does nothing here";
    for (const std::string_view key :
         {"fakedns", "observatory", "burstObservatory", "multiObservatory", "browserForwarder",
          "services", "extension", "metrics"}) {
        root.warn_of(key, std::string(kWhat), "remove it");
    }
    root.warn_of("listen", "an address here does nothing", "move it into the inbound");
}

}  // namespace

Merged merge(std::span<const Value> roots, Report& report) {
    Merged merged;
    Lists inbounds;
    Lists outbounds;
    bool is_first = true;
    for (const Value root : roots) {
        Section section(report, root);
        replace(merged.log, section.object("log"));
        replace(merged.routing, section.object("routing"));
        replace(merged.policy, section.object("policy"));
        replace(merged.stats, section.object("stats"));
        replace(merged.api, section.object("api"));
        replace(merged.dns, section.object("dns"));
        replace(merged.reverse, section.object("reverse"));
        replace(merged.transport, section.object("transport"));
        replace(merged.engine, section.object("engine"));

        replace(inbounds.single, section.object("inbound"));
        replace(inbounds.detours, section.list("inboundDetour"));
        merge_list(inbounds.entries, section.list("inbounds"), Newcomer::goes_last, report);

        const bool is_tail = lower(root.place().file).find("tail") != std::string::npos;
        replace(outbounds.single, section.object("outbound"));
        replace(outbounds.detours, section.list("outboundDetour"));
        merge_list(outbounds.entries, section.list("outbounds"),
                   is_tail ? Newcomer::goes_last : Newcomer::goes_first, report);

        const auto port = section.find("port");
        if (is_first) {
            merged.port = port;
        } else if (port) {
            report.warning(*port, "a port here counts in the first file only",
                           "move it into the inbound");
        }
        is_first = false;
        warn_of_others(section);
        section.finish();
    }
    merged.inbounds = joined(inbounds);
    merged.outbounds = joined(outbounds);
    return merged;
}

}  // namespace ferry::core::config
