// A body behind its header: codecs that first deal with the header and then are the body's.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "crypto/dispatch.h"
#include "proto/codec.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/response.h"

namespace ferry::proto::vmess {

// A sealed header that waits to be written, once. It gives its memory back then.
class DueHeader {
public:
    explicit DueHeader(ByteView sealed)
        : sealed_(std::make_unique_for_overwrite<std::uint8_t[]>(sealed.size())),
          bytes_(sealed.size()) {
        std::memcpy(sealed_.get(), sealed.data(), sealed.size());
    }

    std::size_t bytes() const noexcept { return bytes_; }

    // Writes it to the front of `to`; gives its size, and 0 from the second time on.
    std::size_t write(ByteSpan to) {
        if (bytes_ == 0) {
            return 0;
        }
        assert(bytes_ <= to.size());
        std::memcpy(to.data(), sealed_.get(), bytes_);
        sealed_.reset();
        return std::exchange(bytes_, 0);
    }

private:
    std::unique_ptr<std::uint8_t[]> sealed_;
    std::size_t bytes_;
};

// Writes a header in front of the first unit of a body.
template <class Body>
class HeadedSealer final : public Sealer {
public:
    template <class... BodyArguments>
    explicit HeadedSealer(DueHeader header, BodyArguments&&... body)
        : header_(std::move(header)), body_(std::forward<BodyArguments>(body)...) {}

    std::size_t payload_max() const noexcept override { return body_.payload_max(); }
    std::size_t added_max() const noexcept override { return header_.bytes() + body_.added_max(); }

    std::size_t seal(ByteView payload, ByteSpan to) override {
        const std::size_t header_bytes = header_.write(to);
        return header_bytes + body_.seal(payload, to.subspan(header_bytes));
    }
    std::size_t header(ByteSpan to) override { return header_.write(to); }
    std::size_t end(ByteSpan to) override {
        const std::size_t header_bytes = header_.write(to);
        return header_bytes + body_.end(to.subspan(header_bytes));
    }
    bool plain() const noexcept override { return header_.bytes() == 0 && body_.plain(); }

private:
    DueHeader header_;
    Body body_;
};

// The response header that a client waits for.
class AwaitedResponse {
public:
    AwaitedResponse(const crypto::Dispatch& dispatch, std::uint8_t tag, const BodyKeys& keys)
        : dispatch_(dispatch), keys_(keys), tag_(tag) {}

    // As Opener::open(); `data` when the header is finished with.
    Parsed<Opened> open(ByteSpan in);

private:
    const crypto::Dispatch& dispatch_;
    BodyKeys keys_;
    std::size_t bytes_ = 0;  // of the whole header, once known
    std::uint8_t tag_;
};

// Opens a response header, if there is one to wait for, and then the body.
template <class Body>
class HeadedOpener final : public Opener {
public:
    template <class... BodyArguments>
    explicit HeadedOpener(const std::optional<AwaitedResponse>& header, BodyArguments&&... body)
        : header_(header), body_(std::forward<BodyArguments>(body)...) {}

    Parsed<Opened> open(ByteSpan in) override {
        if (!header_) {
            return body_.open(in);
        }
        auto opened = header_->open(in);
        if (opened && opened->kind == Opened::Kind::data) {
            header_.reset();
        }
        return opened;
    }
    bool may_end() const noexcept override { return !header_ && body_.may_end(); }
    bool plain() const noexcept override { return !header_ && body_.plain(); }

private:
    std::optional<AwaitedResponse> header_;
    Body body_;
};

}  // namespace ferry::proto::vmess
