// Addresses from their texts, for the tests of what keeps and sorts them.
#pragma once

#include <string>
#include <vector>

#include "core/resolver.h"

namespace ferry::core {

using Texts = std::vector<std::string>;

// Port 0; each text is a valid address.
inline Endpoints endpoints(const Texts& ips) {
    Endpoints result;
    for (const std::string& ip : ips) {
        result.push_back(io::Endpoint::from_literal(ip, 0).value());
    }
    return result;
}

}  // namespace ferry::core
