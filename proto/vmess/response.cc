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

Parsed<Response> parse_response(ByteView plain, std::uint8_t tag) {
    Reader from(plain);
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
    return parse_response(*plain, tag);
}

std::size_t seal_legacy_response(const crypto::Dispatch& dispatch, const BodyKeys& keys,
                                 ByteView plain, ByteSpan to) {
    assert(to.size() >= plain.size());
    crypto::Cfb cfb(*dispatch.aes128, crypto::Cfb::Way::encrypt, keys.key, keys.iv);
    cfb.apply(plain, to.first(plain.size()));
    return plain.size();
}

Parsed<std::size_t> legacy_response_bytes(const crypto::Dispatch& dispatch, const BodyKeys& keys,
                                          std::uint8_t tag, ByteView prefix) {
    assert(prefix.size() == kPlainResponseBytesMin);
    std::array<std::uint8_t, kPlainResponseBytesMin> plain;
    crypto::Cfb cfb(*dispatch.aes128, crypto::Cfb::Way::decrypt, keys.key, keys.iv);
    cfb.apply(prefix, plain);
    if (plain.front() != tag) {
        return std::unexpected(Fault::response_mismatch);
    }
    return plain.size() + plain.back();
}

Parsed<Response> open_legacy_response(const crypto::Dispatch& dispatch, const BodyKeys& keys,
                                      std::uint8_t tag, ByteView sealed) {
    assert(sealed.size() <= kPlainResponseBytesMax);
    std::array<std::uint8_t, kPlainResponseBytesMax> store;
    const ByteSpan plain = ByteSpan(store).first(sealed.size());
    crypto::Cfb cfb(*dispatch.aes128, crypto::Cfb::Way::decrypt, keys.key, keys.iv);
    cfb.apply(sealed, plain);
    return parse_response(plain, tag);
}

}  // namespace ferry::proto::vmess
