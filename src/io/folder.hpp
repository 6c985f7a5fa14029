#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <string>

#include "io/file.hpp"

namespace rorqual::io {

/// The files of one folder on disk. Symbolic links are followed: download caches keep checkpoints as folders of links.
class Folder : public FileSet {
 public:
    /// A folder, or one file of it, which becomes chosen(). Looks once at what the path is, opens nothing.
    /// A path that leads nowhere is reported by the first find().
    explicit Folder(const std::filesystem::path& path);

    std::shared_ptr<const File> find(std::string_view name) override;
    const std::string& name() const noexcept override { return name_; }
    const std::string& chosen() const noexcept override { return chosen_; }
    std::vector<std::string> gguf_names() override;

 private:
    std::filesystem::path folder_;
    std::string name_;
    std::string chosen_;
    bool exists_ = false;
    std::mutex opening_;
    std::map<std::string, std::weak_ptr<const File>, std::less<>> opened_;
};

}  // namespace rorqual::io
