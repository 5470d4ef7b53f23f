#include "tests/core/census.h"

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string_view>
#include <vector>

#include "crypto/aead.h"

namespace ferry::test {
namespace {

// Where the program was loaded, less where it says it wants to be.
std::uintptr_t load_address() {
    std::uintptr_t base = 0;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* into) {
            *static_cast<std::uintptr_t*>(into) = info->dlpi_addr;
            return 1;  // the first one is the program itself
        },
        &base);
    return base;
}

std::vector<char> own_image() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    return std::vector<char>(std::istreambuf_iterator<char>(file), {});
}

// A copy: nothing in a file is aligned for certain.
template <class T>
T read(const std::vector<char>& image, std::size_t offset) {
    T value{};
    if (offset + sizeof value <= image.size()) {
        std::memcpy(&value, image.data() + offset, sizeof value);
    }
    return value;
}

std::string demangled(const char* symbol) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(symbol, nullptr, nullptr, &status), &std::free);
    return status == 0 ? name.get() : symbol;
}

void erase_all(std::string& text, std::string_view word) {
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word)) {
        text.erase(at, word.size());
    }
}

// "core::pump" of "ferry::core::pump(ferry::core::Session&, ferry::core::Way) [clone .actor]".
std::string short_name(std::string name) {
    erase_all(name, "(anonymous namespace)::");
    erase_all(name, "ferry::");
    return name.substr(0, name.find('('));
}

constexpr std::string_view kTable = "vtable for ";

}  // namespace

Symbols::Symbols() {
    const std::vector<char> image = own_image();
    const auto header = read<ElfW(Ehdr)>(image, 0);
    const std::uintptr_t base = load_address();
    for (std::size_t index = 0; index < header.e_shnum; ++index) {
        const auto table = read<ElfW(Shdr)>(image, header.e_shoff + index * sizeof(ElfW(Shdr)));
        if (table.sh_type != SHT_SYMTAB) {
            continue;
        }
        const auto words =
            read<ElfW(Shdr)>(image, header.e_shoff + table.sh_link * sizeof(ElfW(Shdr)));
        for (std::size_t at = 0; at + sizeof(ElfW(Sym)) <= table.sh_size; at += sizeof(ElfW(Sym))) {
            const auto symbol = read<ElfW(Sym)>(image, table.sh_offset + at);
            const std::size_t word = words.sh_offset + symbol.st_name;
            if (symbol.st_size > 0 && symbol.st_shndx != SHN_UNDEF && word < image.size()) {
                names_[base + symbol.st_value] = {symbol.st_size, image.data() + word};
            }
        }
    }
}

const std::string* Symbols::at(std::uintptr_t address) const {
    auto next = names_.upper_bound(address);
    if (next == names_.begin()) {
        return nullptr;
    }
    const auto& [begin, range] = *std::prev(next);
    return address < begin + range.bytes ? &range.name : nullptr;
}

std::string Symbols::kind_of(const Piece& piece) const {
    std::array<std::uintptr_t, 2> front{};
    if (piece.bytes < sizeof front) {
        return "other";
    }
    if (piece.bytes == sizeof(crypto::Aead) && piece.alignment == alignof(crypto::Aead)) {
        return "key";  // begins with whatever its row likes
    }
    std::memcpy(front.data(), piece.at, sizeof front);
    const std::string* const first = at(front[0]);
    if (first == nullptr) {
        return "other";
    }
    const std::string name = demangled(first->c_str());
    if (name.starts_with(kTable)) {
        return short_name(name.substr(kTable.size()));
    }
    // Both of a frame's functions begin there, and not somewhere in the middle.
    const bool is_frame = names_.contains(front[0]) && names_.contains(front[1]);
    return is_frame ? "frame of " + short_name(name) : "other";
}

Census census_of(const Symbols& symbols, std::span<const Piece> pieces) {
    Census census;
    for (const Piece& piece : pieces) {
        Kind& kind = census[symbols.kind_of(piece)];
        ++kind.count;
        kind.taken_bytes += piece.taken_bytes;
    }
    return census;
}

}  // namespace ferry::test
