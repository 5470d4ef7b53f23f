#include "crypto/dispatch.h"

#include <cstdio>
#include <cstdlib>

#include "crypto/choice.h"
#include "crypto/self_test.h"

namespace ferry::crypto {

Dispatch choose(const Cpu& cpu, std::string_view forbidden, std::vector<RowReport>* report) {
    const Wish wish{cpu, forbidden, report};
    return {
        .aes128_gcm = &choose_row("aes128gcm", aes128_gcm_rows(), aes128_gcm_works, wish),
        .chacha20_poly1305 = &choose_row("chacha20poly1305", chacha20_poly1305_rows(),
                                         chacha20_poly1305_works, wish),
        .sha256 = &choose_row("sha256", sha256_rows(), sha256_works, wish),
        .shake128 = &choose_row("shake128", shake128_rows(), shake128_works, wish),
        .aes128 = &choose_row("aes128", aes128_rows(), aes128_works, wish),
        .aes128_trial = &choose_row("trial", aes128_trial_rows(), aes128_trial_works, wish),
    };
}

bool is_forbidden(std::string_view name, std::string_view forbidden) noexcept {
    while (!forbidden.empty()) {
        const std::size_t comma = forbidden.find(',');
        const std::string_view entry = forbidden.substr(0, comma);
        forbidden = comma == std::string_view::npos ? "" : forbidden.substr(comma + 1);
        if (entry == name) {
            return true;
        }
        if (entry.ends_with('*') && name.starts_with(entry.substr(0, entry.size() - 1))) {
            return true;
        }
    }
    return false;
}

void give_up(std::string_view primitive) {
    std::fprintf(stderr, "ringferry: no implementation of %.*s gives the right answer here\n",
                 static_cast<int>(primitive.size()), primitive.data());
    std::abort();
}

}  // namespace ferry::crypto
