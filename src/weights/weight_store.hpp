#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <string>
#include <vector>

#include "io/file.hpp"
#include "io/safetensors.hpp"
#include "weights/problems.hpp"
#include "weights/tensor_table.hpp"

namespace rorqual::weights {

/// All tensors of a checkpoint by name, over however many files they are spread; and, once loaded, the bytes behind the
/// views that a TensorTable handed out. Lives as long as the model.
class WeightStore {
 public:
    /// Reads headers only: `model.safetensors`, or the shards that `model.safetensors.index.json` names, or the one file
    /// the source chose. Problems (missing shards, names in two shards, index and shards in disagreement) are collected.
    [[nodiscard]] static WeightStore open(io::FileSet& files, Problems& problems);

    [[nodiscard]] const std::map<std::string, io::TensorInfo>& tensors() const noexcept { return tensors_; }

    /// Compares table and files: missing and unexpected tensors, shapes, dtypes. Reads no weights.
    void check(const TensorTable& table, Problems& problems) const;

    /// Bytes of all tensors of the table as stored. `mapped`: of these, how many can be used without copying.
    struct Bytes { std::uint64_t total = 0; std::uint64_t mapped = 0; };
    [[nodiscard]] Bytes bytes(const TensorTable& table) const;

    /// Fills the table's destinations: views into mapped files where they can be mapped, else into memory taken from
    /// `memory`. Call after check() found nothing. Throws Error(io | callback) or bad_alloc; views stay valid while *this lives.
    void load(const TensorTable& table, std::pmr::memory_resource& memory);

 private:
    struct Owned;                                         // memory for tensors that cannot be mapped
    std::map<std::string, io::TensorInfo> tensors_;
    std::vector<std::shared_ptr<Owned>> owned_;
};

/// XXH3-128 over config, tokenizer and the names, dtypes and shapes of all tensors: 32 hexadecimal digits. Two checkpoints
/// with equal identity have the same form; their weights may differ.
[[nodiscard]] std::string identity(std::string_view config_json, std::string_view tokenizer_json,
                                   const std::map<std::string, io::TensorInfo>& tensors);

}  // namespace rorqual::weights
