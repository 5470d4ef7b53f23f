// Outbound: a way out.
#pragma once

#include <string>

#include "core/outcome.h"
#include "core/session.h"
#include "io/task.h"

namespace ferry::core {

// A way out. Opens the far end for a request that has been understood.
//
//   lifetime  part of the snapshot, shared by all cores
class Outbound {
public:
    explicit Outbound(std::string its_tag) : tag(std::move(its_tag)) {}
    virtual ~Outbound() = default;

    virtual io::Task<Step<End>> dial(Session& session) const = 0;

    const std::string tag;
};

}  // namespace ferry::core
