// Opener and Sealer: wire bytes to plaintext and back.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>

#include "crypto/bytes.h"
#include "proto/fault.h"

namespace ferry::proto {

// What one call of Opener::open() found at the front of its input.
struct Opened {
    enum class Kind : std::uint8_t {
        need,       // nothing yet: `count` bytes are wanted in total
        data,       // `count` input bytes are finished with; `data` may be empty (framing only)
        end,        // the stream has ended behind `count` bytes
        maybe_end,  // an end that later data takes back (vmess.md 18, "The early end chunk")
    };
    Kind kind;
    std::size_t count;
    ByteSpan data;  // the plaintext; a part of the input, decrypted in place
};

// Wire bytes to plaintext, one unit at a time.
//
//   cut   any split of the stream into inputs gives the same plaintext and the same fault
//   fault final: the opener is not called again
class Opener {
public:
    virtual ~Opener() = default;

    // Opens the unit at the front of `in`, in place: `data` lies inside `in`. What was counted is
    // not passed again; what was not is passed again with more behind it, at any address.
    //
    //   gives   need.count at most 65 535, and never more than one unit
    virtual Parsed<Opened> open(ByteSpan in) = 0;

    // Is this a place where the stream may end without an end mark? It is none while there are
    // bytes that have been passed and not counted.
    virtual bool may_end() const noexcept = 0;

    // From here on every byte passes as it is: the caller may drop the opener.
    virtual bool plain() const noexcept { return false; }
};

// Plaintext to wire bytes, one unit at a time.
class Sealer {
public:
    virtual ~Sealer() = default;

    virtual std::size_t payload_max() const noexcept = 0;  // of one unit
    // bytes that one unit adds, header included
    virtual std::size_t added_max() const noexcept = 0;

    // Writes `payload` as one unit to the front of `to`; the first unit takes the header with it.
    //
    //   payload  1 to payload_max() bytes, not overlapping `to`
    //   gives    bytes written, at most payload.size() + added_max()
    virtual std::size_t seal(ByteView payload, ByteSpan to) = 0;

    // Does the payload stand in its unit as it is? Then it can be sent from where it lies, between
    // what seal_around() writes.
    virtual bool keeps_payload() const noexcept { return false; }

    // As seal(), without the payload: what stands before it, and right behind that in `to` what
    // stands after it; the first unit has the header before it.
    //
    //   payload_bytes  1 to payload_max()
    //   to             at least added_max() bytes
    struct Around {
        std::size_t before_bytes;
        std::size_t after_bytes;
    };
    virtual Around seal_around(std::size_t, ByteSpan) {
        assert(!keeps_payload());
        return {0, 0};
    }

    // Writes the header alone, if it has not been written; 0 if it has, or if there is none.
    virtual std::size_t header(ByteSpan to) = 0;

    // Writes the end of the stream, with the header before it if that is still due; at most
    // added_max() bytes, 0 if there is nothing to write.
    virtual std::size_t end(ByteSpan to) = 0;

    // From here on every byte passes as it is: the caller may drop the sealer.
    virtual bool plain() const noexcept { return false; }

    // The stream is whole and takes no more payload, although its source may go on: how an exchange
    // ends on a connection that is kept.
    virtual bool complete() const noexcept { return false; }

    // The payload could not be carried; what was written before stands.
    virtual bool fault() const noexcept { return false; }
};

}  // namespace ferry::proto
