// From the command line and the environment to the texts of a configuration.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"

namespace ferry::core::config {

inline constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;
inline constexpr std::string_view kStandardInput = "stdin:";

// What the command line says about where the configuration is.
struct Arguments {
    std::vector<std::string> files;  // -config, in order
    std::string directory;           // -confdir; empty if not given
};

// Finds the files to read.
//
//   order  the files of `arguments`, then those of its directory or else of location.confdir;
//          if that gives none: ./config.json, then config.json in location.config, then standard
//          input. Each variable is looked for as v2ray.X, V2RAY_X and XRAY_X.
//   gives  paths for gather(), never none; `note` says where they come from, for the log
struct Found {
    std::vector<std::string> paths;
    std::string note;
    std::vector<Mistake> mistakes;  // a directory that was named and cannot be read
};
Found find_config(const Arguments& arguments, const Environment& environment);

// Reads the files; whatever cannot be read, or is larger than kFileBytesMax, is a mistake.
struct Gathered {
    std::vector<Source> sources;
    std::vector<Mistake> mistakes;
};
Gathered gather(std::span<const std::string> paths);

// A setting of the environment: "location.config" is looked for as v2ray.location.config,
// V2RAY_LOCATION_CONFIG and XRAY_LOCATION_CONFIG; what is empty counts as absent.
std::optional<std::string> variable(const Environment& environment, std::string_view name);

}  // namespace ferry::core::config
