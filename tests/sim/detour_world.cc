#include "tests/sim/detour_world.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/vmess_inbound.h"
#include "core/vmess_outbound.h"
#include "tests/sim/configs.h"

namespace ferry::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::uint16_t kTalkPort = 80;
constexpr std::uint16_t kEchoPort = 7;
constexpr std::size_t kEchoBytes = 100;
// A turn of ports takes a moment, and who looks does so once a second.
constexpr auto kSlack = seconds(2);

// Some way between both hosts, so that much is on its way when ports close.
Weather distant() {
    Weather made;
    made.delay_least = milliseconds(1);
    made.delay_most = milliseconds(40);
    return made;
}

proto::vmess::UserId id_of(std::size_t number) {
    proto::vmess::UserId id = user();
    id.bytes[0] = static_cast<std::uint8_t>(number);
    return id;
}

core::config::Config server_config(const DetourChoices& choices) {
    core::config::Config config;
    config.stats = true;
    core::config::Level counted;
    counted.stats_user_uplink = counted.stats_user_downlink = true;
    config.policy.levels.emplace(0, counted);
    core::config::Inbound main;
    main.tag = "main";
    main.listen = proto::ipv4({10, 0, 0, 2}, 0);
    main.ports = {DetourWorld::kMainPort, DetourWorld::kMainPort};
    core::config::VmessInbound settings;
    settings.detour = "dynamic";
    for (std::size_t number = 0; number < choices.emails.size(); ++number) {
        settings.clients.push_back({.id = id_of(number),
                                    .alter_id = choices.alter_id,
                                    .level = 0,
                                    .email = choices.emails[number]});
    }
    main.settings = settings;
    config.inbounds.push_back(main);

    core::config::Inbound dynamic;
    dynamic.tag = "dynamic";
    dynamic.listen = main.listen;
    dynamic.ports = {DetourWorld::kFirst, DetourWorld::kLast};
    dynamic.allocate = {choices.strategy, choices.refresh_minutes, DetourWorld::kConcurrency};
    core::config::VmessInbound there;
    there.default_alter_id = choices.alter_id;
    dynamic.settings = there;
    config.inbounds.push_back(dynamic);
    config.outbounds.push_back(freedom_outbound());
    return config;
}

core::config::Config client_config(const DetourChoices& choices) {
    core::config::Config config;
    config.inbounds = {door_inbound(1000 + kTalkPort, kTalkPort),
                       door_inbound(1000 + kEchoPort, kEchoPort)};
    core::config::VmessServer server;
    server.address = proto::ipv4({10, 0, 0, 2}, DetourWorld::kMainPort);
    for (std::size_t number = 0; number < choices.emails.size(); ++number) {
        core::config::VmessAccount account;
        account.id = id_of(number);
        account.alter_id = choices.alter_id;
        server.users.push_back(account);
    }
    core::config::VmessOutbound vmess;
    vmess.servers.push_back(server);
    core::config::Outbound outbound;
    outbound.settings = vmess;
    config.outbounds.push_back(outbound);
    return config;
}

io::Task<void> say_back(io::Scope& scope, io::Accepted accepted) {
    io::Socket socket(scope, std::move(accepted.descriptor));
    for (;;) {
        io::Buffer in;
        auto got = co_await socket.recv(in);
        if (!got || *got == 0) {
            break;
        }
        auto sent = co_await socket.send(in.data());
        if (!sent) {
            break;
        }
    }
}

io::Task<void> echo(io::Scope& scope) {
    auto listener = io::Listener::open(scope, kTargetHost.with_port(kEchoPort), io::Sharing::first);
    while (listener && !scope.stopping()) {
        auto accepted = co_await listener->accept();
        if (accepted) {
            scope.spawn(say_back(scope, std::move(*accepted)));
        }
    }
}

// Gives whether `bytes` were heard, and nothing else.
io::Task<bool> hear(io::Socket& socket, const Bytes& bytes) {
    std::size_t heard = 0;
    while (heard < bytes.size()) {
        io::Buffer in;
        auto got = co_await socket.recv(in);
        if (!got || *got == 0 || heard + *got > bytes.size() ||
            !std::equal(in.data().begin(), in.data().end(),
                        bytes.begin() + static_cast<std::ptrdiff_t>(heard))) {
            co_return false;
        }
        heard += *got;
    }
    co_return true;
}

