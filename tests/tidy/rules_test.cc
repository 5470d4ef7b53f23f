// The rules promise: each fires on a bad sample, names its line, and leaves a good one alone.
#include "tests/tidy/rules.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace ferry::tidy {
namespace {

// The lines that a rule does not like in a file of this name and text.
std::vector<std::size_t> lines_found(Check check, std::string path, std::string_view text) {
    Findings findings;
    check(source_from(std::move(path), text), findings);
    std::vector<std::size_t> lines;
    for (const Finding& finding : findings) {
        lines.push_back(finding.line);
    }
    return lines;
}

using Lines = std::vector<std::size_t>;
const Lines kNone;

// Is this include liked there?
bool may_include(std::string path, const std::string& header) {
    return lines_found(check_includes, std::move(path), "#include " + header + "\n").empty();
}

TEST(Source, TakesCommentsAndLiteralsOut) {
    const Source source = source_from("a.cc",
                                      "int a; // b \"c\"\n"
                                      "int /* d\n"
                                      "e */ f = 1'000;\n"
                                      "auto g = \"h // \\\" i\"; char j = '\"';\n"
                                      "auto k = R\"x(l\n"
                                      ")\" m)x\"; int n;\n");
    const std::vector<std::string> code{
        "int a;         ", "int     ",
        "     f = 1'000;", "auto g = \"         \"; char j = ' ';",
        "auto k =      ",  "       ; int n;",
    };
    EXPECT_EQ(source.code, code);
}

TEST(Source, CutsCodeIntoPieces) {
    const auto pieces =
        pieces_of(source_from("a.cc", "#include <b>\nint f(int a,\n  int b) {\n  g(); }\n"));
    ASSERT_EQ(pieces.size(), 3u);
    EXPECT_EQ(pieces[0].text, "int f(int a,   int b)");
    EXPECT_EQ(pieces[0].line, 2u);
    EXPECT_EQ(pieces[0].last_line, 3u);
    EXPECT_EQ(pieces[0].end, '{');
    EXPECT_EQ(pieces[1].text, "g()");
    EXPECT_EQ(pieces[2].end, '}');
}

TEST(Includes, FollowTheArrows) {
    EXPECT_TRUE(may_include("core/a.cc", "\"io/b.h\""));
    EXPECT_TRUE(may_include("core/a.cc", "\"proto/vmess/b.h\""));
    EXPECT_TRUE(may_include("proto/a.cc", "\"crypto/b.h\""));
    EXPECT_TRUE(may_include("tests/io/a.cc", "\"core/b.h\""));
    EXPECT_FALSE(may_include("io/a.cc", "\"proto/b.h\""));
    EXPECT_FALSE(may_include("io/a.cc", "\"crypto/b.h\""));
    EXPECT_FALSE(may_include("io/a.cc", "\"core/b.h\""));
    EXPECT_FALSE(may_include("proto/a.cc", "\"io/b.h\""));
    EXPECT_FALSE(may_include("proto/a.cc", "\"core/b.h\""));
    EXPECT_FALSE(may_include("crypto/a.cc", "\"proto/b.h\""));
    EXPECT_FALSE(may_include("core/a.cc", "\"tests/b.h\""));
    EXPECT_FALSE(may_include("tests/a.cc", "\"perf/b.h\""));
    EXPECT_FALSE(may_include("core/a.cc", "\"b.h\""));  // not from the root
    EXPECT_FALSE(may_include("core/a.cc", "\"../io/b.h\""));
}

TEST(Includes, KeepPackagesInTheirFiles) {
    EXPECT_TRUE(may_include("io/uring.cc", "<liburing.h>"));
    EXPECT_FALSE(may_include("io/uring.h", "<liburing.h>"));
    EXPECT_FALSE(may_include("core/a.cc", "<liburing.h>"));
    EXPECT_TRUE(may_include("crypto/boring/a.cc", "<openssl/aead.h>"));
    EXPECT_FALSE(may_include("crypto/a.cc", "<openssl/aead.h>"));
    EXPECT_TRUE(may_include("core/config_json.cc", "<simdjson.h>"));
    EXPECT_FALSE(may_include("core/main.cc", "<simdjson.h>"));
    EXPECT_TRUE(may_include("core/resolver.cc", "<ares.h>"));
    EXPECT_FALSE(may_include("core/dial.cc", "<ares.h>"));
    EXPECT_TRUE(may_include("core/log.cc", "<fmt/format.h>"));
    EXPECT_FALSE(may_include("io/a.cc", "<fmt/format.h>"));
    EXPECT_FALSE(may_include("core/a.cc", "<gtest/gtest.h>"));
    EXPECT_FALSE(may_include("tests/a.cc", "<benchmark/benchmark.h>"));
    EXPECT_FALSE(may_include("core/a.cc", "<boost/asio.hpp>"));
    EXPECT_TRUE(may_include("crypto/amd64/a.cc", "<immintrin.h>"));
    EXPECT_FALSE(may_include("crypto/portable/a.cc", "<immintrin.h>"));
    EXPECT_FALSE(may_include("core/a.cc", "<arm_neon.h>"));
}

TEST(Includes, KeepTheSystemOutOfPureFolders) {
    EXPECT_TRUE(may_include("io/a.cc", "<sys/socket.h>"));
    EXPECT_TRUE(may_include("core/a.cc", "<unistd.h>"));
    EXPECT_FALSE(may_include("proto/a.cc", "<sys/socket.h>"));
    EXPECT_FALSE(may_include("crypto/a.cc", "<unistd.h>"));
    EXPECT_TRUE(may_include("proto/address.cc", "<arpa/inet.h>"));
    EXPECT_FALSE(may_include("proto/socks.cc", "<arpa/inet.h>"));
    EXPECT_TRUE(may_include("crypto/random.cc", "<sys/random.h>"));
    EXPECT_FALSE(may_include("proto/a.cc", "<chrono>"));
    EXPECT_FALSE(may_include("proto/a.cc", "<coroutine>"));
    EXPECT_FALSE(may_include("crypto/a.cc", "<thread>"));
    EXPECT_TRUE(may_include("proto/a.cc", "<vector>"));
    EXPECT_TRUE(may_include("io/a.cc", "<chrono>"));
}

TEST(Includes, InCommentsAreNone) {
    EXPECT_EQ(lines_found(check_includes, "io/a.cc", "// #include \"core/b.h\"\n"), kNone);
    EXPECT_EQ(lines_found(check_includes, "io/a.md", "#include \"core/b.h\"\n"), kNone);
}

TEST(KernelIncludes, AreFew) {
    const std::string_view text =
        "#include <cstdint>\n#include <immintrin.h>\n#include \"crypto/kernel.h\"\n"
        "#include <algorithm>\n#include \"crypto/bytes.h\"\n#include \"crypto/amd64/a.h\"\n";
    EXPECT_EQ(lines_found(check_kernel_includes, "crypto/amd64/a.cc", text), (Lines{4, 5}));
    EXPECT_EQ(lines_found(check_kernel_includes, "crypto/amd64/rows.cc", text), kNone);
    EXPECT_EQ(lines_found(check_kernel_includes, "crypto/portable/a.cc", text), kNone);
    EXPECT_EQ(lines_found(check_kernel_includes, "crypto/s390x/a_vx.cc", text), (Lines{4, 5, 6}));
    EXPECT_EQ(lines_found(check_kernel_includes, "crypto/s390x/a_km.cc", text), kNone);
}

TEST(Blanks, AreNotAtLineEnds) {
    EXPECT_EQ(lines_found(check_blanks, "a.md", "a\nb \nc\td\ne\r\nf"), (Lines{2, 3, 4, 5}));
    EXPECT_EQ(lines_found(check_blanks, "a.md", "a b\n\n"), kNone);
}

TEST(Columns, AreAHundred) {
    const std::string line(100, 'x');
    EXPECT_EQ(lines_found(check_columns, "a.cc", line + "\n" + line + "x\n"), (Lines{2}));
    EXPECT_EQ(lines_found(check_columns, "a.py", std::string(121, 'x') + "\n"), (Lines{1}));
    EXPECT_EQ(lines_found(check_columns, "a.py", line + "x\n"), kNone);
    EXPECT_EQ(lines_found(check_columns, "tests/a.cc", '"' + line + "\"\n"), kNone);
    EXPECT_EQ(lines_found(check_columns, "a.md", line + "x\n"), kNone);
    EXPECT_EQ(lines_found(check_columns, "a.cc", std::string(99, 'x') + "\xc3\xa4\n"), kNone);
}

TEST(FileLength, IsFourHundred) {
    std::string text;
    for (int i = 0; i < 400; ++i) {
        text += "//\n";
    }
    EXPECT_EQ(lines_found(check_file_length, "a.cc", text), kNone);
    EXPECT_EQ(lines_found(check_file_length, "a.py", text + "#\n"), (Lines{401}));
    EXPECT_EQ(lines_found(check_file_length, "a.md", text + "#\n"), kNone);
}

TEST(FunctionLength, IsSixty) {
    std::string body;
    for (int i = 0; i < 58; ++i) {
        body += "    g();\n";
    }
    const auto found = [](const std::string& text) {
        return lines_found(check_function_length, "a.cc", text);
    };
    EXPECT_EQ(found("void f() {\n" + body + "}\n"), kNone);
    EXPECT_EQ(found("\nvoid f() {\n" + body + "\n}\n"), (Lines{2}));
    EXPECT_EQ(
        found("namespace a {\nclass B {\nvoid f(int a,\n       int b) {\n" + body + "}\n};\n}\n"),
        (Lines{3}));
    EXPECT_EQ(found("template <class T>\nstruct B {\n" + body + body + "};\n"), kNone);
    EXPECT_EQ(found("void f() {\nif (a) {\n" + body + "}\n}\n"), (Lines{1}));
    EXPECT_EQ(found("constexpr int kA[] = {\n" + body + body + "};\n"), kNone);
}

TEST(Headers, SayWhatTheyAre) {
    EXPECT_EQ(lines_found(check_headers, "a.h", "// A.\n#pragma once\n"), kNone);
    EXPECT_EQ(lines_found(check_headers, "a.h", "// A.\n"), (Lines{1}));
    EXPECT_EQ(lines_found(check_headers, "a.h", "#pragma once\n"), (Lines{1}));
    EXPECT_EQ(lines_found(check_headers, "a.cc", "int a;\n"), kNone);
}

TEST(Words, AreWhereTheyBelong) {
    const std::string_view cast = "// reinterpret_cast\nauto a = reinterpret_cast<char*>(b);\n";
    EXPECT_EQ(lines_found(check_casts, "core/a.cc", cast), (Lines{2}));
    EXPECT_EQ(lines_found(check_casts, "io/uring.cc", cast), kNone);
    EXPECT_EQ(lines_found(check_casts, "crypto/amd64/a.cc", cast), kNone);

    const std::string_view output =
        "printf(\"a\");\nstd::snprintf(a);\nstd::cout << b;\n\"printf\";\n";
    EXPECT_EQ(lines_found(check_output, "io/a.cc", output), (Lines{1, 3}));
    EXPECT_EQ(lines_found(check_output, "core/main.cc", output), kNone);

    EXPECT_EQ(lines_found(check_macros, "a.h", "#pragma once\n#define A 1\n// #define\n"),
              (Lines{2}));
    EXPECT_EQ(lines_found(check_using, "a.cc", "using namespace std;\nusing std::string;\n"),
              (Lines{1}));
}

TEST(Stubs, AreFoundInAnyText) {
    EXPECT_EQ(lines_found(check_stubs, "a.md",
                          "TO"
                          "DO\nfix me\nFIX"
                          "ME: a\nXX"
                          "X\nXX"
                          "XXXX\n"),
              (Lines{1, 3, 4}));
}

TEST(Paths, AreFoundInAnyText) {
    EXPECT_EQ(lines_found(check_paths, "a.py",
                          "a\n'/wo"
                          "rk/b'\n'/tmp"
                          "/b-c'\n'/tmp/d'\n"),
              (Lines{2, 3}));
}

}  // namespace
}  // namespace ferry::tidy
