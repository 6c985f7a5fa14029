#pragma once

#include <map>
#include <string>
#include <utility>

#include "io/file.hpp"

namespace rorqual::io {

/// Files the caller put together, by name.
class NamedFiles : public FileSet {
 public:
    /// `name`: how errors call the set.
    explicit NamedFiles(std::string name = "source") : name_(std::move(name)) {}

    /// Throws Error(invalid_argument) unless `name` is a single path component that is not taken yet.
    void check_new(std::string_view name) const;
    void add(std::string name, std::shared_ptr<const File> file);

    std::shared_ptr<const File> find(std::string_view name) override;
    const std::string& name() const noexcept override { return name_; }
    const std::string& chosen() const noexcept override { return chosen_; }
    std::vector<std::string> gguf_names() override;

 private:
    std::string name_;
    std::string chosen_;
    std::map<std::string, std::shared_ptr<const File>, std::less<>> files_;
};

}  // namespace rorqual::io
