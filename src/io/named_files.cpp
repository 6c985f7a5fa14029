#include "io/named_files.hpp"

#include <utility>

#include "io/gguf.hpp"
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

std::vector<std::string> NamedFiles::gguf_names() {
    std::vector<std::string> names;
    for (const auto& [name, file] : files_) {
        if (name.ends_with(gguf_suffix) || begins_as_gguf(*file)) names.push_back(name);
    }
    return names;
}

}  // namespace rorqual::io