io::Task<void> talk_on(Host& host, io::Endpoint at, const bool& is_talk_over, Talker& talker) {
    io::Scope scope(host.loop, &host.root);
    auto socket = co_await io::Socket::connect(scope, at);
    bool is_good = socket.has_value();
    while (is_good && !is_talk_over) {
        const Bytes bytes = pattern(talker.answers + 1, kEchoBytes);
        auto sent = co_await socket->send(bytes);
        auto heard = co_await hear(*socket, bytes);
        is_good = sent && heard;
        talker.answers += is_good ? 1 : 0;
        auto slept = co_await host.loop.sleep_for(scope, minutes(1));
        is_good = is_good && slept;
    }
    if (is_good) {
        auto ended = co_await socket->shutdown_write();
        io::Buffer in;
        auto got = co_await socket->recv(in);
        talker.is_content = ended && got && *got == 0;
    }
    talker.is_over = true;
}

io::Task<void> speak_later(Host& host, io::Duration later, io::Endpoint at, const Talk& talk,
                           Heard& heard) {
    io::Scope scope(host.loop, &host.root);
    auto slept = co_await host.loop.sleep_for(scope, later);
    (void)slept;  // nobody stops it
    Bytes none;
    co_await speak(host, at, talk, none, 0, heard);
}

}  // namespace

DetourWorld::DetourWorld(std::uint64_t seed, DetourChoices choices)
    : world(seed, distant()),
      client_host(world, kClientHost),
      target_host(world, kTargetHost),
      server(world, kServerHost, server_config(choices), dispatch(), core::Limits{}),
      client(world, kClientHost, client_config(choices), dispatch(), core::Limits{}),
      choices_(std::move(choices)),
      refresh_(minutes(choices_.refresh_minutes)),
      start_(world.now()),
      talk_{pattern(seed, 300), pattern(seed + 1, 1000), false},
      target_(target_host, kTargetHost.with_port(kTalkPort), talk_),
      echo_scope_(target_host.loop, &target_host.root) {
    server.make_tokens();
    echo_scope_.spawn(echo(echo_scope_));
    client.backend().watch_dials(
        [this](const io::Endpoint& to, bool is_refused) { dialled(to, is_refused); });
}

DetourWorld::~DetourWorld() {
    client.backend().watch_dials({});
}

void DetourWorld::pass(io::Duration time) {
    const io::TimePoint until = world.now() + time;
    world.at(until, [] {});
    (void)world.run([&] { return world.now() >= until; });
}

void DetourWorld::live(seconds time) {
    io::TimePoint next = world.now();
    for (seconds second{}; second < time && !testing::Test::HasFailure(); ++second) {
        if (world.now() >= next) {
            exchange(milliseconds(world.random().below(1000)));
            next = world.now() + seconds(1 + world.random().below(39));
        }
        if (is_random() && refresh_ - since_refresh() <= seconds(1)) {
            for (int count = 0; count < 3; ++count) {
                exchange(milliseconds(850 + 5 * world.random().below(60)));
            }
        }
        if (second.count() % core::kTokenSecondsAhead == 0) {
            server.make_tokens();
        }
        // A port that has closed may be the next one that opens: look in between.
        pass(milliseconds(100));
        observe();
        pass(milliseconds(900));
        observe();
        settle();
    }
}

void DetourWorld::exchange(io::Duration later) {
    exchanging_.push_back(std::make_unique<Heard>());
    client_host.root.spawn(
        speak_later(client_host, later, client.at(0), talk_, *exchanging_.back()));
    ++exchanges_;
}

// Every exchange that is over has succeeded, at both ends.
void DetourWorld::settle() {
    for (const auto& one : exchanging_) {
        if (one->over) {
            EXPECT_TRUE(one->ended && one->bytes == talk_.down)
                << one->bytes.size() << " bytes heard";
        }
    }
    std::erase_if(exchanging_, [](const auto& one) { return one->over; });
    const auto& heard = target_.heard();
    for (; heard_at_target_ < heard.size() && heard[heard_at_target_]->over; ++heard_at_target_) {
        EXPECT_TRUE(heard[heard_at_target_]->ended && heard[heard_at_target_]->bytes == talk_.up);
    }
}

void DetourWorld::begin_talk() {
    talkers_.push_back(std::make_unique<Talker>());
    client_host.root.spawn(talk_on(client_host, client.at(1), is_talk_over_, *talkers_.back()));
}

std::set<std::uint16_t> DetourWorld::open_ports() const {
    std::set<std::uint16_t> ports;
    if (is_random()) {
        const std::vector<std::uint16_t> listening = server.listening(0);
        ports.insert(listening.begin(), listening.end());
        return ports;
    }
    for (const core::Port& port : server.snapshot().ports) {
        if (port.at.port() != kMainPort) {
            ports.insert(port.at.port());
        }
    }
    return ports;
}

