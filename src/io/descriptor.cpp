#include "io/descriptor.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {

std::optional<Descriptor> Descriptor::open(const std::filesystem::path& path) {
    // O_NONBLOCK: a named pipe in the folder must not hold up the caller; regular files are not affected.
    constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int number = -1;
    do number = ::open(path.c_str(), flags);
    while (number < 0 && errno == EINTR);
    if (number >= 0) return Descriptor(number);
    const int reason = errno;
    if (reason == ENOENT || reason == ENOTDIR) return std::nullopt;
    throw Error(Status::io, printable_path(path.native()) + ": cannot be opened: " + system_reason(reason));
}

Descriptor Descriptor::duplicate(int descriptor, const std::string& name) {
    const int number = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (number >= 0) return Descriptor(number);
    const int reason = errno;
    if (reason == EBADF) {
        throw Error(Status::invalid_argument, name + ": descriptor " + std::to_string(descriptor) + " is not open");
    }
    throw Error(Status::io, name + ": descriptor cannot be duplicated: " + system_reason(reason));
}

Descriptor::~Descriptor() {
    if (number_ >= 0) ::close(number_);
}

std::string system_reason(int error_number) { return std::system_category().message(error_number); }

}  // namespace rorqual::io
