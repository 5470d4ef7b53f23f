// The dialect around JSON: remarks vanish without moving anything, and what no parser could place
// well is found at its place. Checked with literals, and with each text cut at every byte.
#include "core/config_text.h"

#include <gtest/gtest.h>

#include <array>

namespace ferry::core::config {
namespace {

std::string cleaned(std::string_view text) {
    const Cleaned result = clean(text);
    EXPECT_FALSE(result.mistake.has_value()) << text << result.mistake.value_or(Flaw{}).what;
    EXPECT_EQ(result.text.size(), text.size());
    return result.text;
}

TEST(Clean, BlanksRemarksAndKeepsEveryOffset) {
    EXPECT_EQ(cleaned("{}//x"), "{}   ");
    EXPECT_EQ(cleaned("//x\n{}"), "   \n{}");
    EXPECT_EQ(cleaned("#x\n{}"), "  \n{}");
    EXPECT_EQ(cleaned("/*x\ny*/{}"), "   \n   {}");
    EXPECT_EQ(cleaned("{/**/}"), "{    }");
    EXPECT_EQ(cleaned("{/***/}"), "{     }");
    EXPECT_EQ(cleaned("{\"a\":1/*\"*/}"), "{\"a\":1     }");
    EXPECT_EQ(cleaned("{\r\n# a\r\n}"), "{\r\n    \n}");
}

TEST(Clean, LeavesStringsAlone) {
    for (const std::string_view text :
         {R"({"a":"//x"})", R"({"a":"/*x*/"})", R"({"a":"#x"})", R"({"a":"\"//x"})",
          R"({"a":"\\"})", R"({"a#":1})", R"({"a":"}]"})"}) {
        EXPECT_EQ(cleaned(text), text);
    }
}

TEST(Clean, TakesAByteOrderMarkForABlank) {
    EXPECT_EQ(cleaned("\xef\xbb\xbf{}"), "   {}");
}

TEST(Clean, KnowsNullFromAnObject) {
    EXPECT_EQ(clean("{}").root, Cleaned::Root::object);
    EXPECT_EQ(clean("null").root, Cleaned::Root::null);
    EXPECT_EQ(clean(" # x\n null # y").root, Cleaned::Root::null);
    EXPECT_TRUE(clean("nullx").mistake.has_value());
}

TEST(Clean, CutsOffWhatFollowsTheObject) {
    for (const std::string_view text : {"{} x", "{} {}", "{} \"", "{} }", "{} /*", "null x"}) {
        const Cleaned result = clean(text);
        EXPECT_FALSE(result.mistake.has_value()) << text;
        ASSERT_TRUE(result.warning.has_value()) << text;
        EXPECT_EQ(result.warning->offset, text.find(' ') + 1) << text;
    }
    EXPECT_EQ(cleaned("{} x"), "{}  ");
    EXPECT_FALSE(clean("{} /* x */ # y").warning.has_value());
}

// ---- refusals

struct Wrong {
    std::string_view text;
    std::size_t offset;
    std::string_view what;
};

TEST(Clean, PlacesWhatIsWrong) {
    constexpr std::array<Wrong, 21> kCases{{
        {"", 0, "there is nothing in it"},
        {" # x\n", 0, "there is nothing in it"},
        {" [1]", 1, "a configuration is one object"},
        {"\"x\"", 0, "a configuration is one object"},
        {"'x'", 0, "a configuration is one object"},
        {"{ /* x", 2, "a remark begins here and never ends"},
        {"{ /*/", 2, "a remark begins here and never ends"},
        {"{\"a\": \"x\n\"}", 6, "a text begins here and does not end in its line"},
        {"{\"a\": \"x}", 6, "a text begins here and does not end in its line"},
        {"{\"a\": \"x\\", 6, "a text begins here and does not end in its line"},
        {"{\"a\": \"x\\\n\"}", 6, "a text begins here and does not end in its line"},
        {"{\"a\": \"\tx\"}", 7, "a control character (0x09) inside a text"},
        {"{\"a\": \"\\\x01x\"}", 8, "a control character (0x01) inside a text"},
        {"{\"a\": [1", 6, "this '[' is never closed"},
        {"{\"a\": [1]", 0, "this '{' is never closed"},
        {"{\"a\": [1}", 8, "'}' where ']' should come"},
        {"{\"a\": 1]", 7, "']' where '}' should come"},
        {"{\"a\": \"\xff\"}", 7, "this is not UTF-8"},
        {"{\xc3}", 1, "this is not UTF-8"},
        {"\xff\xfe{", 0, "this is UTF-16"},
        {"\xfe\xff", 0, "this is UTF-16"},
    }};
    for (const Wrong& one : kCases) {
        const Cleaned result = clean(one.text);
        ASSERT_TRUE(result.mistake.has_value()) << one.text;
        EXPECT_EQ(result.mistake->offset, one.offset) << one.text;
        EXPECT_EQ(result.mistake->what, one.what) << one.text;
        EXPECT_NE(result.mistake->remedy, "") << one.text;
    }
}

TEST(Clean, AllowsRemarksInAnyEncoding) {
    EXPECT_EQ(cleaned("{ // \xd6\xd0\xce\xc4\n}"), "{        \n}");
}

TEST(Clean, CountsBrackets) {
    const std::string deepest =
        "{\"a\":" + std::string(kDepthMax - 1, '[') + std::string(kDepthMax - 1, ']') + "}";
    EXPECT_FALSE(clean(deepest).mistake.has_value());
    const std::string deeper =
        "{\"a\":" + std::string(kDepthMax, '[') + std::string(kDepthMax, ']') + "}";
    ASSERT_TRUE(clean(deeper).mistake.has_value());
    EXPECT_EQ(clean(deeper).mistake->offset, 5 + kDepthMax - 1);
}

TEST(Clean, RefusesEveryPrefixOfAnObject) {
    constexpr std::string_view kWhole = "# x\n{\"a\": [\"b\\\"\", /* y */ {\"c\": 1}]}";
    for (std::size_t bytes = 0; bytes < kWhole.size(); ++bytes) {
        const Cleaned result = clean(kWhole.substr(0, bytes));
        ASSERT_TRUE(result.mistake.has_value()) << bytes;
        EXPECT_LE(result.mistake->offset, bytes) << bytes;
    }
    EXPECT_FALSE(clean(kWhole).mistake.has_value());
}

// ---- characters and lines

TEST(Utf8, TakesWhatTheStandardAllowsAndNothingElse) {
    EXPECT_EQ(utf8_bytes("a"), 1U);
    EXPECT_EQ(utf8_bytes("\xc3\xa9"), 2U);
    EXPECT_EQ(utf8_bytes("\xe4\xb8\xad"), 3U);
    EXPECT_EQ(utf8_bytes("\xf0\x9f\x9a\xa2"), 4U);
    EXPECT_EQ(utf8_bytes("\xed\x9f\xbf"), 3U);
    EXPECT_EQ(utf8_bytes("\xf4\x8f\xbf\xbf"), 4U);
    for (const std::string_view wrong :
         {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x9f\xbf", "\xe4\xb8",
          "\xe4\xb8(", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x9a", "\xf4\x90\x80\x80",
          "\xf5\x80\x80\x80", "\xff", ""}) {
        EXPECT_EQ(utf8_bytes(wrong), 0U);
    }
}

TEST(LineTable, CountsLinesAndColumnsFromOne) {
    const LineTable lines("ab\n\nc");
    const auto at = [&](std::size_t offset) {
        const LineTable::Position position = lines.position(offset);
        return std::pair(position.line, position.column);
    };
    EXPECT_EQ(at(0), std::pair(1U, 1U));
    EXPECT_EQ(at(2), std::pair(1U, 3U));  // the line's end belongs to it
    EXPECT_EQ(at(3), std::pair(2U, 1U));
    EXPECT_EQ(at(4), std::pair(3U, 1U));
    EXPECT_EQ(at(5), std::pair(3U, 2U));
}

}  // namespace
}  // namespace ferry::core::config
