#include <set>
#include <string>

#include "io/gguf.hpp"
#include "io/printable.hpp"
#include "io/safetensors.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {
namespace {

// A file that is there and cannot be opened is told by whoever reads it.
bool is_there(FileSet& files, const char* name) {
    try {
        return files.find(name) != nullptr;
    } catch (const Error&) {
        return true;
    }
}

std::optional<std::string> chosen_gguf(FileSet& files) {
    const std::string& chosen = files.chosen();
    if (chosen.ends_with(gguf_suffix)) return chosen;
    if (chosen.ends_with(".json")) return std::nullopt;
    const auto file = files.find(chosen);
    return file && begins_as_gguf(*file) ? std::optional(chosen) : std::nullopt;
}

}  // namespace

std::optional<std::string> find_gguf(FileSet& files) {
    if (!files.chosen().empty()) return chosen_gguf(files);
    if (is_there(files, safetensors_name) || is_there(files, safetensors_index_name)) return std::nullopt;
    std::set<std::string> models;  // by the names of their first parts
    for (const std::string& name : files.gguf_names()) models.insert(first_part_name(name));
    if (models.empty()) return std::nullopt;
    if (models.size() > 1) {
        throw Error(Status::invalid_argument, files.name() + ": holds several GGUF models (" + printable(*models.begin()) + ", " +
                                                  printable(*std::next(models.begin())) + "), expected one, or the path of one");
    }
    return *models.begin();
}

}  // namespace rorqual::io
