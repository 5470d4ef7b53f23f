// "settings" of the protocol "vmess", on both sides.
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "core/config_sections.h"
#include "core/config_words.h"

namespace ferry::core::config {
namespace {

// An id is as good as a password: neither a right nor a wrong one is shown.
std::optional<UserId> read_id(Section& user) {
    const auto text =
        user.needed_text("id", "the user has no id", "add one: a UUID that both sides know");
    if (!text) {
        return std::nullopt;
    }
    const auto id = proto::vmess::parse_uuid(text->text);
    if (!id) {
        user.report().mistake(text->at, "this is not a UUID",
                              "write 32 hex digits, as in b831381d-6324-4d53-ad4f-8cda48b30811");
        return std::nullopt;
    }
    return *id;
}

// ---- inbound

// Ids need not be random: people count them up, too.
std::size_t hash_of(const UserId& id) {
    std::array<char, proto::vmess::kUserIdBytes> bytes;
    std::memcpy(bytes.data(), id.bytes.data(), bytes.size());
    return std::hash<std::string_view>{}({bytes.data(), bytes.size()});
}

// The same for e-mails that differ in nothing but case.
std::size_t hash_of(std::string_view email) {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a of 64 bits
    for (const char letter : email) {
        const bool is_upper = letter >= 'A' && letter <= 'Z';
        const char small = is_upper ? static_cast<char>(letter - 'A' + 'a') : letter;
        hash = (hash ^ static_cast<unsigned char>(small)) * 0x100000001b3;
    }
    return hash;
}

// Tells whether something stands in a list already: a set of places in it, open-addressed and at
// most half full. With 100 000 users two sets of nodes would take a quarter of the start.
class Places {
public:
    explicit Places(std::size_t count) : slots_(std::bit_ceil(2 * count + 1)) {}

    // Adds a place unless there is one of the `same` already, which gets places of equal hashes,
    // and of others.
    template <class Same>
    bool insert(std::size_t hash, std::size_t place, const Same& same) {
        for (;; ++hash) {
            std::uint32_t& slot = slots_[hash & (slots_.size() - 1)];
            if (slot == 0) {
                slot = static_cast<std::uint32_t>(place + 1);
                return true;
            }
            if (same(slot - 1)) {
                return false;
            }
        }
    }

private:
    std::vector<std::uint32_t> slots_;  // places counted from 1; 0: free
};

// Reads clients one by one, and knows which names and ids are taken.
class ClientReader {
public:
    ClientReader(Report& report, std::size_t count) : report_(report), emails_(count), ids_(count) {
        clients_.reserve(count);
    }

    void read(Value value);
    std::vector<VmessClient> take() { return std::move(clients_); }

private:
    std::string read_email(Section& section);
    bool is_new(const UserId& id);
    bool is_new(std::string_view email);

