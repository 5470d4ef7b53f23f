#include "proto/vmess/response.h"

#include <algorithm>
#include <cassert>

#include "proto/cursor.h"
#include "proto/vmess/header_seal.h"

namespace ferry::proto::vmess {
namespace {

HeaderSeal seal_of(const crypto::Dispatch& dispatch, const BodyKeys& keys,
                   const LabelPair& labels) {
    const SourcePair sources{.key = keys.key, .nonce = keys.iv};
    return HeaderSeal(dispatch, seal_keys(*dispatch.sha256, labels, sources), {});
}

HeaderSeal length_seal(const crypto::Dispatch& dispatch, const BodyKeys& keys) {
    return seal_of(dispatch, keys, {Label::response_length_key, Label::response_length_nonce});
}

HeaderSeal header_seal(const crypto::Dispatch& dispatch, const BodyKeys& keys) {
    return seal_of(dispatch, keys, {Label::response_key, Label::response_nonce});
}

}  // namespace

std::size_t build_response(const Response& response, ByteSpan to) noexcept {
    Writer header(to);
    header.u8(response.tag);
    header.u8(response.option);
    header.u8(response.command);
    header.u8(response.data_bytes);
    header.bytes(response.data());
    return header.at();
}

std::size_t seal_response(const crypto::Dispatch& dispatch, const BodyKeys& keys, ByteView plain,
                          ByteSpan to) {
    assert(plain.size() <= kPlainResponseBytesCap);
    Writer wire(to);
    length_seal(dispatch, keys).seal_length(plain.size(), wire.room(kSealedU16Bytes));
    header_seal(dispatch, keys).seal(plain, wire.room(plain.size() + crypto::kTagBytes));
    return wire.at();
}

Parsed<std::size_t> response_bytes(const crypto::Dispatch& dispatch, const BodyKeys& keys,
                                   ByteView prefix) {
    const auto header_bytes =
        length_seal(dispatch, keys)
            .open_length(prefix, {.least = kPlainResponseBytesMin, .most = kPlainResponseBytesCap});
    if (!header_bytes) {
        return std::unexpected(header_bytes.error());
    }
    return kSealedU16Bytes + *header_bytes + crypto::kTagBytes;
}

Parsed<Response> open_response(const crypto::Dispatch& dispatch, const BodyKeys& keys,
                               std::uint8_t tag, ByteSpan sealed) {
    assert(sealed.size() >= kSealedU16Bytes + crypto::kTagBytes);
    const auto plain = header_seal(dispatch, keys).open(sealed.subspan(kSealedU16Bytes));
    if (!plain) {
        return std::unexpected(plain.error());
    }
    Reader from(*plain);
    Response response;
    response.tag = from.u8();
    response.option = from.u8();
    response.command = from.u8();
    response.data_bytes = from.u8();
    const ByteView data = from.bytes(response.data_bytes);
    if (!from.ok()) {
        return std::unexpected(Fault::bad_length);
    }
    if (response.tag != tag) {
        return std::unexpected(Fault::response_mismatch);
    }
    std::ranges::copy(data, response.data_store.begin());
    return response;
}

}  // namespace ferry::proto::vmess
