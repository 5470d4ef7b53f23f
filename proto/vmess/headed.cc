#include "proto/vmess/headed.h"

namespace ferry::proto::vmess {

Parsed<Opened> AwaitedResponse::open(ByteSpan in) {
    if (in.size() < kSealedU16Bytes) {
        return Opened{Opened::Kind::need, kSealedU16Bytes, {}};
    }
    if (bytes_ == 0) {
        const auto bytes = response_bytes(dispatch_, keys_, in.first(kSealedU16Bytes));
        if (!bytes) {
            return std::unexpected(bytes.error());
        }
        bytes_ = *bytes;
    }
    if (in.size() < bytes_) {
        return Opened{Opened::Kind::need, bytes_, {}};
    }
    const auto response = open_response(dispatch_, keys_, tag_, in.first(bytes_));
    if (!response) {
        return std::unexpected(response.error());
    }
    // Later: the server's instruction is in here; clients may ignore it.
    return Opened{Opened::Kind::data, bytes_, {}};
}

}  // namespace ferry::proto::vmess
