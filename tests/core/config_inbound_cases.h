// One inbound of a configuration under test, and what is said about it.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "tests/core/config_cases.h"

namespace ferry::core::config {

// An inbound among an otherwise complete configuration; "inbounds[0]" begins in column 15.
inline std::string with(std::string_view inbound) {
    return "{\"inbounds\": [" + std::string(inbound) +
           "], \"outbounds\": [{\"protocol\": \"freedom\"}]}";
}

inline Inbound inbound_of(std::string_view inbound) {
    const Config config = config_of(with(inbound));
    return config.inbounds.empty() ? Inbound{} : config.inbounds.front();
}

template <class Settings>
Settings settings_of(std::string_view inbound) {
    const auto settings = inbound_of(inbound).settings;
    const auto* wanted = std::get_if<Settings>(&settings);
    EXPECT_NE(wanted, nullptr) << inbound;
    return wanted == nullptr ? Settings{} : *wanted;
}

struct Wrong {
    std::string_view inbound;
    std::string_view said;  // behind "1:COLUMN: inbounds[0]"
    std::uint32_t column;
};

inline void expect_wrong(std::span<const Wrong> cases) {
    for (const Wrong& one : cases) {
        const std::string text = with(one.inbound);
        const std::string said =
            "1:" + std::to_string(one.column) + ": inbounds[0]" + std::string(one.said);
        expect_refused(std::array{Case{text, said}});
    }
}

inline void expect_remark(std::span<const Wrong> cases) {
    for (const Wrong& one : cases) {
        const std::string text = with(one.inbound);
        const std::string said =
            "1:" + std::to_string(one.column) + ": inbounds[0]" + std::string(one.said);
        expect_warned(std::array{Case{text, said}});
    }
}

// ---- listen

}  // namespace ferry::core::config
