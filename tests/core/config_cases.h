// What the tests of the configuration share: loading texts, and tables of what is said about them.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace ferry::core::config {

// One text and what must be said about it.
struct Case {
    std::string_view text;
    std::string_view said;  // the front of the line, behind "c:"
};

inline constexpr std::string_view kId = "b831381d-6324-4d53-ad4f-8cda48b30811";

// No test reads the environment of the machine.
inline Environment environment_of(std::map<std::string, std::string> variables) {
    return [variables](std::string_view name) -> std::optional<std::string> {
        const auto found = variables.find(std::string(name));
        if (found == variables.end()) {
            return std::nullopt;
        }
        return found->second;
    };
}

inline Loaded loaded(std::string_view text) {
    const std::vector<Source> sources{{"c", std::string(text)}};
    return load(sources, environment_of({{"FERRY_PORT", "4000-4002"}}));
}

inline std::string lines(const std::vector<Mistake>& list) {
    std::string all;
    for (const Mistake& mistake : list) {
        all += text(mistake) + "\n";
    }
    return all;
}

// The configuration of a text that must load, whatever it is warned of.
inline Config config_of(std::string_view text) {
    const Loaded result = loaded(text);
    EXPECT_TRUE(result.config.has_value()) << text << "\n" << lines(result.mistakes);
    return result.config.value_or(Config{});
}

// The same, with nothing to be warned of.
inline Config clean_config_of(std::string_view text) {
    EXPECT_EQ(lines(loaded(text).warnings), "") << text;
    return config_of(text);
}

inline bool says(const std::vector<Mistake>& list, std::string_view said) {
    for (const Mistake& mistake : list) {
        if (text(mistake).starts_with("c:" + std::string(said))) {
            return true;
        }
    }
    return false;
}

// Each text is refused, with exactly one mistake, and that is the one.
inline void expect_refused(std::span<const Case> cases) {
    for (const Case& one : cases) {
        const Loaded result = loaded(one.text);
        EXPECT_FALSE(result.config.has_value()) << one.text;
        EXPECT_EQ(result.mistakes.size(), 1U) << one.text << "\n" << lines(result.mistakes);
        EXPECT_TRUE(says(result.mistakes, one.said))
            << one.text << "\nwanted " << one.said << "\ngot " << lines(result.mistakes);
    }
}

// Each text loads, with this among its warnings.
inline void expect_warned(std::span<const Case> cases) {
    for (const Case& one : cases) {
        const Loaded result = loaded(one.text);
        EXPECT_TRUE(result.config.has_value()) << one.text << "\n" << lines(result.mistakes);
        EXPECT_TRUE(says(result.warnings, one.said))
            << one.text << "\nwanted " << one.said << "\ngot " << lines(result.warnings);
    }
}

}  // namespace ferry::core::config
