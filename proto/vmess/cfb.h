// Bodies under AES-128-CFB, the older cipher: one key stream per direction, over everything.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/block.h"
#include "crypto/dispatch.h"
#include "proto/codec.h"
#include "proto/vmess/chunk.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/limits.h"
#include "proto/vmess/request.h"

namespace ferry::proto::vmess {

// The key stream of one direction.
class CfbStream {
public:
    using Way = crypto::Cfb::Way;

    CfbStream(const crypto::Dispatch& dispatch, Way way, const BodyKeys& keys) noexcept
        : cfb_(*dispatch.aes128, way, keys.key, keys.iv) {}

    // The body goes on in the key stream of its header, as after an answer of the older form.
    //
    //   header  as apply() would take it: sealed where a body is opened, and plain where it is
    //           sealed; at most kPlainResponseBytesMax
    void follow(ByteView header) noexcept;

    void apply(ByteView from, ByteSpan to) noexcept { cfb_.apply(from, to); }
    void apply(ByteSpan bytes) noexcept { cfb_.apply(bytes, bytes); }

private:
    crypto::Cfb cfb_;
};

// The payload of a chunk: a checksum in front, and nothing that keeps anybody from changing both.
// Length fields and paddings are in the key stream too.
class CfbPayload {
public:
    static constexpr std::size_t kAddedBytes = kChecksumBytes;
    static constexpr std::size_t kFrontBytes = kChecksumBytes;
    static constexpr Fault kFault = Fault::bad_checksum;
    static constexpr bool kIsKept = false;

    void follow(ByteView header) noexcept { stream_.follow(header); }

protected:
    CfbPayload(const crypto::Dispatch& dispatch, CfbStream::Way way, const BodyKeys& keys) noexcept
        : stream_(dispatch, way, keys) {}

    CfbStream stream_;
};

class OpenedCfbPayload final : public CfbPayload {
public:
    OpenedCfbPayload(const crypto::Dispatch& dispatch, Security, const BodyKeys& keys) noexcept
        : CfbPayload(dispatch, CfbStream::Way::decrypt, keys) {}

    // Gives the plain field, valid until the next call. The one that stands on the wire stays: it
    // may not be finished with.
    ByteView open_field(ByteView field) noexcept;
    // Opens a checksum and a payload in place.
    [[nodiscard]] bool open(ByteSpan sealed) noexcept;
    void open_padding(ByteSpan padding) noexcept { stream_.apply(padding); }

private:
    std::array<std::uint8_t, kLengthBytes> field_{};
};

class SealedCfbPayload final : public CfbPayload {
public:
    SealedCfbPayload(const crypto::Dispatch& dispatch, Security, const BodyKeys& keys) noexcept
        : CfbPayload(dispatch, CfbStream::Way::encrypt, keys) {}

    // In the order of the wire, all three once per chunk.
    void seal_field(ByteSpan field) noexcept { stream_.apply(field); }
    void seal(ByteView payload, ByteSpan to) noexcept;
    void seal_padding(ByteSpan padding) noexcept { stream_.apply(padding); }
};

extern template class ChunkOpener<OpenedCfbPayload>;
extern template class ChunkSealer<SealedCfbPayload>;

using CfbChunkOpener = ChunkOpener<OpenedCfbPayload>;
using CfbChunkSealer = ChunkSealer<SealedCfbPayload>;

// A body without chunks: the bare key stream.
class CfbRawOpener final : public Opener {
public:
    CfbRawOpener(const crypto::Dispatch& dispatch, const BodyKeys& keys) noexcept
        : stream_(dispatch, CfbStream::Way::decrypt, keys) {}

    Parsed<Opened> open(ByteSpan in) override;
    bool may_end() const noexcept override { return true; }

    void follow(ByteView header) noexcept { stream_.follow(header); }

private:
    CfbStream stream_;
};

// Likewise.
class CfbRawSealer final : public Sealer {
public:
    CfbRawSealer(const crypto::Dispatch& dispatch, const BodyKeys& keys) noexcept
        : stream_(dispatch, CfbStream::Way::encrypt, keys) {}

    std::size_t payload_max() const noexcept override { return kPayloadBytesMax; }
    std::size_t added_max() const noexcept override { return 0; }
    std::size_t seal(ByteView payload, ByteSpan to) override;
    std::size_t header(ByteSpan) override { return 0; }
    std::size_t end(ByteSpan) override { return 0; }

    void follow(ByteView header) noexcept { stream_.follow(header); }

private:
    CfbStream stream_;
};

}  // namespace ferry::proto::vmess
