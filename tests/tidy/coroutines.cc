// The forms of coroutines that some compiler gets wrong, as far as they can be seen in the text
// (architecture.md, section 15).
#include <algorithm>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy/rules.h"

namespace ferry::tidy {
namespace {

// The one file that names unsafe forms: it checks what the compilers do with the safe ones.
constexpr std::string_view kFormsFile = "tests/io/compiler_forms.cc";

constexpr std::string_view kAwait = "co_await";

// What may stand before a co_await: nothing, co_return, or a name that takes the result; before
// that a label.
bool stands_alone(const std::string& before) {
    static const std::regex kAlone(
        "^((case [\\w:]+|default) ?: *)?"
        "(|co_return +|(const +)?[\\w:]+(<[^()]*>)?[&* ]+\\w+ *= *|[\\w.]+(->[\\w.]+)* *= *)$");
    return std::regex_match(before, kAlone);
}

// Why the statement or block header with a co_await at `at` is not one of the safe forms.
std::string objection_to(const Piece& piece, std::size_t at) {
    const std::string behind = piece.text.substr(at + kAwait.size());
    if (!stands_alone(piece.text.substr(0, at))) {
        return "a co_await that does not stand alone";
    }
    if (behind.find(kAwait) != std::string::npos) {
        return "two of co_await in one statement";
    }
    if (behind.find('?') != std::string::npos) {
        return "a co_await with a choice in it";
    }
    if (piece.end != ';') {
        return "a co_await with a braced list or a lambda around it or in it";
    }
    return "";
}

bool is_coroutine_word(const std::string& text) {
    static const std::regex kWords("\\bco_(await|return|yield)\\b");
    return std::regex_search(text, kWords);
}

// Does this text, in front of a brace, end in the head of a lambda? Its captures, if so.
bool is_lambda_head(const std::string& text, std::string& captures) {
    // Captures, parameters, and whatever stands between them and the body. A subscript has a name
    // before its bracket, an attribute has a second bracket.
    static const std::regex kHead(
        "(^|[^\\w\\])\\[ ]|\\breturn) *\\[([^\\[\\]]*)\\]( *<[^<>]*>)?( *\\([^{}]*\\))?"
        "( *(mutable|noexcept|static|-> *[\\w:<>,&* ]+))* *$");
    std::smatch match;
    const bool has_bracket = text.find('[') != std::string::npos;
    if (!has_bracket || !std::regex_search(text, match, kHead)) {
        return false;
    }
    captures = match[2];
    return true;
}

}  // namespace

void check_awaits(const Source& source, Findings& findings) {
    if (source.path == kFormsFile) {
        return;
    }
    for (const Piece& piece : pieces_of(source)) {
        const std::size_t at = piece.text.find(kAwait);
        if (at == std::string::npos) {
            continue;
        }
        const std::string objection = objection_to(piece, at);
        if (!objection.empty()) {
            findings.push_back({source.path, piece.line, objection});
        }
    }
}

void check_lambdas(const Source& source, Findings& findings) {
    if (source.path == kFormsFile) {
        return;
    }
    struct Lambda {
        std::size_t depth;
        bool is_capturing;
    };
    std::vector<Lambda> lambdas;
    std::size_t depth = 0;
    for (const Piece& piece : pieces_of(source)) {
        if (!lambdas.empty() && lambdas.back().is_capturing && is_coroutine_word(piece.text)) {
            findings.push_back({source.path, piece.line, "a capturing lambda that is a coroutine"});
        }
        if (piece.end == '{') {
            ++depth;
            std::string captures;
            if (is_lambda_head(piece.text, captures)) {
                lambdas.push_back({.depth = depth, .is_capturing = !captures.empty()});
            }
        }
        if (piece.end == '}') {
            while (!lambdas.empty() && lambdas.back().depth >= depth) {
                lambdas.pop_back();
            }
            depth -= std::min<std::size_t>(depth, 1);
        }
    }
}

}  // namespace ferry::tidy
