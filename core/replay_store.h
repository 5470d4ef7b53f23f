// ReplayStore: the tokens of the replay filters in a file, for the process that comes after us.
#pragma once

#include <atomic>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <span>
#include <string>
#include <vector>

#include "core/replay_record.h"

namespace ferry::core {

inline constexpr std::string_view kReplayFileName = "replay.bin";

// The file consists of blocks of one page. The first one says what the file is, for people; each
// other one holds records of one shard of one filter.
inline constexpr std::size_t kReplayBlockBytes = 4096;

struct ReplayStoreLimits {
    // 512 MiB: two filters, full, with the generation that waits for its end beside the one that is
    // filled, take 448 MiB.
    std::size_t blocks = 131'072;
    // By how many the file grows: 1 MiB, 32 768 tokens.
    std::size_t blocks_per_step = 256;
    // After the file could not grow.
    io::Duration pause = std::chrono::minutes(1);
};

// A place in the file where one shard of a filter writes, record after record.
//
//   thread  whoever holds the shard's lock
class ReplayPen {
private:
    friend class ReplayStore;
    std::span<std::uint8_t> rest_;  // of its block, in the mapping
    std::uint32_t block_ = 0;       // 0: none
    ReplayTime last_;               // the latest record in it
};

// A file that is mapped into memory, so that a token is in the kernel's hands, and safe from a
// kill, as soon as it is written.
//
//   safety  each record has its checksum: damage costs the records that it hits, and adds none. A
//           page is written only after the file system has promised room for it: writing to a full
//           disk through a mapping would end the process.
//   owner   one process at a time, by a lock that ends with the process
//   cost    write(): one record in memory; a short lock and perhaps a system call every 128 records
//   not     safe from a power cut: what the kernel has not written by then (it takes up to half a
//           minute) is lost. Nor from who cuts the file short while it is in use.
class ReplayStore {
public:
    using Limits = ReplayStoreLimits;
    using Opened = std::expected<std::unique_ptr<ReplayStore>, std::string>;
    using Visit = std::function<void(const ReplayRecord&)>;

    // How many records were found.
    struct Found {
        std::size_t live = 0;     // handed to the visitor
        std::size_t expired = 0;  // accepted longer ago than the window
        std::size_t damaged = 0;  // neither empty nor genuine
    };

    // Opens a folder's file, or makes it with mode 0600, and the folder if its parent is there.
    //
    //   errors  words that name the path
    static Opened open(const std::string& directory, const Limits& limits = {});
    ~ReplayStore();
    ReplayStore(const ReplayStore&) = delete;

    // Reads everything that is still in its window, or is from a future that the clock has been set
    // back from. Once, before the first write().
    //
    //   thread  the one that starts the others
    Found load(const ReplayTime& time, const Visit& visit);

    // Writes a token that has just been accepted.
    //
    //   gives   false if there is no room for it: trouble() says why
    //   thread  any; the caller holds the pen's shard
    bool write(ReplayPen& pen, const ReplayRecord& record, const ReplayTime& time) noexcept;

    // Why the file does not grow, in words for the log; empty while it does.
    //
    //   thread  any
    std::string trouble() const;

    const std::string& path() const noexcept { return path_; }
    std::size_t bytes() const;  // of the file; takes the lock

private:
    // A block that nobody writes to any more, until the last of its records is past.
    struct Closed {
        ReplayTime last;
        std::uint32_t block = 0;
    };
    // The first of the queue is the one whose time on the wall clock is over first.
    struct Later {
        bool operator()(const Closed& one, const Closed& other) const noexcept {
            return one.last.unix_seconds > other.last.unix_seconds;
        }
    };

    ReplayStore(std::string path, int fd, const Limits& limits);

    std::expected<void, std::string> lock_and_map();
    void judge(std::uint32_t block, std::span<const std::uint8_t> bytes, const ReplayTime& time,
               const Visit& visit, Found& found);
    bool begin_block(ReplayPen& pen, const ReplayTime& time) noexcept;
    std::uint32_t take_block(const ReplayTime& time);
    bool grow(const ReplayTime& time);

    const std::string path_;
    const int fd_;
    const Limits limits_;
    std::span<std::uint8_t> mapping_;  // of the whole limit; touched up to ready_ only

    mutable std::mutex lock_;  // of all below
    std::size_t ready_ = 0;    // blocks that the file system has promised room for
    std::size_t found_ = 1;    // blocks that load() has left in the file, the first one among them
    std::size_t next_ = 0;     // the first block that was never given away; 0 before load()
    std::vector<std::uint32_t> free_;
    std::priority_queue<Closed, std::vector<Closed>, Later> closed_;
    io::TimePoint grow_again_{};  // not before
    std::atomic<int> error_{0};   // an errno; EFBIG also at our own limit
};

}  // namespace ferry::core
