// A Reader never reads beyond its end and remembers that it was asked to; a Writer fills its span.
#include "proto/cursor.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace ferry::test {
namespace {

using proto::Reader;
using proto::Writer;

TEST(Cursor, WhatWasWrittenIsRead) {
    std::array<std::uint8_t, 18> store{};
    Writer to(store);
    to.u8(1);
    to.u16(0x0203);
    to.u32(0x04050607);
    to.u64(0x08090a0b0c0d0e0f);
    to.bytes(std::array<std::uint8_t, 2>{0x10, 0x11});
    to.room(1)[0] = 0x12;
    EXPECT_EQ(to.at(), 18u);
    EXPECT_EQ(to.left(), 0u);
    to.bytes({});
    for (std::size_t place = 0; place < store.size(); ++place) {
        EXPECT_EQ(store[place], place + 1);
    }

    Reader from(store);
    EXPECT_EQ(from.u8(), 1);
    EXPECT_EQ(from.u16(), 0x0203);
    EXPECT_EQ(from.u32(), 0x04050607u);
    EXPECT_EQ(from.u64(), 0x08090a0b0c0d0e0fu);
    EXPECT_EQ(from.left(), 3u);
    EXPECT_EQ(from.array<2>(), (std::array<std::uint8_t, 2>{0x10, 0x11}));
    EXPECT_EQ(from.rest().size(), 1u);
    EXPECT_EQ(from.bytes(1)[0], 0x12);
    EXPECT_TRUE(from.ok());
    EXPECT_TRUE(from.bytes(0).empty());
    EXPECT_TRUE(from.ok());
}

TEST(Cursor, ReadingBeyondTheEndGivesNothingForGood) {
    const auto memory = std::make_unique<std::uint8_t[]>(3);
    for (std::size_t bytes = 0; bytes < 3; ++bytes) {
        Reader from(ByteView(memory.get(), bytes));
        EXPECT_EQ(from.u32(), 0u);
        EXPECT_FALSE(from.ok());
        EXPECT_EQ(from.at(), 0u);
        EXPECT_EQ(from.u8(), 0);  // there is one, but a field before it was missing
        EXPECT_TRUE(from.bytes(0).empty());
        EXPECT_FALSE(from.ok());
    }
    Reader huge(ByteView(memory.get(), 3));
    EXPECT_TRUE(huge.bytes(static_cast<std::size_t>(-1)).empty());
    EXPECT_FALSE(huge.ok());
}

TEST(CursorDeathTest, WritingBeyondTheEndEndsTheProgram) {
    std::array<std::uint8_t, 1> store{};
    EXPECT_DEATH(Writer(store).u16(1), "count <= left");
}

}  // namespace
}  // namespace ferry::test
