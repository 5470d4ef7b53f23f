// The figures of a run as one JSON object.
#pragma once

#include <string>

#include "perf/load/run.h"

namespace ferry::load {

// One line, with its end.
std::string json_of(const Run& run);

}  // namespace ferry::load
