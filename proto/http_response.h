// The head of a target's response, rewritten for the client byte by byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/bytes.h"
#include "proto/http_field.h"
#include "proto/http_head.h"

namespace ferry::proto {

inline constexpr std::size_t kHttpResponseHeadBytesMax = 65'536;
inline constexpr std::size_t kHttpResponseNameBytesMax = 128;    // of a field
inline constexpr std::size_t kHttpResponseCodingBytesMax = 128;  // of all Transfer-Encoding fields
inline constexpr std::size_t kHttpResponseValueBytesMax =
    512;  // of one value that is collected, and of all Connection fields
inline constexpr std::size_t kHttpInterimMax = 16;  // 1xx responses before the final one

// How many bytes more than it has read one call of HttpResponseHead::rewrite() may write: what was
// held back (a name, the codings, a length), and our own two fields.
inline constexpr std::size_t kHttpResponseAddedMax = 512;

// Reads the interim responses and the head of the final one.
//
//   why streaming  a head may be 64 KiB, more than the buffer it is sent from. So fields leave as
//                  they come, and only what is still to be decided stays here. The price: a field
//                  that stands before the Connection field that names it has gone already. The
//                  fields that servers do name there are known by name and dropped anywhere
//   framing        Content-Length and Transfer-Encoding are collected and written at the end, so
//                  that the client never sees both
//   cut            any split of the input gives the same output
//   source         RFC 9110, RFC 9112
class HttpResponseHead {
public:
    explicit HttpResponseHead(const HttpRequest& request) noexcept
        : method_(request.method),
          minor_(request.minor),
          upgrade_(request.upgrade),
          after_(request.after) {}

    struct Rewritten {
        std::size_t read;     // fewer than there are only if done() or faulty()
        std::size_t written;  // at most read + kHttpResponseAddedMax
    };
    Rewritten rewrite(ByteView in, ByteSpan to);

    bool done() const noexcept { return state_ == State::done; }
    // The next byte cannot be there, or a limit is reached.
    bool faulty() const noexcept { return state_ == State::faulty; }

    // These are valid once done().
    HttpBody body() const noexcept { return body_; }
    HttpAfter after() const noexcept { return after_; }

private:
    enum class State : std::uint8_t {
        status,      // "HTTP/1.1 200", held back until it is complete
        reason,      // the rest of the line
        reason_lf,   //
        line,        // the first byte of a field, or the CR of the end
        name,        // held back until its colon
        name_blank,  // blanks between name and colon, which are dropped
        value,       //
        value_lf,    //
        end_lf,      // the last byte
        done,
        faulty,
    };
    // What becomes of the value that is being read.
    enum class Fate : std::uint8_t { passed, dropped, collected };

    class Output;

    State step(char c, Output& output);
    State status_step(char c, Output& output);
    State reason_step(char c, Output& output);
    State line_end(char c, Output& output);
    State name_step(char c, Output& output);
    State name_end(Output& output);
    State value_step(char c, Output& output);
    State value_end(char c, Output& output);
    State head_end(Output& output);
    Fate fate_of(HttpField field) const noexcept;
    bool collect();
    bool collect_length();
    bool decide();
    bool is_bodiless() const noexcept;
    void write_framing(Output& output) const;
    void pass(std::string_view text, Output& output) const;

    HttpMethod method_;
    std::uint8_t minor_;
    bool upgrade_;
    HttpAfter after_;
    HttpBody body_;
    State state_ = State::status;
    Fate fate_ = Fate::passed;
    HttpField field_ = HttpField::other;
    std::uint8_t target_minor_ = 1;
    std::uint16_t code_ = 0;
    std::size_t head_bytes_ = 0;
    std::size_t interim_count_ = 0;
    std::optional<std::uint64_t> length_;
    std::string held_;    // the status or the name that is being read, then a collected value
    std::string coding_;  // Transfer-Encoding
    std::string named_;   // Connection
};

}  // namespace ferry::proto
