// The rules about coroutines promise: they fire on each form that can be seen in the text, and
// leave the forms alone that are written instead (architecture.md, section 15).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/tidy/rules.h"

namespace ferry::tidy {
namespace {

bool is_liked(Check check, const std::string& text) {
    Findings findings;
    check(source_from("core/a.cc", text), findings);
    return findings.empty();
}

bool await_is_liked(const std::string& statements) {
    return is_liked(check_awaits, "io::Task<int> f(A& a) {\n" + statements + "\n}\n");
}

bool lambda_is_liked(const std::string& statements) {
    return is_liked(check_lambdas, "void f(A& a) {\n" + statements + "\n}\n");
}

TEST(Awaits, StandAlone) {
    for (const char* good : {
             "auto b = co_await a.c();",
             "const auto b = co_await a.c(d,\n    e());",
             "io::Result<void> b = co_await a.c();",
             "std::pair<int, int>& b = co_await a.c();",
             "b = co_await a.c();",
             "b.c->d = co_await a.c();",
             "co_await a.c();",
             "co_return co_await a.c();",
             "if (b) {\n    co_await a.c();\n}",
             "for (;;) {\n    auto b = co_await a.c();\n}",
             "switch (b) {\n    case B::c:\n        co_await a.c();\n        break;\n}",
             "// if (co_await a.c())",
             "d(\"if (co_await a.c())\");",
         }) {
        EXPECT_TRUE(await_is_liked(good)) << good;
    }
}

TEST(Awaits, DoNotStandInExpressions) {
    for (const char* bad : {
             "if (co_await a.c()) {}",
             "if (auto b = co_await a.c(); b) {}",
             "if (!co_await a.c()) {}",
             "while (co_await a.c()) {}",
             "do {} while (co_await a.c());",
             "for (auto b : co_await a.c()) {}",
             "switch (co_await a.c()) {}",
             "auto b = d ? co_await a.c() : e;",
             "auto b = co_await a.c() ? d : e;",
             "auto b = co_await a.c(d ? e : f);",
             "auto [b, d] = co_await a.c();",
             "auto b = d(co_await a.c());",
             "auto b = co_await a.c(co_await a.d());",
             "auto b = co_await a.c() + co_await a.d();",
             "std::vector<int> b{co_await a.c(), 1};",
             "co_await a.c(B{1});",
             "co_await a.c({1, 2});",
             "co_await B{1}.c();",
             "co_await a.c([d] { return d; });",
             "co_return !co_await a.c();",
             "co_return d(co_await a.c());",
             "*b = co_await a.c(), d();\nreturn co_await a.c();",
         }) {
        EXPECT_FALSE(await_is_liked(bad)) << bad;
    }
}

TEST(Lambdas, AreNoCoroutinesIfTheyCapture) {
    for (const char* good : {
             "auto b = [&] { return a.c(); };",
             "auto b = [a](int d) -> int { return d; };",
             "d[e] = f();\nco_await g();",
             "if (a[b]) { co_await c(); }",
             "[[maybe_unused]] auto b = co_await c();",
             "auto b = [&] { return a.c(); };\nco_await d();",
             "auto b = [](A& d) -> io::Task<void> { co_await d.c(); };",
         }) {
        EXPECT_TRUE(lambda_is_liked(good)) << good;
    }
    for (const char* bad : {
             "auto b = [&]() -> io::Task<void> { co_await a.c(); };",
             "auto b = [a] { co_return 1; };",
             "auto b = [this](int d) mutable -> io::Task<int> { co_return d; };",
             "spawn([&a]() -> io::Task<void> {\n    if (d) {\n        co_await a.c();\n    "
             "}\n}());",
             "return [=] { co_yield 1; };",
             "auto b = [d = std::move(e)]<class T>(T f) { co_await f; };",
         }) {
        EXPECT_FALSE(lambda_is_liked(bad)) << bad;
    }
}

TEST(Forms, AreNamedInOneFileOnly) {
    const Source forms =
        source_from("tests/io/compiler_forms.cc", "void f() { if (co_await g()) {} }\n");
    Findings findings;
    check_awaits(forms, findings);
    EXPECT_TRUE(findings.empty());
}

}  // namespace
}  // namespace ferry::tidy
