// What perf_ring asks: the ways to do one thing with a ring, and what each of them costs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

namespace ferry::ring {

// How much is moved for one sample.
struct Sizes {
    std::uint32_t messages = 500;         // of each connection
    std::uint32_t kibibytes = 16 * 1024;  // of each stream
    std::uint32_t visits = 2000;          // connections to be accepted
};

// Of the thread that relays; the load's own is not in it.
struct Cost {
    double cpu_seconds = 0;  // user and system
    double units = 0;
    double enters = 0;   // system calls of the ring
    std::string remark;  // what else a reader must know
};

// Why there is no cost. A refusal is the kernel's word about what it does not have; everything else
// is a mistake of the variant, or of this program.
struct Trouble {
    enum class Kind : std::uint8_t { refused, wrong };

    Kind kind = Kind::wrong;
    std::string words;
};

using Outcome = std::expected<Cost, Trouble>;

// One way to do what `question` is about. The first variant of a question is that of io/uring.cc.
struct Variant {
    std::string question;
    std::string name;
    std::string unit;         // "us/message"
    double units_per_second;  // what turns seconds per unit into `unit`
    std::function<Outcome(const Sizes&)> run;
};

// The questions, a function each, in the file of that name.
void add_messages(std::vector<Variant>& to);
void add_bulk(std::vector<Variant>& to, std::size_t kibibytes);  // buffers of all streams together
void add_bundles(std::vector<Variant>& to,
                 std::size_t kibibytes);  // likewise, to the same question
void add_accepts(std::vector<Variant>& to);

}  // namespace ferry::ring
