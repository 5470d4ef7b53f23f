// Texts become trees, and every deviation from JSON is told at its line and column with what to do.
#include "core/config_json.h"

#include <gtest/gtest.h>

#include <array>

#include "core/config_check.h"
#include "core/config_words.h"
#include "tests/core/config_cases.h"

namespace ferry::core::config {
namespace {

std::unique_ptr<const Document> parsed(std::string_view text) {
    Report report;
    auto document = Document::parse({"c", std::string(text)}, report);
    EXPECT_EQ(document != nullptr, !report.has_mistakes()) << text;
    return document;
}

// ---- trees

TEST(Document, KeepsKindsTextsAndOrder) {
    const auto document = parsed(R"({"a": [1, -2.5e3, "x", true, false, null, {}], "b": {}})");
    ASSERT_NE(document, nullptr);
    const std::vector<Value> members = document->root().children();
    ASSERT_EQ(members.size(), 2U);
    EXPECT_EQ(members[0].key(), "a");
    EXPECT_EQ(members[1].key(), "b");
    EXPECT_EQ(members[1].kind(), Value::Kind::object);
    EXPECT_EQ(members[1].size(), 0U);

    const std::vector<Value> items = members[0].children();
    ASSERT_EQ(items.size(), 7U);
    EXPECT_EQ(items[0].text(), "1");
    EXPECT_EQ(items[1].text(), "-2.5e3");
    EXPECT_EQ(items[2].text(), "x");
    EXPECT_TRUE(items[3].truth());
    EXPECT_FALSE(items[4].truth());
    EXPECT_EQ(items[5].kind(), Value::Kind::null);
    EXPECT_EQ(items[6].kind(), Value::Kind::object);
}

TEST(Document, ResolvesEscapes) {
    const auto document =
        parsed(R"({"\u0061b": "\" \\ \/ \n \u00e9 \ud83d\udea2", "c": "\u0063"})");
    ASSERT_NE(document, nullptr);
    const std::vector<Value> members = document->root().children();
    EXPECT_EQ(members[0].key(), "ab");
    EXPECT_EQ(members[0].text(), "\" \\ / \n \xc3\xa9 \xf0\x9f\x9a\xa2");
    EXPECT_EQ(members[1].text(), "c");
}

TEST(Document, KnowsWhereEverythingStands) {
    const auto document = parsed("{\n  \"a\": [\n    1, { \"b c\": 2, \"d\": 3 } ] }");
    ASSERT_NE(document, nullptr);
    const Value list = document->root().children()[0];
    const Value object = list.children()[1];
    const Value odd = object.children()[0];
    const Value plain = object.children()[1];
    EXPECT_EQ(document->root().path(), "");
    EXPECT_EQ(list.path(), "a");
    EXPECT_EQ(list.children()[0].path(), "a[0]");
    EXPECT_EQ(plain.path(), "a[1].d");
    EXPECT_EQ(odd.path(), "a[1].\"b c\"");
    EXPECT_EQ(odd.place().line, 3U);
    EXPECT_EQ(odd.place().column, 17U);
    EXPECT_EQ(odd.key_place().column, 10U);
    EXPECT_EQ(odd.place().file, "c");
}

TEST(Document, KeepsDeepAndWideTreesApart) {
    std::string text = "{\"a\": [";
    for (int index = 0; index < 5000; ++index) {
        text += "{\"x\": [1, {\"y\": 2}], \"z\": 3}, ";
    }
    text += "null]}";
    const auto document = parsed(text);
    ASSERT_NE(document, nullptr);
    const std::vector<Value> items = document->root().children()[0].children();
    ASSERT_EQ(items.size(), 5001U);
    EXPECT_EQ(items[4999].children()[1].path(), "a[4999].z");
    EXPECT_EQ(items[4999].children()[1].text(), "3");
    EXPECT_EQ(items[5000].kind(), Value::Kind::null);
}

// ---- syntax

TEST(Syntax, IsPlacedAndExplained) {
    constexpr std::array<Case, 48> kCases{{
        {"{\"a\":1,}", "1:7: a comma stands behind the last entry"},
        {"{\"a\":1\n , // x\n }", "2:2: a comma stands behind the last entry"},
        {"{\"a\":[1,]}", "1:8: a comma stands behind the last entry"},
        {"{\"a\":[1 , ] , \"b\":2}", "1:9: a comma stands behind the last entry"},
        {"{\"a\":{\"b\":1,}}", "1:12: a comma stands behind the last entry"},
        {"{,}", "1:2: a comma too many"},
        {"{\"a\":1,,\"b\":2}", "1:8: a comma too many"},
        {"{\"a\":[,]}", "1:7: a comma where a value should come"},
        {"{\"a\":[1,,2]}", "1:9: a comma where a value should come"},
        {"{\"a\":,}", "1:6: a comma where a value should come"},
        {"{'a':1}", "1:2: a key in single quotes; use double quotes"},
        {"{\"a\":1, 'b':1}", "1:9: a key in single quotes"},
        {"{\"a\":'b'}", "1:6: a text in single quotes; use double quotes"},
        {"{\"a\":['b']}", "1:7: a text in single quotes"},
        {"{a:1}", "1:2: a key without quotes; write it in double quotes"},
        {"{\"a\":1, b:1}", "1:9: a key without quotes"},
        {"{1:1}", "1:2: '1' where a key should come"},
        {"{\xe2\x80\x9c"
         "a\xe2\x80\x9d:1}",
         "1:2: '\xe2\x80\x9c' where a key should come"},
        {"{\"a\" 1}", "1:6: there is no colon behind the key"},
        {"{\"a\" \"b\"}", "1:6: there is no colon behind the key"},
        {"{\"a\"}", "1:5: there is no colon behind the key"},
        {"{\"a\":\"x\",\"b\"}", "1:13: there is no colon behind the key"},
        {"{\"a\"\xef\xbc\x9a"
         "1}",
         "1:5: there is no colon behind the key"},
        {"{\"a\":}", "1:6: there is no value behind the colon"},
        {"{\"a\":True}", "1:6: a text without quotes"},
        {"{\"a\":vmess}", "1:6: a text without quotes"},
        {"{\"a\":nul}", "1:6: this is neither a number nor true, false or null"},
        {"{\"a\":nullx}", "1:6: this is neither a number nor true, false or null"},
        {"{\"a\":fals}", "1:6: this is neither a number nor true, false or null"},
        {"{\"a\":12ab34}", "1:6: this is neither a number nor true, false or null"},
        {"{\"a\":01}", "1:6: this is neither a number nor true, false or null"},
        {"{\"a\":1.}", "1:6: this is neither a number nor true, false or null"},
        {"{\"a\":1e}", "1:6: this is neither a number nor true, false or null"},
        {"{\"a\":-}", "1:6: this is neither a number nor true, false or null"},
        {"{\"a\":0x10}", "1:6: this is neither a number nor true, false or null"},
        {"{\"a\":1;}", "1:6: this is neither a number nor true, false or null"},
        {"{\"a\":.5}", "1:6: '.' where a value should come"},
        {"{\"a\":+1}", "1:6: '+' where a value should come"},
        {"{\"a\":1 \"b\":2}", "1:8: there is no comma before this"},
        {"{\"a\":\"x\"\n\"b\":2}", "2:1: there is no comma before this"},
        {"{\"a\":{} \"b\":2}", "1:9: there is no comma before this"},
        {"{\"a\":[1 2]}", "1:9: there is no comma before this"},
        {"{\"a\":[\"x\" \"y\"]}", "1:11: there is no comma before this"},
        {"{\"a\":[{} {}]}", "1:10: there is no comma before this"},
        {"{\"a\":[1:2]}", "1:8: ':' where a comma or ']' should come"},
        {"{\"a\":\"x\"\xef\xbc\x8c\"b\":1}",
         "1:9: '\xef\xbc\x8c' where a comma or '}' should come"},
        {"{\"a\":\n\"\\x\"}", "2:1: this text has an escape that JSON does not know"},
        {"{\"\\x\":1}", "1:2: this key has an escape that JSON does not know"},
    }};
    expect_refused(kCases);
}

TEST(Syntax, RefusesHalvesOfCharactersAndZeroBytes) {
    constexpr std::array<Case, 4> kCases{{
        {R"({"a":"\ud83d"})", "1:6: this text has an escape that JSON does not know"},
        {R"({"a":"\u12"})", "1:6: this text has an escape that JSON does not know"},
        {R"({"a":"C:\logs"})", "1:6: this text has an escape that JSON does not know"},
        {R"({"a":"x\u0000y"})", "1:6: this text has a zero byte in it"},
    }};
    expect_refused(kCases);
}

// What the tree does not understand must not be taken for something else, wherever the text is cut.
TEST(Syntax, RefusesEveryPrefix) {
    constexpr std::string_view kWhole =
        R"({"log": {"loglevel": "none"}, "inbounds": [], "x": [1, -2.5, true, null]})";
    for (std::size_t bytes = 0; bytes < kWhole.size(); ++bytes) {
        const Loaded result = loaded(kWhole.substr(0, bytes));
        EXPECT_FALSE(result.config.has_value()) << bytes;
        EXPECT_EQ(result.mistakes.size(), 1U) << bytes;
    }
    EXPECT_TRUE(loaded(kWhole).config.has_value());
}

TEST(Syntax, NeverShowsWhatMayBeSecret) {
    const Loaded result = loaded("{\"id\": 27848739-7e62-4138-9fd3-098a63964b6b}");
    EXPECT_EQ(lines(result.mistakes).find("27848739"), std::string::npos);
    EXPECT_EQ(result.mistakes.size(), 1U);
}

// ---- words

TEST(Closest, FindsWhatWasMeant) {
    constexpr std::array<std::string_view, 6> kKnown{"inbounds", "outbounds", "routing",
                                                     "alterId",  "port",      "id"};
    EXPECT_EQ(closest("inbound", kKnown), "inbounds");
    EXPECT_EQ(closest("inbuonds", kKnown), "inbounds");
    EXPECT_EQ(closest("OUTBOUDNS", kKnown), "outbounds");
    EXPECT_EQ(closest("alertId", kKnown), "alterId");
    EXPECT_EQ(closest("alterIds", kKnown), "alterId");
    EXPECT_EQ(closest("prot", kKnown), "port");
    EXPECT_EQ(closest("completely", kKnown), "");
    EXPECT_EQ(closest("", kKnown), "");
    EXPECT_EQ(closest(std::string(500, 'x'), kKnown), "");
}

TEST(Shown, StaysOnOneShortLine) {
    EXPECT_EQ(shown("a\nb\x1b[1m"), "\"a?b?[1m\"");
    EXPECT_EQ(shown(std::string(100, 'x')), "\"" + std::string(60, 'x') + "...\"");
    EXPECT_EQ(shown(std::string(59, 'x') + "\xe4\xb8\xad" + "y"),
              "\"" + std::string(59, 'x') + "...\"");
}

}  // namespace
}  // namespace ferry::core::config
