#include "proto/vmess/headed.h"

#include <utility>

namespace ferry::proto::vmess {

Parsed<Opened> AwaitedResponse::open(ByteSpan in) {
    const std::size_t prefix_bytes =
        form_ == HeaderForm::aead ? kSealedU16Bytes : kPlainResponseBytesMin;
    if (in.size() < prefix_bytes) {
        return Opened{Opened::Kind::need, prefix_bytes, {}};
    }
    if (bytes_ == 0) {
        const auto bytes = bytes_behind(in.first(prefix_bytes));
        if (!bytes) {
            return std::unexpected(bytes.error());
        }
        bytes_ = *bytes;
    }
    if (in.size() < bytes_) {
        return Opened{Opened::Kind::need, bytes_, {}};
    }
    const auto response = open_whole(in.first(bytes_));
    if (!response) {
        return std::unexpected(response.error());
    }
    if (observer_) {
        if (const auto account = switch_account_of(*response)) {
            observer_->switch_account(*account);
        }
    }
    return Opened{Opened::Kind::data, bytes_, {}};
}

// Size of the whole header, whose front this is.
Parsed<std::size_t> AwaitedResponse::bytes_behind(ByteView prefix) const {
    switch (form_) {
        case HeaderForm::aead:
            return response_bytes(dispatch_, keys_, prefix);
        case HeaderForm::legacy:
            return legacy_response_bytes(dispatch_, keys_, tag_, prefix);
    }
    std::unreachable();
}

Parsed<Response> AwaitedResponse::open_whole(ByteSpan sealed) const {
    switch (form_) {
        case HeaderForm::aead:
            return open_response(dispatch_, keys_, tag_, sealed);
        case HeaderForm::legacy:
            return open_legacy_response(dispatch_, keys_, tag_, sealed);
    }
    std::unreachable();
}

}  // namespace ferry::proto::vmess
