#include "io/named_files.hpp"

#include <utility>

#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {

void NamedFiles::check_new(std::string_view name) const {
    check_file_name(name);
    if (files_.contains(name)) {
        throw Error(Status::invalid_argument, "file name \"" + printable(name) + "\" is given twice");
    }
}

void NamedFiles::add(std::string name, std::shared_ptr<const File> file) {
    check_new(name);
    files_.emplace(std::move(name), std::move(file));
}

std::shared_ptr<const File> NamedFiles::find(std::string_view name) {
    check_file_name(name);
    const auto file = files_.find(name);
    return file == files_.end() ? nullptr : file->second;
}

}  // namespace rorqual::io
