// The name and the number under which the program makes itself known.
#pragma once

#include <string_view>

namespace ferry::core {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace ferry::core
