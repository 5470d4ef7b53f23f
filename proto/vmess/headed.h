// A body behind its header: codecs that first deal with the header and then are the body's.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>

#include "crypto/dispatch.h"
#include "proto/codec.h"
#include "proto/vmess/command.h"
#include "proto/vmess/keys.h"
#include "proto/vmess/request.h"
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
    // `before` is the plain header if the body goes on in its key stream, and empty if not.
    template <class... BodyArguments>
    HeadedSealer(DueHeader header, ByteView before, BodyArguments&&... body)
        : header_(std::move(header)), body_(std::forward<BodyArguments>(body)...) {
        body_.follow(before);
    }

    std::size_t payload_max() const noexcept override { return body_.payload_max(); }
    std::size_t added_max() const noexcept override { return header_.bytes() + body_.added_max(); }

    std::size_t seal(ByteView payload, ByteSpan to) override {
        const std::size_t header_bytes = header_.write(to);
        return header_bytes + body_.seal(payload, to.subspan(header_bytes));
    }
    bool keeps_payload() const noexcept override { return body_.keeps_payload(); }
    Around seal_around(std::size_t payload_bytes, ByteSpan to) override {
        const std::size_t header_bytes = header_.write(to);
        Around around = body_.seal_around(payload_bytes, to.subspan(header_bytes));
        around.before_bytes += header_bytes;
        return around;
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

// The response header that a client waits for. It gives its memory back once it is there.
class AwaitedResponse {
public:
    // `keys` are those of the answer; `observer` may be null.
    AwaitedResponse(const crypto::Dispatch& dispatch, const Request& request, const BodyKeys& keys,
                    std::unique_ptr<AccountObserver> observer)
        : dispatch_(dispatch),
          keys_(keys),
          observer_(std::move(observer)),
          form_(request.form),
          tag_(request.response_tag) {}

    HeaderForm form() const noexcept { return form_; }

    // As Opener::open(); `data` when the header is finished with. One of the older form stays as it
    // is.
    Parsed<Opened> open(ByteSpan in);

private:
    Parsed<std::size_t> bytes_behind(ByteView prefix) const;
    Parsed<Response> open_whole(ByteSpan sealed) const;

    const crypto::Dispatch& dispatch_;
    BodyKeys keys_;
    std::unique_ptr<AccountObserver> observer_;
    std::size_t bytes_ = 0;  // of the whole header, once known
    HeaderForm form_;
    std::uint8_t tag_;
};

// Opens a response header, if there is one to wait for, and then the body.
template <class Body>
class HeadedOpener final : public Opener {
public:
    template <class... BodyArguments>
    explicit HeadedOpener(std::unique_ptr<AwaitedResponse> header, BodyArguments&&... body)
        : header_(std::move(header)), body_(std::forward<BodyArguments>(body)...) {}

    Parsed<Opened> open(ByteSpan in) override {
        if (!header_) {
            return body_.open(in);
        }
        auto opened = header_->open(in);
        if (opened && opened->kind == Opened::Kind::data) {
            if (header_->form() == HeaderForm::legacy) {
                body_.follow(in.first(opened->count));
            }
            header_.reset();
        }
        return opened;
    }
    bool may_end() const noexcept override { return !header_ && body_.may_end(); }
    bool plain() const noexcept override { return !header_ && body_.plain(); }

private:
    std::unique_ptr<AwaitedResponse> header_;  // null: there is none to wait for any more
    Body body_;
};

}  // namespace ferry::proto::vmess