    Report& report_;
    std::vector<VmessClient> clients_;
    Places emails_;
    Places ids_;
};

bool ClientReader::is_new(const UserId& id) {
    return ids_.insert(hash_of(id), clients_.size(),
                       [&](std::size_t place) { return clients_[place].id == id; });
}

bool ClientReader::is_new(std::string_view email) {
    return emails_.insert(hash_of(email), clients_.size(), [&](std::size_t place) {
        return equal_ignoring_case(clients_[place].email, email);
    });
}

void ClientReader::read(Value value) {
    Section section(report_, value);
    VmessClient client;
    const auto id = read_id(section);
    if (id && !is_new(*id)) {
        report_.warning(*section.find("id"), "another client before has the same id",
                        "the later one gets the traffic; remove one of them");
    }
    client.id = id.value_or(UserId{});
    client.email = read_email(section);
    client.level = section.number<std::uint32_t>("level").value_or(0);
    client.alter_id = section.number<std::uint16_t>("alterId").value_or(0);
    section.ignore("security");  // the client chooses it, and says so in each request
    section.finish();
    clients_.push_back(std::move(client));
}

std::string ClientReader::read_email(Section& section) {
    const auto email = section.text_at("email");
    if (!email) {
        return {};
    }
    if (!email->text.empty() && !is_new(email->text)) {
        report_.mistake(email->at, fmt::format("User {} already exists", email->text),
                        "an e-mail may stand once in an inbound, whatever its case");
    }
    return std::string(email->text);
}

void read_detour(Section& settings, VmessInbound& inbound) {
    Section section(settings, "detour");
    const std::string to = section.text("to");
    if (!to.empty()) {
        inbound.detour = to;
    }
    section.finish();
}

// What accounts get that are made up for a detour. The manual's 64 alternative ids hold where there
// is a `default` without the key; without the object there are none (config.md 3).
void read_default(Section& settings, VmessInbound& inbound) {
    constexpr std::uint16_t kManualAlterId = 64;
    const bool is_there = settings.object("default").has_value();
    Section section(settings, "default");
    inbound.default_level = section.number<std::uint8_t>("level").value_or(0);
    inbound.default_alter_id = section.number<std::uint16_t>("alterId").value_or(
        is_there ? kManualAlterId : std::uint16_t{0});
    section.finish();
}

// ---- outbound

struct NamedSecurity {
    std::string_view name;
    Security security;
};
constexpr std::array<NamedSecurity, 5> kSecurities{{
    {"auto", Security::automatic},
    {"aes-128-gcm", Security::aes_128_gcm},
    {"chacha20-poly1305", Security::chacha20_poly1305},
    {"none", Security::none},
    {"zero", Security::zero},
}};

Security read_security(Section& user) {
    const auto name = user.text_at("security");
    if (!name || name->text.empty()) {
        return Security::automatic;
    }
    std::array<std::string_view, kSecurities.size()> names;
    for (std::size_t index = 0; index < kSecurities.size(); ++index) {
        if (equal_ignoring_case(name->text, kSecurities[index].name)) {
            return kSecurities[index].security;
        }
        names[index] = kSecurities[index].name;
    }
    user.report().warning(
        name->at,
        fmt::format("{} is not a security that can be chosen; auto is used", shown(name->text)),
        suggestion(name->text, names, "use auto, aes-128-gcm, chacha20-poly1305, none or zero"));
    return Security::automatic;
}

// A text with the names of experiments in it, with whatever between them.
void read_experiments(Section& user, std::string_view key, VmessAccount& account) {
    const auto text = user.text_at(key);
    if (!text || text->text.empty()) {
        return;
    }
    const bool has_length = text->text.find("AuthenticatedLength") != std::string_view::npos;
    const bool has_no_end = text->text.find("NoTerminationSignal") != std::string_view::npos;
    account.authenticated_length |= has_length;
    account.no_termination_signal |= has_no_end;
    if (!has_length && !has_no_end) {
        user.report().warning(text->at, "none of these experiments exists",
                              "use AuthenticatedLength or NoTerminationSignal");
    }
}

struct NamedEncoding {
    std::string_view name;
    PacketEncoding encoding;
};
// The second name of `packet` is the one that sing-box gives it.
constexpr std::array<NamedEncoding, 4> kEncodings{{
    {"none", PacketEncoding::none},
    {"packet", PacketEncoding::packet},
    {"packetaddr", PacketEncoding::packet},
    {"xudp", PacketEncoding::xudp},
}};

// Of the outbound, or of one of its users: an outbound has one way for all.
void read_encoding(Section& section, PacketEncoding& encoding) {
    const auto name = section.text_at("packetEncoding");
    if (!name || name->text.empty()) {
        return;
    }
    for (const NamedEncoding& known : kEncodings) {
        if (equal_ignoring_case(name->text, known.name)) {
            encoding = known.encoding;
            return;
        }
    }
    section.report().mistake(name->at,
                             fmt::format("{} is not a packet encoding", shown(name->text)),
                             "write \"none\", \"packet\" or \"xudp\"");
}

VmessAccount read_account(Section& section, PacketEncoding& encoding) {
    VmessAccount account;
    account.id = read_id(section).value_or(UserId{});
    account.level = section.number<std::uint32_t>("level").value_or(0);
    account.email = section.text("email");
    account.security = read_security(section);
    read_encoding(section, encoding);
    read_experiments(section, "experiments", account);
    read_experiments(section, "testsEnabled", account);
    account.alter_id = section.number<std::uint16_t>("alterId").value_or(0);
    return account;
}

// A server without its users. `whole` is what `section` is read from.
VmessServer read_place(Section& section, Value whole) {
    Report& report = section.report();
    VmessServer server;
    const auto host =
        section.needed_text("address", "the server has no address", "write an IP or a name");
    const auto port = section.find("port");
    const auto number = port ? number_of<std::uint16_t>(report, *port) : std::nullopt;
    if (!port || number == 0) {
        report.warning(port.value_or(whole), "nothing listens on port 0, so nobody answers",
                       "write the server's port");
    }
    if (host && trimmed(host->text).empty()) {
        report.warning(host->at, "\"\" is nobody's address, so nobody answers",
                       "write an IP or a name");
        server.address.kind = proto::Address::Kind::name;
        server.address.port = number.value_or(0);
    } else if (host) {
        server.address = host_of(report, *host, number.value_or(0)).value_or(proto::Address{});
    }
    return server;
}

VmessServer read_server(Report& report, Value value, PacketEncoding& encoding) {
    Section section(report, value);
    VmessServer server = read_place(section, value);
    for (const Value user :
         section.needed_list("users", "the server has no user", "add one with the id it knows")) {
        Section account(report, user);
        server.users.push_back(read_account(account, encoding));
        account.finish();
    }
    section.finish();
    return server;
}

}  // namespace

VmessInbound read_vmess_inbound(Section& parent) {
    Section section(parent, "settings");
    Report& report = section.report();
    VmessInbound inbound;
    auto list = section.list("clients");
    if (list) {
        section.warn_of("users", "beside \"clients\" this key does nothing", "remove one of them");
    } else {
        list = section.list("users");  // the newer name, of Xray
    }
    if (list) {
        ClientReader reader(report, list->size());
        for (const Value client : list->children()) {
            reader.read(client);
        }
        inbound.clients = reader.take();
    }
    inbound.disable_insecure = section.flag("disableInsecureEncryption");
    read_default(section, inbound);
    Section features(section, "features");  // an old place for the detour
    read_detour(features, inbound);
    features.finish();
    read_detour(section, inbound);
    section.finish();
    return inbound;
}

VmessOutbound read_vmess_outbound(Section& parent) {
    const auto whole = parent.find("settings");
    Section section(parent, "settings");
    VmessOutbound outbound;
    if (whole && !section.find("vnext") && section.find("address")) {
        // Xray's flat form: the one server and its one user are the settings themselves.
        outbound.servers.push_back(read_place(section, *whole));
        outbound.servers.back().users.push_back(read_account(section, outbound.packet_encoding));
        section.finish();
        return outbound;
    }
    for (const Value server : section.needed_list(
             "vnext", "there is no server", "add one with \"address\", \"port\" and \"users\"")) {
        outbound.servers.push_back(read_server(section.report(), server, outbound.packet_encoding));
    }
    read_encoding(section, outbound.packet_encoding);
    section.finish();
    return outbound;
}

}  // namespace ferry::core::config
