#include "proto/vmess/chunk.h"

#include <algorithm>
#include <cassert>

#include "proto/vmess/cfb.h"

namespace ferry::proto::vmess {
namespace {

// What a stream that has ended says to further bytes: there may be none.
Parsed<Opened> after_end(ByteSpan in) {
    if (!in.empty()) {
        return std::unexpected(Fault::after_end);
    }
    return Opened{Opened::Kind::end, 0, {}};
}

}  // namespace

AeadPayload::AeadPayload(const crypto::Dispatch& dispatch, Security security, const BodyKeys& keys)
    : aead_(new crypto::Aead(aead_for(dispatch, security, keys.key))), nonce_(keys.iv) {}

bool AeadPayload::open(ByteSpan sealed) noexcept {
    const ByteSpan text = sealed.first(sealed.size() - kAddedBytes);
    return aead_->open(nonce_.next(), {}, text, text, sealed.last<kAddedBytes>());
}

void AeadPayload::seal(ByteView payload, ByteSpan to) noexcept {
    aead_->seal(nonce_.next(), {}, payload, to.first(payload.size()), to.last<kAddedBytes>());
}

void BarePayload::seal(ByteView payload, ByteSpan to) noexcept {
    std::ranges::copy(payload, to.begin());
}

template <class Payload>
ChunkOpener<Payload>::ChunkOpener(const crypto::Dispatch& dispatch, Security security,
                                  const BodyShape& shape, const ChunkKeys& keys, EarlyEnd early_end)
    : lengths_(dispatch, security, shape, keys),
      payload_(dispatch, security, keys.own),
      early_end_(early_end) {}

template <class Payload>
Parsed<Opened> ChunkOpener<Payload>::open(ByteSpan in) {
    if (ended_) {
        return after_end(in);
    }
    if (due_) {
        return in.size() < due_->bytes ? Opened{Opened::Kind::need, due_->bytes, {}}
                                       : open_chunk(in, 0, *due_);
    }
    const std::size_t field_bytes = lengths_.field_bytes();
    if (in.size() < field_bytes) {
        return Opened{Opened::Kind::need, field_bytes, {}};
    }
    const auto size = lengths_.open(payload_.open_field(in.first(field_bytes)));
    if (!size) {
        return std::unexpected(size.error());
    }
    if (size->bytes < Payload::kAddedBytes + size->padding_bytes) {
        return std::unexpected(Fault::bad_length);
    }
    if (in.size() - field_bytes < size->bytes) {
        // The words for this chunk are drawn and must not be drawn again.
        due_ = *size;
        return Opened{Opened::Kind::data, field_bytes, {}};
    }
    return open_chunk(in, field_bytes, *size);
}

// Opens a chunk that is there, whole, behind `field_bytes` of `in`.
template <class Payload>
Parsed<Opened> ChunkOpener<Payload>::open_chunk(ByteSpan in, std::size_t field_bytes,
                                                ChunkSize size) {
    const ByteSpan sealed = in.subspan(field_bytes, size.bytes - size.padding_bytes);
    if (!payload_.open(sealed)) {
        return std::unexpected(Payload::kFault);
    }
    payload_.open_padding(in.subspan(field_bytes + sealed.size(), size.padding_bytes));
    due_.reset();
    const std::size_t count = field_bytes + size.bytes;
    const bool is_early = early_end_ == EarlyEnd::is_doubtful;
    early_end_ = EarlyEnd::is_end;

    const ByteSpan payload =
        sealed.subspan(Payload::kFrontBytes, sealed.size() - Payload::kAddedBytes);
    if (!payload.empty()) {
        return Opened{Opened::Kind::data, count, payload};
    }
    if (is_early) {
        return Opened{Opened::Kind::maybe_end, count, {}};
    }
    ended_ = true;
    auto rest = after_end(in.subspan(count));
    if (rest) {
        rest->count = count;
    }
    return rest;
}

template <class Payload>
ChunkSealer<Payload>::ChunkSealer(const crypto::Dispatch& dispatch, crypto::Random& random,
                                  Security security, const BodyShape& shape, const ChunkKeys& keys)
    : lengths_(dispatch, security, shape, keys),
      payload_(dispatch, security, keys.own),
      random_(random),
      end_mark_(shape.end_mark),
      units_(shape.units) {}

template <class Payload>
std::size_t ChunkSealer<Payload>::payload_max() const noexcept {
    return units_ == Units::pieces
               ? kPayloadBytesMax
               : kChunkBytesMax - Payload::kAddedBytes - lengths_.padding_bytes_max();
}

template <class Payload>
std::size_t ChunkSealer<Payload>::added_max() const noexcept {
    return lengths_.field_bytes() + Payload::kAddedBytes + lengths_.padding_bytes_max();
}

template <class Payload>
std::size_t ChunkSealer<Payload>::seal(ByteView payload, ByteSpan to) {
    // An empty chunk would be the end of the stream.
    assert(!payload.empty());
    assert(payload.size() <= payload_max());
    assert(!ended_);
    return seal_chunk(payload, to);
}

template <class Payload>
Sealer::Around ChunkSealer<Payload>::seal_around(std::size_t payload_bytes, ByteSpan to) {
    if constexpr (!Payload::kIsKept) {
        return Sealer::seal_around(payload_bytes, to);
    }
    assert(payload_bytes > 0 && payload_bytes <= payload_max());
    assert(!ended_);
    const std::size_t field_bytes = lengths_.field_bytes();
    const ByteSpan field = to.first(field_bytes);
    const ChunkSize size = lengths_.seal(payload_bytes, field);
    random_.fill(to.subspan(field_bytes, size.padding_bytes));
    return {field_bytes, size.padding_bytes};
}

template <class Payload>
std::size_t ChunkSealer<Payload>::end(ByteSpan to) {
    if (ended_) {
        return 0;
    }
    ended_ = true;
    return end_mark_ == EndMark::on ? seal_chunk({}, to) : 0;
}

template <class Payload>
std::size_t ChunkSealer<Payload>::seal_chunk(ByteView payload, ByteSpan to) {
    assert(to.size() >= payload.size() + added_max());
    const std::size_t field_bytes = lengths_.field_bytes();
    const std::size_t sealed_bytes = payload.size() + Payload::kAddedBytes;
    const ByteSpan field = to.first(field_bytes);
    const ChunkSize size = lengths_.seal(sealed_bytes, field);
    payload_.seal_field(field);
    payload_.seal(payload, to.subspan(field_bytes, sealed_bytes));
    const ByteSpan padding = to.subspan(field_bytes + sealed_bytes, size.padding_bytes);
    random_.fill(padding);
    payload_.seal_padding(padding);
    return field_bytes + size.bytes;
}

template class ChunkOpener<AeadPayload>;
template class ChunkOpener<BarePayload>;
template class ChunkOpener<OpenedCfbPayload>;
template class ChunkSealer<AeadPayload>;
template class ChunkSealer<BarePayload>;
template class ChunkSealer<SealedCfbPayload>;

}  // namespace ferry::proto::vmess
