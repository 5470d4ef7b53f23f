// Router: which way out a session takes.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace ferry::core {

// Rules as look-ups. The first rule of the configuration that fits a session wins; a session that
// no rule fits takes the first outbound.
//
//   lifetime  immutable; part of the snapshot
class Router {
public:
    // Adds the next rule for an inbound; an earlier one for the same tag stays.
    void add(const std::string& inbound_tag, std::size_t outbound) {
        by_inbound_.try_emplace(inbound_tag, outbound);
    }

    std::size_t pick(std::string_view inbound_tag) const {
        const auto rule = by_inbound_.find(inbound_tag);
        return rule == by_inbound_.end() ? 0 : rule->second;
    }

private:
    std::map<std::string, std::size_t, std::less<>> by_inbound_;
};

}  // namespace ferry::core
