// What a process has accepted is refused by the next one, however the first one ended.
#include "core/replay_store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>
#include <utility>
#include <vector>

#include "tests/core/replay_cases.h"

namespace ferry::core {
namespace {

constexpr std::int64_t kPast = kReplayWindow.count();

class StateFile : public StateFolder {};

TEST_F(StateFile, IsRememberedByTheNextProcess) {
    {
        auto before = start(at(0));
        ASSERT_EQ(before->ids.insert(token_of(1), at(1)), Seen::fresh);
        ASSERT_EQ(before->keys.insert(token_of(2), at(2)), Seen::fresh);
    }
    auto after = start(at(3));
    EXPECT_EQ(after->found.live, 2U);
    EXPECT_EQ(after->found.damaged, 0U);
    EXPECT_EQ(after->ids.insert(token_of(1), at(4)), Seen::repeated);
    EXPECT_EQ(after->ids.insert(token_of(2), at(4)), Seen::fresh) << "that was of the other filter";
    EXPECT_EQ(after->keys.insert(token_of(2), at(4)), Seen::repeated);
    EXPECT_EQ(after->keys.insert(token_of(1), at(4)), Seen::fresh);
}

TEST_F(StateFile, IsCompleteAtEveryMoment) {
    constexpr std::uint64_t kTokens = 3000;
    std::vector<std::string> moments;
    {
        auto before = start(at(0));
        for (std::uint64_t number = 0; number < kTokens; ++number) {
            ASSERT_EQ(before->ids.insert(token_of(number), at(0)), Seen::fresh);
            if (number % 500 == 0) {
                moments.push_back(contents());  // what a kill would leave
            }
        }
    }
    for (std::size_t moment = 0; moment < moments.size(); ++moment) {
        write(moments[moment]);
        auto after = start(at(1));
        for (std::uint64_t number = 0; number < kTokens; ++number) {
            const Seen expected = number <= moment * 500 ? Seen::repeated : Seen::fresh;
            ASSERT_EQ(after->ids.insert(token_of(number), at(1)), expected) << number;
        }
    }
}

// Takes tokens in until it is killed, and says so for each.
[[noreturn]] void take_in_for_ever(Remembering& process, int tell) {
    for (std::uint64_t number = 0;; ++number) {
        if (process.ids.insert(token_of(number), at(0)) != Seen::fresh ||
            ::write(tell, &number, sizeof number) != sizeof number) {
            _exit(1);
        }
    }
}

TEST_F(StateFile, SurvivesAKill) {
    std::array<int, 2> told{};
    ASSERT_EQ(pipe(told.data()), 0);
    const ReplayStoreLimits ample{
        .blocks = 65'536, .blocks_per_step = 16, .pause = std::chrono::minutes(1)};
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        Remembering process(folder_, at(0), ample);
        take_in_for_ever(process, told[1]);
    }
    ::close(told[1]);
    std::uint64_t number = 0;
    std::uint64_t last = 0;
    bool killed = false;
    while (::read(told[0], &number, sizeof number) == sizeof number) {
        last = number;
        if (number >= 20'000 && !std::exchange(killed, true)) {
            ASSERT_EQ(kill(child, SIGKILL), 0);
        }
    }
    ::close(told[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    auto after = start(at(1), ample);
    EXPECT_LE(after->found.damaged, 1U) << "but for the record that it was killed in";
    EXPECT_EQ(after->homeless, 0U);
    for (number = 0; number <= last; ++number) {
        ASSERT_EQ(after->ids.insert(token_of(number), at(1)), Seen::repeated) << number;
    }
    // The one that it was about to tell of may be there.
    for (number = last + 2; number <= last + 10'000; ++number) {
        ASSERT_EQ(after->ids.insert(token_of(number), at(1)), Seen::fresh) << number;
    }
}

TEST_F(StateFile, CountsUntilTheWindowIsOverAndThenShrinks) {
    {
        auto before = start(at(0));
        for (std::uint64_t number = 0; number < 5000; ++number) {
            ASSERT_EQ(before->ids.insert(token_of(number), at(0)), Seen::fresh);
        }
    }
    const std::string whole = contents();
    EXPECT_EQ(start(at(kPast - 1))->ids.insert(token_of(1), at(kPast - 1)), Seen::repeated);
    write(whole);
    auto after = start(at(kPast));
    EXPECT_EQ(after->found.live, 0U);
    EXPECT_EQ(after->found.expired, 5000U);
    EXPECT_EQ(after->ids.insert(token_of(1), at(kPast)), Seen::fresh);
    EXPECT_LT(contents().size(), whole.size());
}

TEST_F(StateFile, CountsForAClockThatWasSetBackBetweenTwoProcesses) {
    {
        auto before = start(at(0));
        ASSERT_EQ(before->ids.insert(token_of(1), at(0)), Seen::fresh);
    }
    constexpr std::int64_t kBack = 3600;
    auto after = start(shifted(at(1), -kBack));
    for (const std::int64_t second : {std::int64_t{1}, kPast, kBack, kBack + kPast - 1}) {
        EXPECT_EQ(after->ids.insert(token_of(1), shifted(at(second), -kBack)), Seen::repeated)
            << second;
    }
}

TEST_F(StateFile, OutlivesSeveralProcesses) {
    for (std::uint64_t process = 0; process < 20; ++process) {
        auto now = start(at(static_cast<std::int64_t>(process)));
        for (std::uint64_t number = 0; number < process; ++number) {
            EXPECT_EQ(now->ids.insert(token_of(number), at(0)), Seen::repeated);
        }
        EXPECT_EQ(now->ids.insert(token_of(process), at(0)), Seen::fresh);
    }
}

TEST_F(StateFile, IsWrittenByAllCoresAtOnce) {
    constexpr std::uint64_t kTokens = 40'000;
    constexpr std::uint64_t kThreads = 4;
    const ReplayStoreLimits ample{
        .blocks = 4096, .blocks_per_step = 16, .pause = std::chrono::minutes(1)};
    {
        auto before = start(at(0), ample);
        std::vector<std::thread> threads;
        for (std::uint64_t index = 0; index < kThreads; ++index) {
            threads.emplace_back([&before, index] {
                for (std::uint64_t number = index; number < kTokens; number += kThreads) {
                    EXPECT_EQ(before->ids.insert(token_of(number), at(0)), Seen::fresh);
                    EXPECT_EQ(before->keys.insert(token_of(number), at(0)), Seen::fresh);
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
    }
    auto after = start(at(1), ample);
    EXPECT_EQ(after->found.live, 2 * kTokens);
    for (std::uint64_t number = 0; number < kTokens; ++number) {
        ASSERT_EQ(after->ids.insert(token_of(number), at(1)), Seen::repeated);
        ASSERT_EQ(after->keys.insert(token_of(number), at(1)), Seen::repeated);
    }
}

// ---- room

// Fresh tokens from `first` on; gives how many of them were kept in the file.
std::size_t kept_of(Remembering& process, std::uint64_t first, std::uint64_t count,
                    const ReplayTime& time) {
    std::size_t kept = 0;
    for (std::uint64_t number = first; number < first + count; ++number) {
        const Seen seen = process.ids.insert(token_of(number), time);
        EXPECT_TRUE(seen == Seen::fresh || seen == Seen::unkept);
        kept += seen == Seen::fresh ? 1 : 0;
    }
    return kept;
}

TEST_F(StateFile, HasALimitAndUsesItsBlocksAgain) {
    constexpr std::uint64_t kMany = 40'000;
    constexpr std::size_t kRoom = 255 * 128;  // 256 blocks but the first one, of 4096 / 32 records
    auto process = start(at(0));
    EXPECT_EQ(kept_of(*process, 0, kMany, at(0)), kRoom);
    EXPECT_NE(process->store->trouble(), "");
    EXPECT_EQ(process->ids.insert(token_of(kMany - 1), at(0)), Seen::repeated) << "if unkept";
    EXPECT_EQ(kept_of(*process, 2 * kMany, 1000, at(kPast - 1)), 0U);
    EXPECT_EQ(kept_of(*process, 3 * kMany, kMany, at(kPast)), kRoom);
    EXPECT_EQ(contents().size(), 256U * kReplayBlockBytes);
    process.reset();
    process = start(at(kPast + 1));
    EXPECT_EQ(process->found.live, kRoom);
}

TEST_F(StateFile, ADiskThatIsFullCostsTheFileAndNotTheProcess) {
    ASSERT_NE(signal(SIGXFSZ, SIG_IGN), SIG_ERR);  // as the program does
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    auto process = start(at(0));
    const std::size_t bytes = contents().size();
    const rlimit full{.rlim_cur = bytes, .rlim_max = before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
    const std::size_t kept = kept_of(*process, 0, 30'000, at(0));
    const std::string trouble = process->store->trouble();
    const std::size_t later = kept_of(*process, 50'000, 1000, at(61));
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);

    EXPECT_EQ(kept, bytes / kReplayRecordBytes - 128) << "all that there was room for";
    EXPECT_NE(trouble.find(file()), std::string::npos) << trouble;
    EXPECT_EQ(later, 0U);
    EXPECT_EQ(kept_of(*process, 60'000, 1000, at(62)), 0U) << "asked once a minute only";
    EXPECT_EQ(kept_of(*process, 70'000, 1000, at(121)), 1000U) << "there is room again";
    EXPECT_EQ(process->store->trouble(), "");
}

TEST_F(StateFile, ADiskThatIsFullAtTheStartIsNotWrittenTo) {
    ASSERT_NE(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
    auto process = start(at(0));
    ASSERT_EQ(kept_of(*process, 0, 1000, at(0)), 1000U);
    process.reset();
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit full{.rlim_cur = contents().size() / 2, .rlim_max = before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
    process = start(at(1));
    const std::string trouble = process->store->trouble();
    const std::size_t kept = kept_of(*process, 1000, 1000, at(2));
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);

    EXPECT_EQ(process->found.live, 1000U) << "reading needs no room";
    EXPECT_NE(trouble, "");
    EXPECT_EQ(kept, 0U);
    EXPECT_EQ(kept_of(*process, 2000, 1000, at(62)), 1000U);
}

TEST_F(StateFile, GivesNoBlockToTwoWriters) {
    auto process = start(at(0));
    ASSERT_EQ(kept_of(*process, 0, 20'000, at(0)), 20'000U);
    // All of its blocks are free now, then some of them.
    for (const std::int64_t second : {kPast, kPast + 100, 2 * kPast}) {
        process.reset();
        process = start(at(second));
        const std::size_t live = process->found.live;
        const auto first = static_cast<std::uint64_t>(second) * 100'000;
        ASSERT_EQ(kept_of(*process, first, 10'000, at(second)), 10'000U);
        process.reset();
        process = start(at(second));
        EXPECT_EQ(process->found.live, live + 10'000) << second;
        EXPECT_EQ(process->found.damaged, 0U);
    }
}

// ---- whose it is

TEST_F(StateFile, IsForItsOwnerAlone) {
    const auto mode = [this] {
        struct stat status{};
        EXPECT_EQ(stat(file().c_str(), &status), 0);
        return status.st_mode & 0777;
    };
    start(at(0)).reset();
    EXPECT_EQ(mode(), 0600U);
    ASSERT_EQ(chmod(file().c_str(), 0666), 0);
    start(at(0)).reset();
    EXPECT_EQ(mode(), 0600U);
}

TEST_F(StateFile, HasOneProcessAtATime) {
    auto process = start(at(0));
    const auto second = ReplayStore::open(folder_);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().find(file()), std::string::npos) << second.error();
    EXPECT_NE(second.error().find("another process"), std::string::npos) << second.error();
    process.reset();
    EXPECT_TRUE(ReplayStore::open(folder_));
}

TEST_F(StateFile, MakesItsFolderWithModeOfItsOwner) {
    const std::string folder = folder_ + "/state";
    ASSERT_TRUE(ReplayStore::open(folder));
    struct stat status{};
    ASSERT_EQ(stat(folder.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0077, 0U);
}

TEST_F(StateFile, IsRefusedWithItsPathWhereItCannotBe) {
    write("");
    ASSERT_EQ(mkdir((folder_ + "/linked").c_str(), 0700), 0);
    ASSERT_EQ(symlink(file().c_str(), (folder_ + "/linked/replay.bin").c_str()), 0);
    ASSERT_EQ(mkdir((folder_ + "/piped").c_str(), 0700), 0);
    ASSERT_EQ(mkfifo((folder_ + "/piped/replay.bin").c_str(), 0600), 0);
    ASSERT_EQ(mkdir((folder_ + "/taken").c_str(), 0700), 0);
    ASSERT_EQ(mkdir((folder_ + "/taken/replay.bin").c_str(), 0700), 0);
    for (const std::string place : {"/replay.bin", "/no/parent", "/linked", "/piped", "/taken"}) {
        const auto opened = ReplayStore::open(folder_ + place);
        ASSERT_FALSE(opened) << place;
        EXPECT_NE(opened.error().find(folder_ + place), std::string::npos) << opened.error();
    }
}

TEST_F(StateFile, IsRefusedWhereTheFolderCannotBeWrittenTo) {
    ASSERT_EQ(chmod(folder_.c_str(), 0555), 0);
    constexpr uid_t kNobody = 65534;
    const bool is_root = geteuid() == 0;
    if (is_root) {
        setfsuid(kNobody);  // to the file system, this thread is not root any more
    }
    const auto opened = ReplayStore::open(folder_);
    if (is_root) {
        setfsuid(0);
    }
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().find("ermission denied"), std::string::npos) << opened.error();
}

}  // namespace
}  // namespace ferry::core
