// Opens a ring, with those of its switches that this kernel lets it have.
#pragma once

struct io_uring;

namespace ferry::io {

struct MadeUring;
struct UringSwitches;

//   made   gets what is on, and why something that is wanted is not
//   gives  0, or a negated errno
int open_ring(io_uring& ring, const UringSwitches& wanted, MadeUring& made);

}  // namespace ferry::io
