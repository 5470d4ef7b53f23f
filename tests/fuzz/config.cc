// What a configuration file may contain.
//
//   input   the text of one file
//   checks  a Config or a mistake, never both and never neither; every message has a place in the
//           file; what is accepted once is accepted again
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/config.h"
#include "proto/text.h"

namespace ferry::core::config {
namespace {

Loaded load_text(const std::string& text) {
    const Source source{"fuzz.json", text};
    return load(std::span(&source, 1), [](std::string_view) { return std::nullopt; });
}

}  // namespace
}  // namespace ferry::core::config

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace config = ferry::core::config;
    const std::string input(ferry::proto::text_of(ferry::ByteView(data, size)));
    const config::Loaded loaded = config::load_text(input);
    assert(loaded.config.has_value() == loaded.mistakes.empty());
    assert(loaded.mistakes.size() <= config::kMistakesMax + 1);
    assert(loaded.warnings.size() <= config::kMistakesMax + 1);
    for (const config::Mistake& mistake : loaded.mistakes) {
        assert(!config::text(mistake).empty());
        assert(mistake.place.line <= input.size() + 1);
    }
    const config::Loaded again = config::load_text(input);
    assert(again.config.has_value() == loaded.config.has_value());
    return 0;
}
