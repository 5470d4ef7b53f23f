#include "proto/vmess/size_mask.h"

namespace ferry::proto::vmess {

SizeMask::SizeMask(const crypto::XofRow& shake, std::span<const std::uint8_t, kIvBytes> iv,
                   Padding padding, Mask mask) noexcept
    : padding_(padding), mask_(mask) {
    if (padding == Padding::on || mask == Mask::on) {
        words_.emplace(shake, iv);
    }
}

Veil SizeMask::next() noexcept {
    Veil veil;
    if (padding_ == Padding::on) {
        veil.padding_bytes = words_->next_word() % (kPaddingBytesMax + 1);
    }
    if (mask_ == Mask::on) {
        veil.mask = words_->next_word();
    }
    return veil;
}

}  // namespace ferry::proto::vmess
