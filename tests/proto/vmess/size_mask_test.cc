// The words of a direction come in the order of the vectors: padding first, then the mask.
#include "proto/vmess/size_mask.h"

#include <gtest/gtest.h>

#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;

SizeMask veils_of(const Json& vector, Padding padding, Mask mask) {
    return SizeMask(*dispatch().shake128, array_of<16>(vector["iv"].bytes()), padding, mask);
}

TEST(SizeMask, FollowsTheVectors) {
    const Json vectors = read_vectors("shake.json");
    for (const Json& vector : vectors["cases"].items()) {
        SizeMask masks = veils_of(vector, Padding::off, Mask::on);
        for (const Json& mask : vector["masks_without_padding"].items()) {
            const Veil veil = masks.next();
            EXPECT_EQ(veil.mask, mask.number());
            EXPECT_EQ(veil.padding_bytes, 0);
        }
        SizeMask both = veils_of(vector, Padding::on, Mask::on);
        for (const Json& pair : vector["with_padding"].items()) {
            const Veil veil = both.next();
            EXPECT_EQ(veil.padding_bytes, pair["padding_length"].number());
            EXPECT_EQ(veil.mask, pair["mask"].number());
        }
        SizeMask paddings = veils_of(vector, Padding::on, Mask::off);
        for (const Json& padding : vector["padding_lengths_with_authenticated_length"].items()) {
            const Veil veil = paddings.next();
            EXPECT_EQ(veil.padding_bytes, padding.number());
            EXPECT_EQ(veil.mask, 0);
        }
    }
}

TEST(SizeMask, WithNothingToHideItDrawsNothing) {
    SizeMask nothing(*dispatch().shake128, array_of<16>(payload_of(0, 16)), Padding::off,
                     Mask::off);
    for (int chunk = 0; chunk < 10; ++chunk) {
        const Veil veil = nothing.next();
        EXPECT_EQ(veil.padding_bytes, 0);
        EXPECT_EQ(veil.mask, 0);
    }
}

}  // namespace
}  // namespace ferry::test
