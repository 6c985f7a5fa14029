#include "io/new_file.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

std::filesystem::path partial_of(std::filesystem::path path) {
    path += ".partial";
    return path;
}

[[noreturn]] void cannot(const std::filesystem::path& path, const char* what, int reason) {
    throw Error(Status::io, printable(path.native()) + ": " + what + ": " + system_reason(reason));
}

bool same_file(int descriptor, const std::filesystem::path& path) {
    struct stat opened {
    }, named{};
    return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

// The partial file, empty, and locked against other processes as long as the descriptor lives.
Descriptor open_partial(const std::filesystem::path& path) {
    for (;;) {
        const int number = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0666);
        if (number < 0 && errno == EINTR) continue;
        if (number < 0) cannot(path, "cannot be made", errno);
        Descriptor descriptor = Descriptor::adopt(number);
        if (::flock(number, LOCK_EX | LOCK_NB) != 0) {
            const int reason = errno;
            if (reason == EINTR) continue;
            if (reason == EWOULDBLOCK) throw Error(Status::io, printable(path.native()) + ": is being written by somebody else");
            if (reason != ENOTSUP && reason != ENOLCK) cannot(path, "cannot be locked", reason);  // some file systems have no locks
        }
        // Between opening and locking the file may have been renamed: then it is somebody's finished work.
        if (!same_file(number, path)) continue;
        if (::ftruncate(number, 0) != 0) cannot(path, "cannot be emptied", errno);
        return descriptor;
    }
}

// A name is on the medium once its folder is. Folders that cannot be opened or flushed lose nothing but the certainty.
void flush_folder(const std::filesystem::path& folder) noexcept {
    const int number = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0) return;
    ::fsync(number);
    ::close(number);
}

}  // namespace

NewFile::NewFile(std::filesystem::path path)
    : path_(std::move(path)), partial_(partial_of(path_)), name_(printable(path_.native())), descriptor_(open_partial(partial_)) {}

NewFile::~NewFile() {
    if (!committed_) ::unlink(partial_.c_str());
}

void NewFile::fail(const char* what, int reason) const { cannot(partial_, what, reason); }

void NewFile::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ::ssize_t written = ::write(descriptor_.number(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail("cannot be written", errno);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        size_ += static_cast<std::uint64_t>(written);
    }
}

void NewFile::commit() {
    if (::fsync(descriptor_.number()) != 0) fail("cannot be flushed", errno);
    if (::rename(partial_.c_str(), path_.c_str()) != 0) fail("cannot be given its name", errno);
    committed_ = true;
    flush_folder(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
}

}  // namespace rorqual::io
