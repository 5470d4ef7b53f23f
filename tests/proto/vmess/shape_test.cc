// The layout of a body for every option byte, against the table of the protocol written out again
// here.
#include "proto/vmess/shape.h"

#include <gtest/gtest.h>

#include "tests/proto/vmess/support.h"

namespace ferry::test {
namespace {

using namespace proto::vmess;

struct Row {
    int security;
    int command;
    int options;
    std::string_view shape;  // framing or length field, 'p' if padded, 'e' if there is an end mark
};

// vmess.md 9, "Every combination at a glance".
constexpr std::array kTable{
    Row{3, 1, 0x00, "plain"},      Row{3, 1, 0x01, "plain e"},    Row{3, 1, 0x04, "masked"},
    Row{3, 1, 0x05, "masked e"},   Row{3, 1, 0x0c, "masked p"},   Row{3, 1, 0x0d, "masked p e"},
    Row{3, 1, 0x11, "sealed e"},   Row{3, 1, 0x15, "sealed e"},   Row{3, 1, 0x1d, "sealed p e"},
    Row{3, 2, 0x0d, "masked p e"}, Row{3, 3, 0x1d, "sealed p e"}, Row{4, 1, 0x10, "sealed"},
    Row{4, 1, 0x14, "sealed"},     Row{4, 1, 0x1c, "sealed p"},   Row{4, 2, 0x05, "masked e"},
    Row{1, 1, 0x00, "raw"},        Row{1, 1, 0x04, "raw"},        Row{1, 2, 0x0c, "raw"},
    Row{1, 1, 0x01, "plain e"},    Row{1, 1, 0x05, "masked e"},   Row{1, 1, 0x0d, "masked p e"},
    Row{1, 3, 0x0d, "masked p e"}, Row{1, 2, 0x0d, "masked p e"}, Row{1, 1, 0x1d, "masked p e"},
    Row{1, 1, 0x11, "plain e"},    Row{1, 1, 0x10, "raw"},        Row{5, 1, 0x00, "raw"},
    Row{5, 1, 0x04, "raw"},        Row{5, 2, 0x00, "raw"},        Row{5, 1, 0x0c, "raw"},
    Row{5, 2, 0x0c, "raw"},        Row{5, 1, 0x01, "plain e"},    Row{5, 1, 0x05, "masked e"},
    Row{5, 1, 0x0d, "masked e"},   Row{5, 3, 0x0d, "masked e"},   Row{5, 2, 0x01, "plain e"},
    Row{5, 2, 0x05, "masked e"},   Row{5, 2, 0x0d, "masked p e"}, Row{5, 1, 0x15, "masked e"},
    Row{5, 1, 0x11, "plain e"},    Row{3, 1, 0x03, "plain e"},    Row{3, 1, 0xed, "masked p e"},
};

std::string text_of(const BodyShape& shape) {
    std::string text;
    if (shape.framing == Framing::raw) {
        text = "raw";
    } else if (shape.lengths == Lengths::plain) {
        text = "plain";
    } else {
        text = shape.lengths == Lengths::masked ? "masked" : "sealed";
    }
    text += shape.padding == Padding::on ? " p" : "";
    text += shape.end_mark == EndMark::on ? " e" : "";
    return text;
}

TEST(Shape, IsThatOfTheTable) {
    for (const Row& row : kTable) {
        const BodyForm form{static_cast<Command>(row.command), static_cast<Security>(row.security),
                            static_cast<std::uint8_t>(row.options)};
        EXPECT_EQ(text_of(shape_of(request_of(form))), row.shape) << name_of(form);
    }
}

}  // namespace
}  // namespace ferry::test
