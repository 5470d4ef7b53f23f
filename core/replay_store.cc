#include "core/replay_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <system_error>

namespace ferry::core {
namespace {

static_assert(kReplayBlockBytes % kReplayRecordBytes == 0);

constexpr std::size_t kReadBlocks = 256;  // 1 MiB at a time

constexpr std::string_view kTitle =
    "Ringferry: tokens of accepted handshakes, layout 1; see docs/state.md\n";

std::string failed_to(std::string_view what, const std::string& path, int error) {
    return fmt::format("failed to {} {}: {}", what, path, std::generic_category().message(error));
}

off_t offset_of(std::size_t block) {
    return static_cast<off_t>(block * kReplayBlockBytes);
}

// Asks the file system for room.
int allocate(int fd, std::size_t first, std::size_t end) {
    int error = EINTR;
    while (error == EINTR) {
        error = posix_fallocate(fd, offset_of(first), offset_of(end - first));
    }
    return error;
}

// Makes the pages present and writable: a file system that breaks its promise does so here, with
// an error, and not with a signal at the first write. Older kernels than 5.14 do not know the call.
int populate(std::span<std::uint8_t> pages) {
    if (madvise(pages.data(), pages.size(), MADV_POPULATE_WRITE) == 0 || errno == EINVAL) {
        return 0;
    }
    return errno == EFAULT ? EIO : errno;  // EFAULT stands for the signal that a write would get
}

// Reads until the memory is full, or the file has ended, or cannot be read any further.
std::size_t read_at(int fd, std::span<std::uint8_t> to, off_t from) {
    std::size_t done = 0;
    while (done < to.size()) {
        const ssize_t got =
            pread(fd, to.data() + done, to.size() - done, from + static_cast<off_t>(done));
        if (got > 0) {
            done += static_cast<std::size_t>(got);
        } else if (got == 0 || errno != EINTR) {
            break;
        }
    }
    return done;
}

bool is_blank(ReplayRecordView record) {
    return std::ranges::all_of(record, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

ReplayStore::ReplayStore(std::string path, int fd, const Limits& limits)
    : path_(std::move(path)), fd_(fd), limits_(limits) {}

ReplayStore::~ReplayStore() {
    if (!mapping_.empty()) {
        munmap(mapping_.data(), mapping_.size());
    }
    ::close(fd_);
}

ReplayStore::Opened ReplayStore::open(const std::string& directory, const Limits& limits) {
    assert(limits.blocks > limits.blocks_per_step);
    if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        return std::unexpected(failed_to("make the state directory", directory, errno));
    }
    std::string path = fmt::format("{}/{}", directory, kReplayFileName);
    // A link could lead to a file of somebody else's, and a pipe could let us wait.
    const int fd =
        ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) {
        return std::unexpected(failed_to("open the state file", path, errno));
    }
    std::unique_ptr<ReplayStore> store(new ReplayStore(std::move(path), fd, limits));
    auto mapped = store->lock_and_map();
    if (!mapped) {
        return std::unexpected(mapped.error());
    }
    return store;
}

std::expected<void, std::string> ReplayStore::lock_and_map() {
    struct stat status{};
    if (fstat(fd_, &status) != 0) {
        return std::unexpected(failed_to("look at the state file", path_, errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return std::unexpected(fmt::format("the state file {} is not a regular file", path_));
    }
    if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
        return std::unexpected(
            errno == EWOULDBLOCK
                ? fmt::format("the state file {} is in use by another process; each needs a state "
                              "directory of its own",
                              path_)
                : failed_to("lock the state file", path_, errno));
    }
    constexpr mode_t kOthers = S_IRWXG | S_IRWXO;
    if ((status.st_mode & kOthers) != 0 && fchmod(fd_, S_IRUSR | S_IWUSR) != 0) {
        return std::unexpected(failed_to("make private the state file", path_, errno));
    }
    const std::size_t bytes = limits_.blocks * kReplayBlockBytes;
    void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (memory == MAP_FAILED) {
        return std::unexpected(failed_to("map the state file", path_, errno));
    }
    mapping_ = {static_cast<std::uint8_t*>(memory), bytes};
    return {};
}

ReplayStore::Found ReplayStore::load(const ReplayTime& time, const Visit& visit) {
    // Without the lock: the visitor takes those of shards, in which write() takes this one.
    assert(next_ == 0);
    Found found;
    std::vector<std::uint8_t> memory(kReadBlocks * kReplayBlockBytes);
    std::size_t got = memory.size();
    for (std::size_t first = 0; first < limits_.blocks && got == memory.size();
         first += kReadBlocks) {
        const std::size_t blocks = std::min(kReadBlocks, limits_.blocks - first);
        const std::span piece = std::span(memory).first(blocks * kReplayBlockBytes);
        // By read(), not through the mapping: where a disk fails, that is an error and no signal.
        got = read_at(fd_, piece, offset_of(first));
        std::ranges::fill(piece.subspan(got), 0);  // a cut record, and what is left of its block
        for (std::size_t at = 0; at < got; at += kReplayBlockBytes) {
            const auto number = static_cast<std::uint32_t>(first + at / kReplayBlockBytes);
            judge(number, piece.subspan(at, kReplayBlockBytes), time, visit, found);
        }
    }
    std::erase_if(free_, [this](std::uint32_t block) { return block >= found_; });
    next_ = found_;
    // What is behind the last record that counts is given back; if that fails, it is only larger.
    (void)ftruncate(fd_, offset_of(found_));
    if (grow(time)) {
        std::ranges::fill(mapping_.first(kReplayBlockBytes), 0);
        std::ranges::copy(kTitle, mapping_.begin());
    }
    return found;
}

// Looks at one block of the file: it is free, or it holds records that count.
void ReplayStore::judge(std::uint32_t block, std::span<const std::uint8_t> bytes,
                        const ReplayTime& time, const Visit& visit, Found& found) {
    if (block == 0) {
        return;
    }
    Closed closed{.last = {.now = time.now}, .block = block};
    bool is_free = true;
    for (; !bytes.empty(); bytes = bytes.subspan(kReplayRecordBytes)) {
        const auto view = bytes.first<kReplayRecordBytes>();
        const auto record = read_record(view);
        if (!record) {
            found.damaged += is_blank(view) ? 0 : 1;
            continue;
        }
        if (time.unix_seconds - record->unix_seconds >= kReplayWindow.count()) {
            ++found.expired;
            continue;
        }
        ++found.live;
        visit(*record);
        is_free = false;
        closed.last.unix_seconds = std::max(closed.last.unix_seconds, record->unix_seconds);
    }
    if (is_free) {
        free_.push_back(block);
    } else {
        closed_.push(closed);
        found_ = block + 1;
    }
}

bool ReplayStore::write(ReplayPen& pen, const ReplayRecord& record,
                        const ReplayTime& time) noexcept {
    if (pen.rest_.empty() && !begin_block(pen, time)) {
        return false;
    }
    write_record(record, pen.rest_.first<kReplayRecordBytes>());
    pen.rest_ = pen.rest_.subspan(kReplayRecordBytes);
    pen.last_ = later_of(pen.last_, time);
    return true;
}

bool ReplayStore::begin_block(ReplayPen& pen, const ReplayTime& time) noexcept {
    std::lock_guard guard(lock_);
    assert(next_ > 0);
    if (pen.block_ != 0) {
        closed_.push({.last = pen.last_, .block = pen.block_});
        pen = {};
    }
    const std::uint32_t block = take_block(time);
    if (block == 0) {
        return false;
    }
    pen.block_ = block;
    pen.rest_ = mapping_.subspan(block * kReplayBlockBytes, kReplayBlockBytes);
    pen.last_ = time;
    return true;
}

// The number of a block to write to, 0 if there is none.
std::uint32_t ReplayStore::take_block(const ReplayTime& time) {
    // Until there is room for the whole of what was found, any part of it may be a hole.
    if (ready_ < found_ && !grow(time)) {
        return 0;
    }
    if (!closed_.empty() && is_past(closed_.top().last, time)) {
        const std::uint32_t block = closed_.top().block;
        closed_.pop();
        return block;
    }
    if (!free_.empty()) {
        const std::uint32_t block = free_.back();
        free_.pop_back();
        return block;
    }
    if (next_ == ready_ && !grow(time)) {
        return 0;
    }
    return static_cast<std::uint32_t>(next_++);
}

bool ReplayStore::grow(const ReplayTime& time) {
    if (time.now < grow_again_) {
        return false;
    }
    const std::size_t end =
        std::min(std::max(ready_, found_) + limits_.blocks_per_step, limits_.blocks);
    int error = end > ready_ ? allocate(fd_, ready_, end) : EFBIG;
    if (error == 0) {
        error = populate(
            mapping_.subspan(ready_ * kReplayBlockBytes, (end - ready_) * kReplayBlockBytes));
    }
    error_.store(error, std::memory_order_relaxed);
    if (error != 0) {
        grow_again_ = time.now + limits_.pause;
        return false;
    }
    ready_ = end;
    return true;
}

std::string ReplayStore::trouble() const {
    const int error = error_.load(std::memory_order_relaxed);
    return error == 0 ? std::string()
                      : failed_to("extend", path_, error) +
                            ": what it has no room for is not remembered after a restart";
}

std::size_t ReplayStore::bytes() const {
    std::lock_guard guard(lock_);
    return ready_ * kReplayBlockBytes;
}

}  // namespace ferry::core
