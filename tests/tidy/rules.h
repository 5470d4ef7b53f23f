// The rules of style.md and architecture.md that can be seen in the text of one file.
#pragma once

#include <span>
#include <string_view>

#include "tests/tidy/source.h"

namespace ferry::tidy {

using Check = void (*)(const Source& source, Findings& findings);

struct Rule {
    std::string_view name;
    Check check;
};

// In layers.cc
void check_includes(const Source& source, Findings& findings);  // who may include whom
void check_kernel_includes(const Source& source, Findings& findings);

// In shape.cc
void check_blanks(const Source& source, Findings& findings);  // tabs, blanks at line ends
void check_columns(const Source& source, Findings& findings);
void check_file_length(const Source& source, Findings& findings);
void check_function_length(const Source& source, Findings& findings);
void check_headers(const Source& source, Findings& findings);  // #pragma once, a first comment

// In words.cc
void check_casts(const Source& source, Findings& findings);  // reinterpret_cast
void check_macros(const Source& source, Findings& findings);
void check_output(const Source& source, Findings& findings);  // printing where there is a log
void check_paths(const Source& source, Findings& findings);   // of the machine it was written on
void check_stubs(const Source& source, Findings& findings);   // words for what is not done
void check_using(const Source& source, Findings& findings);   // whole namespaces

// In coroutines.cc
void check_awaits(const Source& source, Findings& findings);   // a co_await stands alone
void check_lambdas(const Source& source, Findings& findings);  // no capturing lambda is a coroutine

std::span<const Rule> rules();

}  // namespace ferry::tidy
