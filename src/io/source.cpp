#include "rorqual/source.hpp"

#include "io/callback_file.hpp"
#include "io/descriptor.hpp"
#include "io/folder.hpp"
#include "io/memory_file.hpp"
#include "io/named_files.hpp"
#include "io/printable.hpp"
#include "io/regular_file.hpp"
#include "rorqual/error.hpp"

namespace rorqual {
namespace {

io::NamedFiles& fillable(const std::shared_ptr<io::FileSet>& files, std::string_view name) {
    auto* named = dynamic_cast<io::NamedFiles*>(files.get());
    if (named == nullptr) {
        throw Error(Status::invalid_argument,
                    "file \"" + io::printable(name) + "\": only a source made by Source::files() can be added to");
    }
    named->check_new(name);  // before any callback or descriptor is taken over
    return *named;
}

}  // namespace

Source Source::path(std::filesystem::path path) {
    if (path.empty()) throw Error(Status::invalid_argument, "path: empty, expected a folder or a file");
    return Source(std::make_shared<io::Folder>(path));
}

Source Source::files() { return Source(std::make_shared<io::NamedFiles>()); }

Source& Source::add_descriptor(std::string_view name, int descriptor, std::uint64_t offset, std::uint64_t length) {
    auto& files = fillable(files_, name);
    const std::string shown = io::printable(name);
    files.add(std::string(name),
              io::open_regular_file(io::Descriptor::duplicate(descriptor, shown), shown, offset, length));
    return *this;
}

Source& Source::add_memory(std::string_view name, std::span<const std::byte> bytes) {
    fillable(files_, name).add(std::string(name), io::open_memory_file(bytes, io::printable(name)));
    return *this;
}

Source& Source::add_callback(std::string_view name, std::uint64_t length, ReadAt read) {
    fillable(files_, name).add(std::string(name), io::open_callback_file(std::move(read), length, io::printable(name)));
    return *this;
}

}  // namespace rorqual
