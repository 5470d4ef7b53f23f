#include "proto/vmess/body.h"

#include <array>
#include <optional>
#include <utility>

#include "proto/vmess/chunk.h"
#include "proto/vmess/headed.h"
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

Made<Opener> make_opener(const Direction& from, EarlyEnd early_end,
                         const std::optional<AwaitedResponse>& header) {
    const auto& [dispatch, request, shape, keys] = from;
    switch (request.security) {
        case Security::aes128_gcm:
        case Security::chacha20_poly1305:
            return std::make_unique<HeadedOpener<AeadChunkOpener>>(
                header, dispatch, request.security, shape, keys, early_end);
        case Security::none:
            if (shape.framing == Framing::raw) {
                return std::make_unique<HeadedOpener<RawOpener>>(header);
            }
            return std::make_unique<HeadedOpener<BareChunkOpener>>(
                header, dispatch, request.security, shape, keys, early_end);
        case Security::aes128_cfb:
            // Later: the older bodies, with an opener and a sealer of their own.
            return std::unexpected(Fault::bad_security);
    }
    std::unreachable();
}

Made<Sealer> make_sealer(const Direction& to, crypto::Random& random, DueHeader header) {
    const auto& [dispatch, request, shape, keys] = to;
    switch (request.security) {
        case Security::aes128_gcm:
        case Security::chacha20_poly1305:
            return std::make_unique<HeadedSealer<AeadChunkSealer>>(
                std::move(header), dispatch, random, request.security, shape, keys);
        case Security::none:
            if (shape.framing == Framing::raw) {
                return std::make_unique<HeadedSealer<RawSealer>>(std::move(header));
            }
            return std::make_unique<HeadedSealer<BareChunkSealer>>(
                std::move(header), dispatch, random, request.security, shape, keys);
        case Security::aes128_cfb:
            return std::unexpected(Fault::bad_security);
    }
    std::unreachable();
}

}  // namespace

Parsed<std::unique_ptr<Opener>> make_request_opener(const crypto::Dispatch& dispatch,
                                                    const Request& request) {
    return make_opener(up(dispatch, request), EarlyEnd::is_doubtful, std::nullopt);
}

Parsed<std::unique_ptr<Opener>> make_response_opener(const crypto::Dispatch& dispatch,
                                                     const Request& request) {
    const BodyKeys keys = response_keys(*dispatch.sha256, request.keys);
    return make_opener(down(dispatch, request, keys), EarlyEnd::is_end,
                       AwaitedResponse(dispatch, request.response_tag, keys));
}

Parsed<std::unique_ptr<Sealer>> make_request_sealer(const crypto::Dispatch& dispatch,
                                                    crypto::Random& random, const CommandKey& key,
                                                    std::int64_t unix_time,
                                                    const Request& request) {
    std::array<std::uint8_t, kSealedRequestBytesMax> header;
    const std::size_t bytes = seal_new_request(dispatch, random, key, unix_time, request, header);
    return make_sealer(up(dispatch, request), random, DueHeader(ByteView(header).first(bytes)));
}

Parsed<std::unique_ptr<Sealer>> make_response_sealer(const crypto::Dispatch& dispatch,
                                                     crypto::Random& random,
                                                     const Request& request) {
    const BodyKeys keys = response_keys(*dispatch.sha256, request.keys);
    Response response;
    response.tag = request.response_tag;
    std::array<std::uint8_t, kPlainResponseBytesMax> plain;
    const std::size_t plain_bytes = build_response(response, plain);
    std::array<std::uint8_t, kSealedResponseBytesMax> header;
    const std::size_t bytes =
        seal_response(dispatch, keys, ByteView(plain).first(plain_bytes), header);
    return make_sealer(down(dispatch, request, keys), random,
                       DueHeader(ByteView(header).first(bytes)));
}

}  // namespace ferry::proto::vmess
