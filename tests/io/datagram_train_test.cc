// What a DatagramSocket promises about trains, the datagrams of one sender that come in one piece:
// nobody sees that they did.
#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "io/datagram.h"
#include "tests/io/mail.h"

namespace ferry::test {

namespace {

using io::DatagramBatch;
using io::DatagramSocket;

class DatagramTrains : public DatagramTest {};
INSTANTIATE_TEST_SUITE_P(Backends, DatagramTrains, all_kinds(), kind_name);

void add_train(Mail& mail, const io::Endpoint& to, std::size_t count, std::size_t bytes,
               std::size_t last_bytes) {
    for (std::size_t i = 0; i + 1 < count; ++i) {
        mail.add(to, bytes, i);
    }
    mail.add(to, last_bytes, count);
}

std::size_t count_of(const std::vector<Got>& all, const io::Endpoint& peer, const Bytes& bytes) {
    return static_cast<std::size_t>(std::ranges::count_if(
        all, [&](const Got& one) { return one.peer == peer && one.bytes == bytes; }));
}

// Of each size twice: the first that come do not fit the places that are there for them.
TEST_P(DatagramTrains, ArriveAsSingleDatagrams) {
    struct Form {
        std::size_t count;
        std::size_t bytes;
        std::size_t last_bytes;
    };
    constexpr std::array<Form, 7> kForms = {{{2, 1, 1},
                                             {16, 64, 63},
                                             {16, 512, 1},
                                             {40, 1350, 700},
                                             {64, 1000, 1000},
                                             {7, 9000, 8999},
                                             {2, 32000, 31000}}};
    io::Scope scope(loop());
    auto server = door(scope);
    auto client = door(scope);
    for (const Form& form : kForms) {
        for (int time = 0; time < 2; ++time) {
            Mail mail;
            add_train(mail, where(server), form.count, form.bytes, form.last_bytes);
            std::vector<Got> got;
            scope.spawn(say(scope, client, mail));
            scope.spawn(hear(scope, server, pool, form.count, got));
            EXPECT_TRUE(engine().run(scope));
            ASSERT_EQ(got.size(), form.count);
            for (std::size_t i = 0; i < form.count; ++i) {
                EXPECT_EQ(count_of(got, where(client), mail.bytes(i)), 1U) << form.bytes;
                EXPECT_TRUE(!real() || got[i].bytes == mail.bytes(i)) << form.bytes << ' ' << i;
            }
        }
    }
}

TEST_P(DatagramTrains, OfSeveralSendersKeepTheirSenders) {
    constexpr std::size_t kTurns = 8;
    constexpr std::size_t kCount = 10;
    io::Scope scope(loop());
    auto server = door(scope);
    std::array<DatagramSocket, 3> clients = {door(scope), door(scope), door(scope)};
    std::array<Mail, 3> mails;
    for (std::size_t i = 0; i < mails.size(); ++i) {
        add_train(mails[i], where(server), kCount, 300 + 100 * i, 50 + i);
    }
    std::vector<Got> got;
    for (std::size_t turn = 0; turn < kTurns; ++turn) {
        const std::size_t before = got.size();
        for (std::size_t i = 0; i < mails.size(); ++i) {
            scope.spawn(say(scope, clients[i], mails[i]));
        }
        scope.spawn(hear(scope, server, pool, before + mails.size() * kCount, got));
        EXPECT_TRUE(engine().run(scope));
    }
    for (std::size_t i = 0; i < mails.size(); ++i) {
        for (std::size_t k = 0; k < kCount; ++k) {
            EXPECT_EQ(count_of(got, where(clients[i]), mails[i].bytes(k)), kTurns) << i;
        }
    }
}

// What is more than one receive hands out comes with the next; a stop loses it, and no memory.
TEST_P(DatagramTrains, MayBeLongerThanABatch) {
    if (!real()) {
        GTEST_SKIP() << "the simulated network is late";
    }
    io::Scope scope(loop());
    auto server = door(scope);
    auto client = door(scope);
    Mail mail;
    add_train(mail, where(server), 3 * DatagramBatch::kCountMax, 20, 20);
    EXPECT_EQ(client.try_send(mail.all()).taken, mail.all().size());
    DatagramBatch batch;
    for (std::size_t turn = 0; turn < 2; ++turn) {
        std::optional<io::Result<void>> answer;
        scope.spawn(hear_once(scope, server, pool, batch, answer));
        EXPECT_TRUE(engine().run(scope));
        ASSERT_TRUE(answer && *answer);
        ASSERT_EQ(batch.all().size(), DatagramBatch::kCountMax);
        for (std::size_t i = 0; i < DatagramBatch::kCountMax; ++i) {
            const Bytes& wanted = mail.bytes(turn * DatagramBatch::kCountMax + i);
            EXPECT_TRUE(std::ranges::equal(batch.all()[i].bytes, wanted)) << i;
        }
    }
    scope.stop(io::Stop::removed);
    std::optional<io::Result<void>> answer;
    scope.spawn(hear_once(scope, server, pool, batch, answer));
    EXPECT_TRUE(engine().run(scope));
    ASSERT_TRUE(answer && !*answer);
    EXPECT_EQ(answer->error(), std::errc::operation_canceled);
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(pool.free_slots(), kSlots);
}

// Nor are more bytes handed out than the queue of an association takes.
TEST_P(DatagramTrains, MayBeLargerThanABatch) {
    if (!real()) {
        GTEST_SKIP() << "the simulated network is late";
    }
    constexpr std::size_t kBytes = 1350;
    io::Scope scope(loop());
    auto server = door(scope);
    auto client = door(scope);
    Mail mail;
    add_train(mail, where(server), 100, kBytes, kBytes);
    EXPECT_EQ(client.try_send(mail.all()).taken, mail.all().size());
    DatagramBatch batch;
    std::vector<Got> got;
    while (got.size() < mail.all().size()) {
        std::optional<io::Result<void>> answer;
        scope.spawn(hear_once(scope, server, pool, batch, answer));
        EXPECT_TRUE(engine().run(scope));
        ASSERT_TRUE(answer && *answer);
        ASSERT_FALSE(batch.empty());
        EXPECT_LE(batch.all().size() * kBytes, DatagramBatch::kBytesMax);
        keep(batch, got);
    }
    for (std::size_t i = 0; i < got.size(); ++i) {
        EXPECT_TRUE(got[i].bytes == mail.bytes(i)) << i;
    }
}

// Of a train that no slot is free for, those are kept that fit its place to their last byte.
TEST_P(DatagramTrains, AreLostInPartWhereThereIsNoRoom) {
    if (!real()) {
        GTEST_SKIP() << "the simulated network is late";
    }
    io::Scope scope(loop());
    auto server = door(scope);
    auto client = door(scope);
    std::vector<io::Buffer> taken;
    while (pool.free_slots() > 1) {
        taken.push_back(pool.try_take());
    }
    constexpr std::size_t kBytes = 500;
    constexpr std::size_t kCount = 20;
    Mail mail;
    add_train(mail, where(server), kCount, kBytes, 1);
    EXPECT_EQ(client.try_send(mail.all()).taken, kCount);
    DatagramBatch batch;
    std::optional<io::Result<void>> answer;
    scope.spawn(hear_once(scope, server, pool, batch, answer));
    EXPECT_TRUE(engine().run(scope));
    ASSERT_TRUE(answer && *answer);
    EXPECT_EQ(batch.all().size() + batch.dropped(), kCount);
    // A kernel without trains brings them all.
    const std::size_t whole = DatagramBatch::kPlaceBytes / kBytes;
    EXPECT_TRUE(batch.all().size() == whole || batch.all().size() == kCount);
    for (std::size_t i = 0; i < batch.all().size(); ++i) {
        EXPECT_TRUE(std::ranges::equal(batch.all()[i].bytes, mail.bytes(i))) << i;
    }
    batch.clear();

    // The next one finds a place that is large enough.
    EXPECT_EQ(client.try_send(mail.all()).taken, kCount);
    scope.spawn(hear_once(scope, server, pool, batch, answer));
    EXPECT_TRUE(engine().run(scope));
    EXPECT_EQ(batch.dropped(), 0U);
    EXPECT_EQ(batch.all().size(), kCount);
}

}  // namespace

}  // namespace ferry::test
