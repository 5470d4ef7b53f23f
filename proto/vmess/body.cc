#include "proto/vmess/body.h"

#include <array>
#include <optional>
#include <utility>

#include "proto/vmess/cfb.h"
#include "proto/vmess/chunk.h"
#include "proto/vmess/headed.h"
#include "proto/vmess/legacy_request.h"
#include "proto/vmess/raw.h"
#include "proto/vmess/shape.h"

namespace ferry::proto::vmess {
namespace {

template <class Codec>
using Made = Parsed<std::unique_ptr<Codec>>;

// Everything that a direction's codec is made from.
struct Direction {
    const crypto::Dispatch& dispatch;
    const Request& request;
    BodyShape shape;
    ChunkKeys keys;
};

Direction up(const crypto::Dispatch& dispatch, const Request& request) {
    return {dispatch, request, shape_of(request), {.own = request.keys, .request = request.keys}};
}

// `response` outlives what this gives.
Direction down(const crypto::Dispatch& dispatch, const Request& request, const BodyKeys& response) {
    return {dispatch, request, shape_of(request), {.own = response, .request = request.keys}};
}

BodyKeys keys_of_answer(const crypto::Dispatch& dispatch, const Request& request) {
    switch (request.form) {
        case HeaderForm::aead:
            return response_keys(*dispatch.sha256, request.keys);
        case HeaderForm::legacy:
            return legacy_response_keys(request.keys);
    }
    std::unreachable();
}

Made<Opener> make_opener(const Direction& from, EarlyEnd early_end,
                         std::unique_ptr<AwaitedResponse> header) {
    const auto& [dispatch, request, shape, keys] = from;
    const bool is_raw = shape.framing == Framing::raw;
    switch (request.security) {
        case Security::aes128_gcm:
        case Security::chacha20_poly1305:
            return std::make_unique<HeadedOpener<AeadChunkOpener>>(
                std::move(header), dispatch, request.security, shape, keys, early_end);
        case Security::none:
            if (is_raw) {
                return std::make_unique<HeadedOpener<RawOpener>>(std::move(header));
            }
            return std::make_unique<HeadedOpener<BareChunkOpener>>(
                std::move(header), dispatch, request.security, shape, keys, early_end);
        case Security::aes128_cfb:
            if (is_raw) {
                return std::make_unique<HeadedOpener<CfbRawOpener>>(std::move(header), dispatch,
                                                                    keys.own);
            }
            return std::make_unique<HeadedOpener<CfbChunkOpener>>(
                std::move(header), dispatch, request.security, shape, keys, early_end);
    }
    std::unreachable();
}

// A header that waits to be written, and what of it the key stream of the body goes on from.
struct Front {
    DueHeader sealed;
    ByteView before;
};

Made<Sealer> make_sealer(const Direction& to, crypto::Random& random, Front front) {
    const auto& [dispatch, request, shape, keys] = to;
    auto& [header, before] = front;
    const bool is_raw = shape.framing == Framing::raw;
    switch (request.security) {
        case Security::aes128_gcm:
        case Security::chacha20_poly1305:
            return std::make_unique<HeadedSealer<AeadChunkSealer>>(
                std::move(header), before, dispatch, random, request.security, shape, keys);
        case Security::none:
            if (is_raw) {
                return std::make_unique<HeadedSealer<RawSealer>>(std::move(header), before);
            }
            return std::make_unique<HeadedSealer<BareChunkSealer>>(
                std::move(header), before, dispatch, random, request.security, shape, keys);
        case Security::aes128_cfb:
            if (is_raw) {
                return std::make_unique<HeadedSealer<CfbRawSealer>>(std::move(header), before,
                                                                    dispatch, keys.own);
            }
            return std::make_unique<HeadedSealer<CfbChunkSealer>>(
                std::move(header), before, dispatch, random, request.security, shape, keys);
    }
    std::unreachable();
}

}  // namespace

Parsed<std::unique_ptr<Opener>> make_request_opener(const crypto::Dispatch& dispatch,
                                                    const Request& request) {
    return make_opener(up(dispatch, request), EarlyEnd::is_doubtful, nullptr);
}

Parsed<std::unique_ptr<Opener>> make_response_opener(const crypto::Dispatch& dispatch,
                                                     const Request& request,
                                                     std::unique_ptr<AccountObserver> observer) {
    const BodyKeys keys = keys_of_answer(dispatch, request);
    return make_opener(
        down(dispatch, request, keys), EarlyEnd::is_end,
        std::make_unique<AwaitedResponse>(dispatch, request, keys, std::move(observer)));
}

Parsed<std::unique_ptr<Sealer>> make_request_sealer(const crypto::Dispatch& dispatch,
                                                    crypto::Random& random, const CommandKey& key,
                                                    std::int64_t unix_time,
                                                    const Request& request) {
    std::array<std::uint8_t, kSealedRequestBytesMax> header;
    const std::size_t bytes = seal_new_request(dispatch, random, key, unix_time, request, header);
    return make_sealer(up(dispatch, request), random,
                       {DueHeader(ByteView(header).first(bytes)), {}});
}

Parsed<std::unique_ptr<Sealer>> make_request_sealer(const crypto::Dispatch& dispatch,
                                                    crypto::Random& random, const CommandKey& key,
                                                    const LegacyStamp& stamp,
                                                    const Request& request) {
    std::array<std::uint8_t, kLegacyRequestBytesMax> header;
    const std::size_t bytes =
        seal_new_legacy_request(dispatch, random, key, stamp, request, header);
    // Not in the key stream of its header: that one ends with it, and has another key.
    return make_sealer(up(dispatch, request), random,
                       {DueHeader(ByteView(header).first(bytes)), {}});
}

Parsed<std::unique_ptr<Sealer>> make_response_sealer(const crypto::Dispatch& dispatch,
                                                     crypto::Random& random, const Request& request,
                                                     const std::optional<SwitchAccount>& account) {
    Response response;
    response.tag = request.response_tag;
    if (account) {
        put_switch_account(*account, response);
    }
    std::array<std::uint8_t, kPlainResponseBytesMax> store;
    const ByteView plain = ByteView(store).first(build_response(response, store));

    const BodyKeys keys = keys_of_answer(dispatch, request);
    std::array<std::uint8_t, kSealedResponseBytesMax> header;
    const bool is_legacy = request.form == HeaderForm::legacy;
    const std::size_t bytes = is_legacy ? seal_legacy_response(dispatch, keys, plain, header)
                                        : seal_response(dispatch, keys, plain, header);
    return make_sealer(down(dispatch, request, keys), random,
                       {DueHeader(ByteView(header).first(bytes)), is_legacy ? plain : ByteView()});
}

}  // namespace ferry::proto::vmess
