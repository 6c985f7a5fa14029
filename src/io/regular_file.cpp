#include "io/regular_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

struct Range {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

// The range a caller asked for, inside what the descriptor really has.
Range checked_range(const Descriptor& descriptor, const std::string& name, Range asked) {
    struct stat status {};
    if (::fstat(descriptor.number(), &status) != 0) {
        throw Error(Status::io, name + ": size cannot be read: " + system_reason(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        throw Error(Status::io, name + ": not a regular file (a folder, pipe, socket or device)");
    }
    if ((::fcntl(descriptor.number(), F_GETFL) & O_ACCMODE) == O_WRONLY) {
        throw Error(Status::invalid_argument, name + ": descriptor is not open for reading");
    }
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (asked.offset > size || asked.length > size - asked.offset) {
        throw Error(Status::invalid_argument, name + ": offset " + std::to_string(asked.offset) + " and length " +
                                                  std::to_string(asked.length) + " lie beyond the file's " +
                                                  std::to_string(size) + " bytes");
    }
    return {asked.offset, asked.length != 0 ? asked.length : size - asked.offset};
}

// A read-only mapping of whole pages around a range of a file.
class Mapping {
 public:
    // Nothing where the system refuses (some network and user-space file systems do) or there is nothing to map.
    static std::optional<Mapping> of(const Descriptor& descriptor, Range range) {
        const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        const std::uint64_t lead = range.offset % page;
        if (range.length == 0 || range.length > std::numeric_limits<std::size_t>::max() - lead) return std::nullopt;
        const auto length = static_cast<std::size_t>(lead + range.length);
        void* at = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, descriptor.number(),
                          static_cast<off_t>(range.offset - lead));
        if (at == MAP_FAILED) return std::nullopt;
        return Mapping(at, length, static_cast<std::size_t>(lead));
    }

    Mapping(Mapping&& other) noexcept
        : at_(std::exchange(other.at_, nullptr)), length_(other.length_), lead_(other.lead_) {}
    Mapping& operator=(Mapping&&) = delete;
    ~Mapping() {
        if (at_ != nullptr) ::munmap(at_, length_);
    }

    std::span<const std::byte> bytes() const noexcept {
        return {static_cast<const std::byte*>(at_) + lead_, length_ - lead_};
    }
    // Whole pages around the range; what neighbours need of them is read again. And some before it: where a first page is missing, systems bring
    // pages before it along (Linux: of the same 64 KB), which were released with the range before.
    void release(std::uint64_t offset, std::uint64_t length) const noexcept {
        constexpr std::uint64_t brought_along = 64 * 1024;
        const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        const std::uint64_t from = lead_ + offset, begin = (from - std::min(from, brought_along)) / page * page;
        const std::uint64_t end = std::min<std::uint64_t>((lead_ + offset + length + page - 1) / page * page, length_);
        if (begin < end) ::madvise(static_cast<std::byte*>(at_) + begin, static_cast<std::size_t>(end - begin), MADV_DONTNEED);
    }

 private:
    Mapping(void* at, std::size_t length, std::size_t lead) : at_(at), length_(length), lead_(lead) {}
    void* at_;
    std::size_t length_;
    std::size_t lead_;
};

class MappedFile : public File {
 public:
    MappedFile(Mapping mapping, std::string name) : mapping_(std::move(mapping)), name_(std::move(name)) {}

    const std::string& name() const noexcept override { return name_; }
    std::uint64_t size() const noexcept override { return mapping_.bytes().size(); }
    std::span<const std::byte> mapped() const noexcept override { return mapping_.bytes(); }
    void release(std::uint64_t offset, std::uint64_t length) const noexcept override { mapping_.release(offset, length); }

    void read(std::uint64_t offset, std::span<std::byte> out) const override {
        check_range(*this, offset, out.size());
        if (!out.empty()) std::memcpy(out.data(), mapping_.bytes().data() + offset, out.size());
    }

 private:
    Mapping mapping_;
    std::string name_;
};

class UnmappedFile : public File {
 public:
    UnmappedFile(Descriptor descriptor, std::string name, Range range)
        : descriptor_(std::move(descriptor)), name_(std::move(name)), range_(range) {}

    const std::string& name() const noexcept override { return name_; }
    std::uint64_t size() const noexcept override { return range_.length; }
    std::span<const std::byte> mapped() const noexcept override { return {}; }

    void read(std::uint64_t offset, std::span<std::byte> out) const override {
        check_range(*this, offset, out.size());
        while (!out.empty()) {
            constexpr std::size_t most = std::size_t{1} << 30;  // Linux transfers less than 2 GiB a call
            const auto got = ::pread(descriptor_.number(), out.data(), std::min(out.size(), most),
                                     static_cast<off_t>(range_.offset + offset));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw Error(Status::io, name_ + ": cannot be read: " + system_reason(errno));
            if (got == 0) throw Error(Status::io, name_ + ": became shorter while it was read");
            out = out.subspan(static_cast<std::size_t>(got));
            offset += static_cast<std::uint64_t>(got);
        }
    }

 private:
    Descriptor descriptor_;
    std::string name_;
    Range range_;
};

}  // namespace

std::shared_ptr<const File> open_regular_file(Descriptor descriptor, std::string name, std::uint64_t offset,
                                              std::uint64_t length) {
    const Range range = checked_range(descriptor, name, {offset, length});
    if (auto mapping = Mapping::of(descriptor, range)) {
        return std::make_shared<MappedFile>(std::move(*mapping), std::move(name));  // a mapping outlives its descriptor
    }
    return std::make_shared<UnmappedFile>(std::move(descriptor), std::move(name), range);
}

std::shared_ptr<const File> open_unmapped_file(Descriptor descriptor, std::string name, std::uint64_t offset,
                                               std::uint64_t length) {
    const Range range = checked_range(descriptor, name, {offset, length});
    return std::make_shared<UnmappedFile>(std::move(descriptor), std::move(name), range);
}

}  // namespace rorqual::io
