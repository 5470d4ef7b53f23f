#include "core/alternative_ids.h"

#include "crypto/hash.h"
#include "proto/text.h"

namespace ferry::core {

proto::vmess::UserId next_alternative(const proto::vmess::UserId& id) noexcept {
    constexpr std::string_view kSalt = "16167dc8-16b6-4e6d-b8bb-65dd68113a81";
    // For an id that is its own digest, of which none is known.
    constexpr std::string_view kMoreSalt = "533eff8a-4113-4b10-b5ce-0f5d76b98cd2";
    proto::vmess::UserId next = id;
    for (std::size_t more = 0; next == id; ++more) {
        crypto::Md5 hash;
        hash.update(id.bytes);
        hash.update(proto::bytes_of(kSalt));
        for (std::size_t times = 0; times < more; ++times) {
            hash.update(proto::bytes_of(kMoreSalt));
        }
        next.bytes = hash.finish();
    }
    return next;
}

}  // namespace ferry::core
