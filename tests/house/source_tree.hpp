#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rorqual::test {

/// One text file of this repository.
struct SourceFile {
    std::string path;  ///< from the root, with '/': "src/ops/matvec/matvec.cpp"
    std::string text;

    [[nodiscard]] bool has_suffix(std::string_view suffix) const { return path.ends_with(suffix); }
    [[nodiscard]] bool is_under(std::string_view folder) const { return path.starts_with(folder); }
    [[nodiscard]] std::string name() const { return std::filesystem::path(path).filename().string(); }
    /// The part of the path at `depth`: "ops" for depth 1 of "src/ops/matvec/matvec.cpp"; "" where there is none.
    [[nodiscard]] std::string part(std::size_t depth) const;
};

[[nodiscard]] std::filesystem::path root();

/// The files under a folder whose names end in one of the suffixes, by path.
[[nodiscard]] std::vector<SourceFile> files_under(std::string_view folder, const std::vector<std::string>& suffixes);

/// C and C++ files of the folders given, and the lists (.inc) between them.
[[nodiscard]] std::vector<SourceFile> code(const std::vector<std::string>& folders);

[[nodiscard]] SourceFile file(std::string_view path);

/// The text without comments and without what stands in string literals: what the compiler acts on.
[[nodiscard]] std::string without_prose(std::string_view text);

[[nodiscard]] std::vector<std::string> lines(std::string_view text);

/// What a C or C++ file includes, in order: "rorqual/error.hpp", "vector".
[[nodiscard]] std::vector<std::string> includes(std::string_view text);

/// Every match of a regular expression, or of its first group where it has one.
[[nodiscard]] std::vector<std::string> matches(std::string_view text, const std::string& expression);

}  // namespace rorqual::test
