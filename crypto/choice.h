// How one row is chosen from the rows of its primitive. Apart from dispatch.cc so that the tests
// can offer rows that do not work.
#pragma once

#include <cassert>
#include <span>
#include <string_view>
#include <vector>

#include "crypto/dispatch.h"

namespace ferry::crypto {

// Is `name` one of the names in `forbidden`, or does it begin like one that ends in '*'?
bool is_forbidden(std::string_view name, std::string_view forbidden) noexcept;

// Says that not even the portable row computes what it should, and ends the process.
[[noreturn]] void give_up(std::string_view primitive);

struct Wish {
    const Cpu& cpu;
    std::string_view forbidden;
    std::vector<RowReport>* report;
};

// The first row that is usable, not forbidden, and works.
//
//   rows   fastest first; the last one is the portable row, which cannot be forbidden
//   works  the known-answer test; not run on a row that is forbidden, which may be so because it
//          crashes
template <class Row>
const Row& choose_row(std::string_view primitive, std::span<const Row* const> rows,
                      bool (*works)(const Row& row), const Wish& wish) {
    assert(!rows.empty());
    const Row* chosen = nullptr;
    for (const Row* row : rows) {
        const bool last = row == rows.back();
        RowReport fate{};
        fate.primitive = primitive;
        fate.name = row->name;
        fate.forbidden = !last && is_forbidden(row->name, wish.forbidden);
        fate.usable = row->usable(wish.cpu);
        fate.passed = fate.usable && !fate.forbidden && works(*row);
        fate.chosen = fate.passed && chosen == nullptr;
        if (fate.chosen) {
            chosen = row;
        }
        if (wish.report != nullptr) {
            wish.report->push_back(fate);
        }
    }
    if (chosen == nullptr) {
        give_up(primitive);
    }
    return *chosen;
}

}  // namespace ferry::crypto
