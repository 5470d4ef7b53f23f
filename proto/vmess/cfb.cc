#include "proto/vmess/cfb.h"

#include <cassert>

#include "crypto/hash.h"

namespace ferry::proto::vmess {

void CfbStream::follow(ByteView header) noexcept {
    assert(header.size() <= kPlainResponseBytesMax);
    // The state of CFB is what went by; what came of it the header's own key stream has dealt with.
    std::array<std::uint8_t, kPlainResponseBytesMax> unused;
    cfb_.apply(header, ByteSpan(unused).first(header.size()));
}

ByteView OpenedCfbPayload::open_field(ByteView field) noexcept {
    assert(field.size() == field_.size());
    stream_.apply(field, field_);
    return field_;
}

bool OpenedCfbPayload::open(ByteSpan sealed) noexcept {
    stream_.apply(sealed);
    const ByteView payload = sealed.subspan(kFrontBytes);
    return crypto::load_be<std::uint32_t>(sealed.data()) == crypto::fnv1a(payload);
}

void SealedCfbPayload::seal(ByteView payload, ByteSpan to) noexcept {
    const ByteSpan checksum = to.first(kFrontBytes);
    crypto::store_be(checksum.data(), crypto::fnv1a(payload));
    stream_.apply(checksum);
    stream_.apply(payload, to.subspan(kFrontBytes));
}

Parsed<Opened> CfbRawOpener::open(ByteSpan in) {
    if (in.empty()) {
        return Opened{Opened::Kind::need, 1, {}};
    }
    stream_.apply(in);
    return Opened{Opened::Kind::data, in.size(), in};
}

std::size_t CfbRawSealer::seal(ByteView payload, ByteSpan to) {
    assert(payload.size() <= to.size());
    stream_.apply(payload, to.first(payload.size()));
    return payload.size();
}

}  // namespace ferry::proto::vmess
