// The small parts of the HTTP parser promise: what is a word, a list, a length, a login or a field
// is decided by the grammar of the RFCs and nothing looser; and our own responses are well-formed.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "proto/http_basic.h"
#include "proto/http_field.h"
#include "proto/http_reply.h"

namespace ferry::proto {
namespace {

using std::string_literals::operator""s;

// RFC 4648, section 10.
TEST(HttpBasic, DecodesTheVectorsOfTheRfc) {
    EXPECT_EQ(base64_decoded(""), "");
    EXPECT_EQ(base64_decoded("Zg=="), "f");
    EXPECT_EQ(base64_decoded("Zm8="), "fo");
    EXPECT_EQ(base64_decoded("Zm9v"), "foo");
    EXPECT_EQ(base64_decoded("Zm9vYg=="), "foob");
    EXPECT_EQ(base64_decoded("Zm9vYmE="), "fooba");
    EXPECT_EQ(base64_decoded("Zm9vYmFy"), "foobar");
    EXPECT_EQ(base64_decoded("+/+/AP8A"), "\xfb\xff\xbf\x00\xff\x00"s);
}

TEST(HttpBasic, RefusesWhatIsNotBase64) {
    for (const std::string& text :
         {"Z"s, "Zg"s, "Zg="s, "Zg==="s, "Z==="s, "===="s, "="s, "Zg==Zg=="s, "Z=g="s, "Zm9v\n"s,
          "Zm 9v"s, "Zm-_"s, "Zh=="s, "Zm9="s, "Zm9v\0AAA"s, "\x80\x80\x80\x80"s}) {
        EXPECT_EQ(base64_decoded(text), std::nullopt) << text;
    }
}

TEST(HttpBasic, SplitsAtTheFirstColon) {
    const auto login = basic_login("Basic YTpiOmM=");
    ASSERT_TRUE(login.has_value());
    EXPECT_EQ(login->text, "a:b:c");
    EXPECT_EQ(login->colon, 1u);
}

TEST(HttpField, KnowsTokens) {
    EXPECT_TRUE(is_token("aZ09!#$%&'*+-.^_`|~"));
    EXPECT_FALSE(is_token(""));
    for (const char c : "()<>@,;:\\\"/[]?={} \t\r\n\x7f\x80\xff"s) {
        EXPECT_FALSE(is_token(c)) << int{c};
    }
    EXPECT_FALSE(is_token('\0'));
}

TEST(HttpField, ComparesWords) {
    EXPECT_TRUE(same_word("Chunked", "cHUNKED"));
    EXPECT_FALSE(same_word("chunked", "chunke"));
    EXPECT_FALSE(same_word("@", "`"));  // they differ in the bit that makes a letter small
    EXPECT_FALSE(same_word("\xc4", "\xe4"));
}

TEST(HttpField, WalksLists) {
    const auto elements = [](std::string_view list) {
        std::vector<std::string> all;
        for (auto e = take_element(list); !e.empty(); e = take_element(list)) {
            all.emplace_back(e);
        }
        return all;
    };
    const std::vector<std::string> both{"a", "b c"};
    EXPECT_EQ(elements("a,b c"), both);
    EXPECT_EQ(elements(", a ,,\tb c\t, "), both);
    EXPECT_TRUE(elements("").empty());
    EXPECT_TRUE(elements(" ,\t,, ").empty());
    EXPECT_TRUE(has_element("a, Upgrade", "upgrade"));
    EXPECT_FALSE(has_element("a, upgrades", "upgrade"));
    EXPECT_FALSE(has_element("a upgrade", "upgrade"));
}

TEST(HttpField, ReadsLengths) {
    EXPECT_EQ(length_from("0"), 0u);
    EXPECT_EQ(length_from("007"), 7u);
    EXPECT_EQ(length_from("9223372036854775807"), kHttpLengthMax);
    for (const char* text : {"", "-1", "+1", " 1", "1 ", "0x1", "1a", "9223372036854775808",
                             "18446744073709551616", "99999999999999999999999999"}) {
        EXPECT_EQ(length_from(text), std::nullopt) << text;
    }
}

TEST(HttpField, KnowsFieldsInAnyCase) {
    EXPECT_EQ(field_of("Transfer-Encoding"), HttpField::transfer_encoding);
    EXPECT_EQ(field_of("CONTENT-LENGTH"), HttpField::content_length);
    EXPECT_EQ(field_of("keep-alive"), HttpField::hop);
    EXPECT_EQ(field_of("Content-Length2"), HttpField::other);
    EXPECT_EQ(field_of(""), HttpField::other);
}

// Each is whole: a head that ends, a length that is the body's, and a word that it is the last.
TEST(HttpReply, SaysWholeResponses) {
    const std::vector<std::string> codes{"400", "403", "407", "431", "502", "503", "504"};
    ASSERT_EQ(codes.size(), kHttpStatusCount);
    for (std::size_t i = 0; i < kHttpStatusCount; ++i) {
        const std::string text(http_response(static_cast<HttpStatus>(i)));
        EXPECT_TRUE(text.starts_with("HTTP/1.1 " + codes[i] + " ")) << text;
        const std::size_t head_bytes = text.find("\r\n\r\n") + 4;
        ASSERT_LT(head_bytes, text.size());
        const std::string length = std::to_string(text.size() - head_bytes);
        EXPECT_NE(text.find("\r\nContent-Length: " + length + "\r\n"), std::string::npos) << text;
        EXPECT_NE(text.find("\r\nConnection: close\r\n"), std::string::npos) << text;
    }
    const std::string_view login = http_response(HttpStatus::login_required);
    EXPECT_NE(login.find("\r\nProxy-Authenticate: Basic realm="), std::string_view::npos);
}

// Measured on V2Ray 4.34.
TEST(HttpReply, OpensATunnelInTheUsualWords) {
    EXPECT_EQ(http_established(), "HTTP/1.1 200 Connection established\r\n\r\n");
}

}  // namespace
}  // namespace ferry::proto
