#include "tests/tidy/rules.h"

#include <array>

namespace ferry::tidy {

std::span<const Rule> rules() {
    static constexpr std::array kRules{
        Rule{"awaits", check_awaits},
        Rule{"blanks", check_blanks},
        Rule{"casts", check_casts},
        Rule{"columns", check_columns},
        Rule{"file_length", check_file_length},
        Rule{"function_length", check_function_length},
        Rule{"headers", check_headers},
        Rule{"includes", check_includes},
        Rule{"kernel_includes", check_kernel_includes},
        Rule{"lambdas", check_lambdas},
        Rule{"macros", check_macros},
        Rule{"output", check_output},
        Rule{"paths", check_paths},
        Rule{"stubs", check_stubs},
        Rule{"using", check_using},
    };
    return kRules;
}

}  // namespace ferry::tidy
