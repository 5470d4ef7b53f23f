// RawOpener and RawSealer: a body without any framing or cipher, that is, `none` without chunks.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "proto/codec.h"
#include "proto/vmess/limits.h"

namespace ferry::proto::vmess {

// Passes everything on. Needed only until the header in front of the body is done with.
class RawOpener final : public Opener {
public:
    Parsed<Opened> open(ByteSpan in) override {
        if (in.empty()) {
            return Opened{Opened::Kind::need, 1, {}};
        }
        return Opened{Opened::Kind::data, in.size(), in};
    }
    bool may_end() const noexcept override { return true; }
    void follow(ByteView) noexcept {}
    bool plain() const noexcept override { return true; }
};

// Likewise.
class RawSealer final : public Sealer {
public:
    std::size_t payload_max() const noexcept override { return kPayloadBytesMax; }
    std::size_t added_max() const noexcept override { return 0; }
    std::size_t seal(ByteView payload, ByteSpan to) override {
        assert(payload.size() <= to.size());
        std::ranges::copy(payload, to.begin());
        return payload.size();
    }
    bool keeps_payload() const noexcept override { return true; }
    Around seal_around(std::size_t, ByteSpan) override { return {0, 0}; }
    std::size_t header(ByteSpan) override { return 0; }
    std::size_t end(ByteSpan) override { return 0; }
    void follow(ByteView) noexcept {}
    bool plain() const noexcept override { return true; }
};

}  // namespace ferry::proto::vmess
