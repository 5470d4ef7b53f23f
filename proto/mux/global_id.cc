#include "proto/mux/global_id.h"

#include <algorithm>

#include "proto/text.h"

namespace ferry::proto::mux {

GlobalId GlobalIds::of(std::string_view source) const noexcept {
    const auto digest = crypto::hmac_sha256(sha256_, key_.view(), bytes_of(source));
    GlobalId id;
    std::copy_n(digest.begin(), id.size(), id.begin());
    if (id == GlobalId{}) {
        id.back() = 1;
    }
    return id;
}

}  // namespace ferry::proto::mux
