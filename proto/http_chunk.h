// The chunked framing of HTTP, walked over without changing it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crypto/bytes.h"

namespace ferry::proto {

inline constexpr std::size_t kHttpChunkDigitsMax = 16;        // leading zeros count
inline constexpr std::size_t kHttpChunkLineBytesMax = 4'096;  // digits and extensions
inline constexpr std::size_t kHttpTrailerBytesMax = 16'384;   // all fields behind the last chunk

// Where in a chunked body we are.
//
//   cut     any split of the body gives the same sum of counts and the same end or fault
//   strict  lines end in CR LF; sizes are hexadecimal digits, blanks may follow; trailers are
//           fields, not folded
//   source  RFC 9112, section 7.1
class HttpChunkWalker {
public:
    // Walks over the bytes at the front of `in` that belong to the body: chunks, their framing, and
    // the trailers.
    //
    //   gives  how many they are; fewer than in.size() only if the body is done() or faulty()
    std::size_t walk(ByteView in) noexcept;

    bool done() const noexcept { return state_ == State::done; }
    // The next byte cannot be there. Those before it were fine.
    bool faulty() const noexcept { return state_ == State::faulty; }

private:
    enum class State : std::uint8_t {
        size_first,     // the first digit
        size,           // more digits
        size_blank,     // blanks behind the digits
        extension,      // from ';' to the end of the line
        size_lf,        // the LF of the size line
        data,           // left_ bytes
        data_cr,        //
        data_lf,        //
        trailer_first,  // the first byte of a trailer, or the CR of the end
        trailer_name,   //
        trailer_value,  //
        trailer_lf,     //
        end_lf,         // the last byte
        done,
        faulty,
    };

    State step(char c) noexcept;
    State size_step(char c) noexcept;
    State trailer_step(char c) noexcept;
    State counted(char c, std::size_t bytes_max) noexcept;

    std::uint64_t left_ = 0;      // of the size line: its value; of data: bytes that are to come
    std::size_t text_bytes_ = 0;  // of the size line, or of all trailers, without line ends
    State state_ = State::size_first;
};

}  // namespace ferry::proto
