#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/file.hpp"
#include "io/safetensors.hpp"
#include "rorqual/source.hpp"

namespace rorqual::test {

/// Tensors of a safetensors file that holds reference values (golden.safetensors), by name.
class Golden {
 public:
    explicit Golden(const std::filesystem::path& file) : source_(Source::path(file)) {
        const auto opened = source_.file_set()->require(file.filename().string(), "the test");
        const auto header = io::Safetensors::read_header(opened);
        for (const auto& tensor : header.tensors) tensors_.emplace(tensor.name, tensor);
    }

    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto& [name, tensor] : tensors_) names.push_back(name);
        return names;
    }
    [[nodiscard]] bool has(const std::string& name) const { return tensors_.contains(name); }
    [[nodiscard]] const std::vector<std::int64_t>& shape(const std::string& name) const { return tensor(name).shape; }

    [[nodiscard]] std::vector<float> floats(const std::string& name) const { return values<float>(name, DType::f32); }
    [[nodiscard]] std::vector<std::int32_t> int32s(const std::string& name) const { return values<std::int32_t>(name, DType::i32); }
    [[nodiscard]] std::vector<std::int64_t> int64s(const std::string& name) const { return values<std::int64_t>(name, DType::i64); }
    [[nodiscard]] std::vector<std::uint8_t> bytes(const std::string& name) const { return values<std::uint8_t>(name, DType::u8); }

    /// Token ids, stored as I64, in the library's type.
    [[nodiscard]] std::vector<std::int32_t> tokens(const std::string& name) const {
        const auto stored = int64s(name);
        return {stored.begin(), stored.end()};
    }

 private:
    [[nodiscard]] const io::TensorInfo& tensor(const std::string& name) const {
        const auto found = tensors_.find(name);
        if (found == tensors_.end()) throw std::out_of_range("no reference tensor " + name);
        return found->second;
    }

    template <class T>
    [[nodiscard]] std::vector<T> values(const std::string& name, DType dtype) const {
        const io::TensorInfo& info = tensor(name);
        if (info.dtype != dtype) throw std::invalid_argument("reference tensor " + name + " has another dtype");
        std::vector<T> out(info.bytes / sizeof(T));
        info.file->read(info.offset, std::as_writable_bytes(std::span(out)));
        return out;
    }

    Source source_;
    std::map<std::string, io::TensorInfo> tensors_;
};

/// Folders of reference checkpoints of a kind, `kind` or `kind`-something by name ("v2"; "" = all), sorted; empty where the reference data
/// is not at hand. `root` is the "golden/checkpoints" folder: the whole set, or the one bundled with the tests.
inline std::vector<std::filesystem::path> golden_checkpoints(
    const std::string& kind, const std::filesystem::path& root = std::filesystem::path(RQ_SHARED_DIR) / "golden/checkpoints") {
    std::vector<std::filesystem::path> found;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(root, none)) {
        const auto name = entry.path().filename().string();
        if (kind.empty() || name == kind || name.starts_with(kind + "-")) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace rorqual::test
