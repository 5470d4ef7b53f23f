#include "proto/http_response.h"

#include <array>
#include <cassert>
#include <charconv>
#include <string_view>
#include <utility>

#include "proto/cursor.h"
#include "proto/text.h"

namespace ferry::proto {
namespace {

constexpr std::string_view kStatusShape = "HTTP/1.x 200";
constexpr std::uint16_t kSwitching = 101;
constexpr std::uint16_t kNoContent = 204;

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool is_value_text(char c) noexcept {
    return is_field_text(c) || c == '\t';
}

// Does `c` belong at this place of "HTTP/1.x 200"?
bool fits_status(std::size_t place, char c) noexcept {
    constexpr std::size_t kMinorPlace = 7;
    constexpr std::size_t kCodePlace = 9;
    if (place == kMinorPlace) {
        return is_digit(c);
    }
    if (place >= kCodePlace) {
        return is_digit(c) && (place > kCodePlace || c != '0');
    }
    return c == kStatusShape[place];
}

// The last of the codings says how the body ends; "chunked" anywhere else cannot be undone.
struct Coding {
    bool is_chunked;
    bool is_possible;
};

Coding coding_of(std::string_view list) noexcept {
    Coding coding{.is_chunked = false, .is_possible = true};
    for (auto word = take_element(list); !word.empty(); word = take_element(list)) {
        coding.is_possible &= !coding.is_chunked;
        coding.is_chunked = same_word(word, "chunked");
    }
    return coding;
}

}  // namespace

class HttpResponseHead::Output {
public:
    explicit Output(ByteSpan to) noexcept : writer_(to) {}
    void text(std::string_view text) noexcept { writer_.bytes(bytes_of(text)); }
    std::size_t written() const noexcept { return writer_.at(); }

private:
    Writer writer_;
};

HttpResponseHead::Rewritten HttpResponseHead::rewrite(ByteView in, ByteSpan to) {
    assert(to.size() >= in.size() + kHttpResponseAddedMax);
    Output output(to);
    std::size_t read = 0;
    while (read < in.size() && !done() && !faulty()) {
        ++head_bytes_;
        const bool fits = head_bytes_ <= kHttpResponseHeadBytesMax;
        state_ = fits ? step(static_cast<char>(in[read]), output) : State::faulty;
        read += faulty() ? 0 : 1;
    }
    return {.read = read, .written = output.written()};
}

HttpResponseHead::State HttpResponseHead::step(char c, Output& output) {
    switch (state_) {
        case State::status:
            return status_step(c, output);
        case State::reason:
            return reason_step(c, output);
        case State::reason_lf:
            return line_end(c, output);
        case State::line:
        case State::name:
        case State::name_blank:
            return name_step(c, output);
        case State::value:
            return value_step(c, output);
        case State::value_lf:
            return value_end(c, output);
        case State::end_lf:
            return c == '\n' ? head_end(output) : State::faulty;
        case State::done:
        case State::faulty:
            break;  // rewrite() takes no step in these
    }
    std::unreachable();
}

// Twelve characters are held back; the one behind them shows that the code is over.
HttpResponseHead::State HttpResponseHead::status_step(char c, Output& output) {
    if (held_.size() < kStatusShape.size()) {
        if (!fits_status(held_.size(), c)) {
            return State::faulty;
        }
        held_.push_back(c);
        return State::status;
    }
    code_ = 0;
    for (const char digit : std::string_view(held_).substr(kStatusShape.size() - 3)) {
        code_ = static_cast<std::uint16_t>(code_ * 10 + (digit - '0'));
    }
    target_minor_ = static_cast<std::uint8_t>(held_[kStatusShape.find('x')] - '0');
    const bool is_uninvited = code_ == kSwitching && !upgrade_;
    if ((c != ' ' && c != '\r') || is_uninvited) {
        return State::faulty;
    }
    // A proxy speaks for itself: the version is ours, whatever the target's is.
    pass("HTTP/1.1 ", output);
    pass(std::string_view(held_).substr(kStatusShape.size() - 3), output);
    return reason_step(c, output);
}

HttpResponseHead::State HttpResponseHead::reason_step(char c, Output& output) {
    if (c == '\r') {
        return State::reason_lf;
    }
    if (!is_value_text(c)) {
        return State::faulty;
    }
    pass({&c, 1}, output);
    return State::reason;
}

HttpResponseHead::State HttpResponseHead::line_end(char c, Output& output) {
    if (c != '\n') {
        return State::faulty;
    }
    pass("\r\n", output);
    return State::line;
}

HttpResponseHead::State HttpResponseHead::name_step(char c, Output& output) {
    if (state_ == State::line) {
        if (c == '\r') {
            return State::end_lf;
        }
        held_.clear();
    }
    if (c == ':' && !held_.empty()) {
        return name_end(output);
    }
    const bool is_blank = c == ' ' || c == '\t';
    if (is_blank && !held_.empty()) {
        return State::name_blank;
    }
    const bool has_room = held_.size() < kHttpResponseNameBytesMax;
    if (!is_token(c) || !has_room || state_ == State::name_blank) {
        return State::faulty;
    }
    held_.push_back(c);
    return State::name;
}

HttpResponseHead::State HttpResponseHead::name_end(Output& output) {
    field_ = field_of(held_);
    fate_ = fate_of(field_);
    if (fate_ == Fate::passed) {
        pass(held_, output);
        pass(":", output);
    }
    held_.clear();
    return State::value;
}

HttpResponseHead::Fate HttpResponseHead::fate_of(HttpField field) const noexcept {
    switch (field) {
        case HttpField::connection:
        case HttpField::content_length:
        case HttpField::transfer_encoding:
            return Fate::collected;
        case HttpField::hop:
        case HttpField::proxy_connection:
        case HttpField::proxy_authorization:
            return Fate::dropped;
        case HttpField::upgrade:
            return code_ == kSwitching ? Fate::passed : Fate::dropped;
        case HttpField::host:
        case HttpField::other:
            return has_element(named_, held_) ? Fate::dropped : Fate::passed;
    }
    std::unreachable();
}

HttpResponseHead::State HttpResponseHead::value_step(char c, Output& output) {
    if (c == '\r') {
        return State::value_lf;
    }
    if (!is_value_text(c)) {
        return State::faulty;
    }
    if (fate_ == Fate::passed) {
        pass({&c, 1}, output);
    }
    if (fate_ == Fate::collected) {
        if (held_.size() == kHttpResponseValueBytesMax) {
            return State::faulty;
        }
        held_.push_back(c);
    }
    return State::value;
}

HttpResponseHead::State HttpResponseHead::value_end(char c, Output& output) {
    if (c != '\n') {
        return State::faulty;
    }
    if (fate_ == Fate::passed) {
        pass("\r\n", output);
    }
    if (fate_ == Fate::collected && !collect()) {
        return State::faulty;
    }
    return State::line;
}

// Keeps the value that has just been read; false if it contradicts one before, or is too long.
bool HttpResponseHead::collect() {
    if (field_ == HttpField::content_length) {
        return collect_length();
    }
    std::string& list = field_ == HttpField::connection ? named_ : coding_;
    const std::size_t bytes_max =
        field_ == HttpField::connection ? kHttpResponseValueBytesMax : kHttpResponseCodingBytesMax;
    const std::string_view value = trimmed(held_);
    if (!list.empty()) {
        list.append(", ");
    }
    list.append(value);
    return list.size() <= bytes_max;
}

// "5", "5, 5" and two fields with 5 are one length (RFC 9112, 6.3); two different ones are none.
bool HttpResponseHead::collect_length() {
    std::string_view list = held_;
    auto element = take_element(list);
    if (element.empty()) {
        return false;
    }
    for (; !element.empty(); element = take_element(list)) {
        const auto length = length_from(element);
        if (!length || (length_ && *length_ != *length)) {
            return false;
        }
        length_ = length;
    }
    return true;
}

HttpResponseHead::State HttpResponseHead::head_end(Output& output) {
    const bool is_interim = code_ / 100 == 1 && code_ != kSwitching;
    if (!is_interim) {
        if (!decide()) {
            return State::faulty;
        }
        write_framing(output);
        pass("\r\n", output);
        return State::done;
    }
    ++interim_count_;
    pass("\r\n", output);
    held_.clear();
    named_.clear();
    coding_.clear();
    length_.reset();
    head_bytes_ = 0;
    return interim_count_ <= kHttpInterimMax ? State::status : State::faulty;
}

// How the body ends, and whether the client can see it (RFC 9112, 6.3); false if nobody can know.
bool HttpResponseHead::decide() {
    const Coding coding = coding_of(coding_);
    if (!coding.is_possible) {
        return false;
    }
    if (is_bodiless()) {
        body_ = {.kind = HttpBody::Kind::none, .bytes = 0};
    } else if (coding.is_chunked) {
        body_ = {.kind = HttpBody::Kind::chunked, .bytes = 0};
    } else if (length_ && coding_.empty()) {
        body_ = {.kind = HttpBody::Kind::counted, .bytes = *length_};
    } else {
        body_ = {.kind = HttpBody::Kind::until_close, .bytes = 0};
    }
    // HTTP/1.0 knows no codings: one that sends some anyway may mean something else by them.
    const bool is_doubtful = target_minor_ == 0 && !coding_.empty();
    if (body_.kind == HttpBody::Kind::until_close || upgrade_ || is_doubtful) {
        after_ = HttpAfter::close;
    }
    return true;
}

bool HttpResponseHead::is_bodiless() const noexcept {
    constexpr std::uint16_t kNotModified = 304;
    return method_ == HttpMethod::head || code_ == kNoContent || code_ == kNotModified;
}

void HttpResponseHead::write_framing(Output& output) const {
    if (code_ == kSwitching) {
        pass("Connection: Upgrade\r\n", output);
        return;
    }
    if (!coding_.empty()) {
        pass("Transfer-Encoding: ", output);
        pass(coding_, output);
        pass("\r\n", output);
    } else if (length_ && code_ != kNoContent) {
        std::array<char, 20> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *length_);
        pass("Content-Length: ", output);
        pass({digits.data(), end.ptr}, output);
        pass("\r\n", output);
    }
    pass(after_ == HttpAfter::keep_alive
             ? "Connection: keep-alive\r\nProxy-Connection: keep-alive\r\n"
             : "Connection: close\r\nProxy-Connection: close\r\n",
         output);
}

// An HTTP/1.0 client has never heard of interim responses.
void HttpResponseHead::pass(std::string_view text, Output& output) const {
    const bool is_hidden = minor_ == 0 && code_ / 100 == 1;
    if (!is_hidden) {
        output.text(text);
    }
}

}  // namespace ferry::proto
