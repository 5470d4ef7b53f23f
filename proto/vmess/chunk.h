// ChunkOpener and ChunkSealer: a body cut into chunks, sealed by an AEAD or bare. The older cipher
// brings its own payloads, in cfb.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "crypto/aead.h"
#include "crypto/dispatch.h"
#include "crypto/random.h"
#include "proto/codec.h"
#include "proto/vmess/chunk_length.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/limits.h"
#include "proto/vmess/request.h"
#include "proto/vmess/shape.h"

namespace ferry::proto::vmess {

// What payloads have in common that are sealed one by one: length fields and paddings stand around
// them as they are, and no key stream joins them with what went before.
struct PayloadAlone {
    static void follow(ByteView) noexcept {}
    static ByteView open_field(ByteView field) noexcept { return field; }
    static void open_padding(ByteSpan) noexcept {}
    static void seal_field(ByteSpan) noexcept {}
    static void seal_padding(ByteSpan) noexcept {}
};

// The payload of a chunk under AES-128-GCM or ChaCha20-Poly1305: ciphertext and tag.
class AeadPayload : public PayloadAlone {
public:
    static constexpr std::size_t kAddedBytes = crypto::kTagBytes;
    static constexpr std::size_t kFrontBytes = 0;  // of those, in front of the payload
    static constexpr Fault kFault = Fault::bad_tag;
    static constexpr bool kIsKept = false;  // Sealer::keeps_payload()

    AeadPayload(const crypto::Dispatch& dispatch, Security security, const BodyKeys& keys);

    // `sealed` holds payload and kAddedBytes; the payload is written over its ciphertext.
    [[nodiscard]] bool open(ByteSpan sealed) noexcept;
    // `to` has room for both.
    void seal(ByteView payload, ByteSpan to) noexcept;

private:
    // By itself: its alignment would cost the codec around it up to 128 bytes.
    std::unique_ptr<crypto::Aead> aead_;
    ChunkNonce nonce_;
};

// The payload of a chunk as it is: security `none`.
class BarePayload : public PayloadAlone {
public:
    static constexpr std::size_t kAddedBytes = 0;
    static constexpr std::size_t kFrontBytes = 0;
    static constexpr Fault kFault = Fault::bad_tag;  // never: anything is a payload
    static constexpr bool kIsKept = true;

    BarePayload(const crypto::Dispatch&, Security, const BodyKeys&) noexcept {}

    [[nodiscard]] bool open(ByteSpan) noexcept { return true; }
    void seal(ByteView payload, ByteSpan to) noexcept;
};

// What an end chunk means that comes before any data. Some clients send one while they wait for the
// target to speak, and go on later (vmess.md 18, "The early end chunk").
enum class EarlyEnd : std::uint8_t { is_end, is_doubtful };

// Opens the chunks of one direction.
//
//   need    never more than one chunk: a length field whose chunk is not there yet is finished with
//           at once, and remembered
//   end     a chunk without payload, verified like any other, whether or not the options promise
//           one
//   faults  the payload's own, bad_length; after_end for a byte behind the end, in the same input
//           or a later one; bad_tag for a sealed length
template <class Payload>
class ChunkOpener final : public Opener {
public:
    ChunkOpener(const crypto::Dispatch& dispatch, Security security, const BodyShape& shape,
                const ChunkKeys& keys, EarlyEnd early_end);

    Parsed<Opened> open(ByteSpan in) override;
    bool may_end() const noexcept override { return !due_; }

    // See CfbStream::follow().
    void follow(ByteView header) noexcept { payload_.follow(header); }

private:
    Parsed<Opened> open_chunk(ByteSpan in, std::size_t field_bytes, ChunkSize size);

    ChunkLengths lengths_;
    Payload payload_;
    std::optional<ChunkSize> due_;  // the chunk whose length has been read
    EarlyEnd early_end_;            // is_end from the first chunk on
    bool ended_ = false;
};

// Seals one direction into chunks. Under Units::datagrams a chunk is as large as its datagram needs
// it to be, and payload_max() is what fits whatever padding is drawn.
template <class Payload>
class ChunkSealer final : public Sealer {
public:
    // `random` fills the paddings.
    ChunkSealer(const crypto::Dispatch& dispatch, crypto::Random& random, Security security,
                const BodyShape& shape, const ChunkKeys& keys);

    std::size_t payload_max() const noexcept override;
    std::size_t added_max() const noexcept override;
    std::size_t seal(ByteView payload, ByteSpan to) override;
    bool keeps_payload() const noexcept override { return Payload::kIsKept; }
    Around seal_around(std::size_t payload_bytes, ByteSpan to) override;
    std::size_t header(ByteSpan) override { return 0; }
    std::size_t end(ByteSpan to) override;

    void follow(ByteView header) noexcept { payload_.follow(header); }

private:
    std::size_t seal_chunk(ByteView payload, ByteSpan to);

    ChunkLengths lengths_;
    Payload payload_;
    crypto::Random& random_;
    EndMark end_mark_;
    Units units_;
    bool ended_ = false;
};

extern template class ChunkOpener<AeadPayload>;
extern template class ChunkOpener<BarePayload>;
extern template class ChunkSealer<AeadPayload>;
extern template class ChunkSealer<BarePayload>;

// Sealed by AES-128-GCM or ChaCha20-Poly1305, and not sealed at all.
using AeadChunkOpener = ChunkOpener<AeadPayload>;
using AeadChunkSealer = ChunkSealer<AeadPayload>;
using BareChunkOpener = ChunkOpener<BarePayload>;
using BareChunkSealer = ChunkSealer<BarePayload>;

}  // namespace ferry::proto::vmess
