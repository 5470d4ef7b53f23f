// The tree promises: every file follows the rules that can be seen in its text.
//
//   needs  FERRY_ROOT, the folder of the sources
#include "tests/tidy/rules.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ostream>
#include <string>
#include <vector>

namespace ferry::tidy {

// How GoogleTest names a rule in its messages.
static void PrintTo(const Rule& rule, std::ostream* to) {
    *to << rule.name;
}

namespace {

std::string root() {
    const char* value = std::getenv("FERRY_ROOT");
    return value == nullptr ? "" : value;
}

const std::vector<Source>& tree() {
    static const std::vector<Source> kTree = sources_under(root());
    return kTree;
}

class Tree : public testing::TestWithParam<Rule> {};

TEST_P(Tree, Follows) {
    ASSERT_FALSE(root().empty());
    ASSERT_GT(tree().size(), 50u);
    for (const Source& source : tree()) {
        Findings findings;
        GetParam().check(source, findings);
        for (const Finding& finding : findings) {
            ADD_FAILURE() << finding.path << ':' << finding.line << ": " << finding.what;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Rules, Tree, testing::ValuesIn(rules().begin(), rules().end()),
                         [](const auto& rule) { return std::string(rule.param.name); });

}  // namespace
}  // namespace ferry::tidy