io::Duration DetourWorld::since_refresh() const {
    return (world.now() - start_) % refresh_;
}

// Which ports have opened and closed since the last look?
void DetourWorld::observe() {
    const std::set<std::uint16_t> open = open_ports();
    for (const std::uint16_t port : open) {
        EXPECT_TRUE(port >= kFirst && port <= kLast) << port;
        if (opened_.emplace(port, world.now()).second) {
            EXPECT_LE(since_refresh(), kSlack) << port << " has opened between two turns";
            ever_.insert(port);
            ++openings_;
        }
    }
    std::erase_if(opened_, [&](const auto& each) {
        const auto& [port, since] = each;
        if (!open.contains(port)) {
            EXPECT_GE(world.now() - since, 2 * refresh_ - kSlack) << port << " closed early";
            EXPECT_LE(world.now() - since, 2 * refresh_ + kSlack) << port << " closed late";
            return true;
        }
        return false;
    });
    if (is_random() && since_refresh() > kSlack) {
        const std::size_t turns = world.now() - start_ < refresh_ ? 1 : 2;
        EXPECT_EQ(open.size(), turns * kConcurrency);
    }
    observe_tables();
}

// Nothing grows: accounts go with their ports, and whom the client is lent with its minutes.
void DetourWorld::observe_tables() const {
    // Accounts of closed ports stay for those who are in the middle of a handshake.
    const std::size_t ports = is_random() ? 3 * kConcurrency : kLast - kFirst + 1;
    const std::set<std::string> people(choices_.emails.begin(), choices_.emails.end());
    const std::size_t accounts = ports * people.size();
    const auto& dynamic = static_cast<const core::VmessInbound&>(*server.snapshot().inbounds.at(1));
    EXPECT_LE(dynamic.made()->table()->size(), accounts);
    if (dynamic.tokens()) {
        // A group of ids is made anew when half of them are gone.
        EXPECT_LE(dynamic.tokens()->ids(), 2 * accounts * choices_.alter_id);
    }
    const auto& vmess = static_cast<const core::VmessOutbound&>(*client.snapshot().outbounds.at(0));
    EXPECT_LE(vmess.servers().size(), 1 + std::min(accounts, core::kLentServersMax));
}

// Somebody dials from the client: whom may it know at this time?
void DetourWorld::dialled(const io::Endpoint& to, bool is_refused) {
    ++dials_;
    refused_ += is_refused ? 1 : 0;
    if (to.port() == kMainPort) {
        return;
    }
    ++detours_;
    observe();
    const auto opened = opened_.find(to.port());
    if (!is_random() || is_refused) {
        return;
    }
    ASSERT_NE(opened, opened_.end()) << to.port() << " does not listen";
    // The minutes are counted down by whole ones.
    EXPECT_LE(world.now() - opened->second, refresh_ + minutes(1) + kSlack);
}

std::size_t DetourWorld::outliving() const {
    const std::set<std::uint16_t> open = open_ports();
    std::size_t sum = 0;
    for (const std::uint16_t port : ever_) {
        sum += open.contains(port) ? 0 : server.backend().served_at(port);
    }
    return sum;
}

std::map<std::string, std::uint64_t, std::less<>> DetourWorld::counters() const {
    std::map<std::string, std::uint64_t, std::less<>> sums;
    server.meters().add_to(sums);
    return sums;
}

std::uint64_t DetourWorld::bytes_up() const {
    std::uint64_t sum = exchanges_ * talk_.up.size();
    for (const auto& talker : talkers_) {
        sum += talker->answers * kEchoBytes;
    }
    return sum;
}

void DetourWorld::wind_down() {
    is_talk_over_ = true;
    const auto is_over = [](const auto& talker) { return talker->is_over; };
    (void)world.run([&] { return std::ranges::all_of(talkers_, is_over); }, minutes(5));
    EXPECT_TRUE(std::ranges::all_of(talkers_, &Talker::is_content,
                                    [](const auto& talker) -> const Talker& { return *talker; }));
    pass(seconds(10));
    settle();
    EXPECT_TRUE(exchanging_.empty());
    EXPECT_EQ(heard_at_target_, exchanges_);
    target_.close();
    echo_scope_.stop(io::Stop::shutdown);
    client.stop(seconds(1));
    server.stop(seconds(1));
    (void)world.run([this] {
        return client.ended() && server.ended() && target_.closed() && echo_scope_.empty();
    });
    EXPECT_TRUE(client.ended() && server.ended()) << world.describe();
    EXPECT_TRUE(client.pools_are_full() && server.pools_are_full());
    EXPECT_EQ(server.stats().open_sessions.read(), 0U);
}

}  // namespace ferry::sim
