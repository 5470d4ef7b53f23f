// The sealed form of the request header; request.cc has the plain one.
#include <array>
#include <cassert>

#include "proto/cursor.h"
#include "proto/vmess/header_seal.h"
#include "proto/vmess/request.h"

namespace ferry::proto::vmess {
namespace {

// Of one request. Keys and nonces depend on both, and the auth id is authenticated with each part.
struct Names {
    ByteView auth_id;
    ByteView connection_nonce;
};

HeaderSeal seal_of(const crypto::Dispatch& dispatch, const CommandKey& key, const LabelPair& labels,
                   const Names& names) {
    const auto& [id, nonce] = names;
    const SourcePair sources{.key = key.view(), .nonce = key.view()};
    return HeaderSeal(dispatch, seal_keys(*dispatch.sha256, labels, sources, {id, nonce}), id);
}

HeaderSeal length_seal(const crypto::Dispatch& dispatch, const CommandKey& key,
                       const Names& names) {
    return seal_of(dispatch, key, {Label::request_length_key, Label::request_length_nonce}, names);
}

HeaderSeal header_seal(const crypto::Dispatch& dispatch, const CommandKey& key,
                       const Names& names) {
    return seal_of(dispatch, key, {Label::request_key, Label::request_nonce}, names);
}

}  // namespace

Parsed<std::size_t> request_bytes(const crypto::Dispatch& dispatch, const CommandKey& key,
                                  ByteView prefix) {
    assert(prefix.size() == kPrefixBytes);
    Reader from(prefix);
    const ByteView id = from.bytes(kAuthIdBytes);
    const ByteView length = from.bytes(kSealedU16Bytes);
    const ByteView nonce = from.bytes(kConnectionNonceBytes);

    const auto header_bytes =
        length_seal(dispatch, key, {id, nonce})
            .open_length(length, {.least = kPlainRequestBytesMin, .most = kPlainRequestBytesCap});
    if (!header_bytes) {
        return std::unexpected(header_bytes.error());
    }
    return kPrefixBytes + *header_bytes + crypto::kTagBytes;
}

Parsed<Request> open_request(const crypto::Dispatch& dispatch, const CommandKey& key,
                             ByteSpan sealed) {
    assert(sealed.size() >= kPrefixBytes + crypto::kTagBytes);
    const ByteView id = sealed.first(kAuthIdBytes);
    const ByteView nonce = sealed.first(kPrefixBytes).last(kConnectionNonceBytes);

    const auto plain = header_seal(dispatch, key, {id, nonce}).open(sealed.subspan(kPrefixBytes));
    if (!plain) {
        return std::unexpected(plain.error());
    }
    auto request = parse_request(*plain);
    crypto::wipe(plain->data(), plain->size());  // the body keys were in it
    return request;
}

std::size_t seal_request(const crypto::Dispatch& dispatch, const CommandKey& key, const AuthId& id,
                         std::span<const std::uint8_t, kConnectionNonceBytes> nonce, ByteView plain,
                         ByteSpan to) {
    assert(plain.size() <= kPlainRequestBytesCap);
    const Names names{.auth_id = id, .connection_nonce = nonce};
    Writer wire(to);
    wire.bytes(id);
    length_seal(dispatch, key, names).seal_length(plain.size(), wire.room(kSealedU16Bytes));
    wire.bytes(nonce);
    header_seal(dispatch, key, names).seal(plain, wire.room(plain.size() + crypto::kTagBytes));
    return wire.at();
}

std::size_t seal_new_request(const crypto::Dispatch& dispatch, crypto::Random& random,
                             const CommandKey& key, std::int64_t unix_time, const Request& request,
                             ByteSpan to) {
    assert(request.form == HeaderForm::aead);
    std::array<std::uint8_t, kAuthIdRandomBytes> id_random;
    random.fill(id_random);
    std::array<std::uint8_t, kConnectionNonceBytes> nonce;
    random.fill(nonce);

    const Key16 id_key = auth_id_key(*dispatch.sha256, key);
    const AuthId id = make_auth_id(*dispatch.aes128, id_key.view(), unix_time, id_random);
    std::array<std::uint8_t, kPlainRequestBytesMax> plain;
    const std::size_t plain_bytes = build_new_request(request, random, plain);
    const std::size_t bytes =
        seal_request(dispatch, key, id, nonce, ByteView(plain).first(plain_bytes), to);
    crypto::wipe(plain.data(), plain.size());  // the body keys were in it
    return bytes;
}

}  // namespace ferry::proto::vmess
