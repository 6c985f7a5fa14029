#include "io/folder.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "io/descriptor.hpp"
#include "io/gguf.hpp"
#include "io/printable.hpp"
#include "io/regular_file.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {

Folder::Folder(const std::filesystem::path& path) : folder_(path), name_(printable_path(path.native())) {
    std::error_code ignored;  // what cannot be looked at counts as missing; opening tells why
    const auto status = std::filesystem::status(path, ignored);
    exists_ = std::filesystem::exists(status);
    if (exists_ && !std::filesystem::is_directory(status)) {
        chosen_ = path.filename().native();
        folder_ = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
        name_ = printable_path(folder_.native());
    }
}

std::shared_ptr<const File> Folder::find(std::string_view name) {
    check_file_name(name);
    if (!exists_) throw Error(Status::not_found, name_ + ": no such file or folder");
    const std::lock_guard lock(opening_);
    if (const auto known = opened_.find(name); known != opened_.end()) {
        if (auto file = known->second.lock()) return file;
    }
    const std::filesystem::path path = folder_ / std::filesystem::path(name);
    auto descriptor = Descriptor::open(path);
    if (!descriptor) return nullptr;
    auto file = open_regular_file(std::move(*descriptor), printable_path(path.native()));
    opened_.insert_or_assign(std::string(name), file);
    return file;
}

std::vector<std::string> Folder::gguf_names() {
    std::vector<std::string> names;
    std::error_code unreadable;  // then the folder has none; whoever needs a file of it is told why
    for (auto entry = std::filesystem::directory_iterator(folder_, unreadable); !unreadable && entry != std::filesystem::directory_iterator();
         entry.increment(unreadable)) {
        std::string name = entry->path().filename().native();
        if (name.ends_with(gguf_suffix)) names.push_back(std::move(name));
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace rorqual::io
