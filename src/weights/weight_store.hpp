#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <memory_resource>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.hpp"
#include "io/safetensors.hpp"
#include "quant/block_scaled.hpp"
#include "weights/packed_store.hpp"
#include "weights/problems.hpp"
#include "weights/tensor_layout.hpp"
#include "weights/tensor_table.hpp"

namespace rorqual::weights {

/// All tensors of a checkpoint by name, over however many files they are spread; and, once loaded, the bytes behind the
/// views that a TensorTable handed out. Lives as long as the model.
class WeightStore {
 public:
    /// Reads headers only: the one file the source chose (a container, or an index), else `model.safetensors`, else the shards
    /// that `model.safetensors.index.json` names. Problems (missing or broken files, index and shards in disagreement about
    /// a tensor) are collected; what could be read is there all the same. Throws bad_alloc alone.
    [[nodiscard]] static WeightStore open(io::FileSet& files, Problems& problems);

    /// The tensors of a container with names and shapes of its own. `origin`: the container, as errors call it. Without a
    /// layout nothing may be asked but tensors().
    [[nodiscard]] static WeightStore of(std::string origin, std::vector<io::TensorInfo> tensors, std::unique_ptr<const TensorLayout> layout);

    /// The tensors of a packed file, by their published names.
    [[nodiscard]] static WeightStore of_packed(std::string origin, StoredTensors tensors);

    /// All tensors as they are stored, by the container's names.
    [[nodiscard]] const StoredTensors& tensors() const noexcept { return tensors_; }

    /// Compares table and files: missing (not_found) and unexpected tensors, wrong shapes (corrupt), dtypes the table does
    /// not allow (unsupported). One problem for each: "model.safetensors: model.norm.weight: shape [95], expected [96]".
    /// Reads no weights.
    void check(const TensorTable& table, Problems& problems) const;

    /// Bytes of all tensors of the table as they will be in memory, each counted once (vectors as stored). Of these, `packed` are
    /// packed copies that load() makes, `packed_before` lie packed in the container, and `mapped` are matrices in mapped files, which are
    /// used where they lie. After outline(), where the table has matrices to derive.
    struct Bytes {
        std::uint64_t total = 0;
        std::uint64_t mapped = 0;
        std::uint64_t packed = 0;
        std::uint64_t packed_before = 0;

        void add_packed_before(const io::TensorInfo& tensor) noexcept;
    };
    [[nodiscard]] Bytes bytes(const TensorTable& table) const;

    /// Sets the table's matrices to what load() will make of them, without data: format, shape, whether packed. After check().
    void outline(const TensorTable& table) const;

    /// Fills the table's destinations. Matrices of products whose format has packed products are packed by all `workers` into `packed`,
    /// one after another, and what they were read from is let go at once; the others become views into mapped files where they can be mapped, else into memory taken from
    /// `memory`, 64-byte aligned, as are matrices made of several tensors. Matrices in f8_e4m3 are used as stored and, those of products, also packed for mode fast. Call after check() found nothing. Views of mapped files have any alignment.
    /// `memory` must outlive *this; views stay valid while *this, or what it is moved to, lives. Throws Error(io | callback),
    /// Error(corrupt) for what is packed and stands for NaN or infinite weights, or bad_alloc; the destinations then are to be forgotten.
    /// One thread.
    void load(const TensorTable& table, std::pmr::memory_resource& memory, PackedStore& packed, cpu::Workers& workers);

    /// Its steps one by one, for those who need one matrix at a time: fills one destination, or one derived one whose source is loaded.
    void load_one(const TensorSpec& spec, std::pmr::memory_resource& memory, PackedStore& packed, cpu::Workers& workers);
    void derive_one(const DerivedSpec& spec, std::pmr::memory_resource& memory, PackedStore& packed, cpu::Workers& workers);
    /// The scales of a matrix that the table allows to be stored as f8_e4m3, where it is, without codes. Throws Error(corrupt) naming the first that is not
    /// finite. After check().
    [[nodiscard]] std::unique_ptr<BlockScales> read_scales(const TensorSpec& spec) const;
    /// The scales of a matrix that is stored as pairs of fp4; nullptr of any other. After check().
    [[nodiscard]] const io::TensorInfo* find_fp4_scales(const TensorSpec& spec) const;
    /// Name of the tensor with the scales of `matrix`, a stored tensor that `spec` stands for: the one that is there, or else the one that should be.
    [[nodiscard]] std::string scales_of(const TensorSpec& spec, const std::string& matrix) const;
    /// Lets go of all memory that load_one() took; views of it end.
    void drop_copies() noexcept;

 private:
    struct Owned;  // memory for tensors that cannot be mapped

    [[nodiscard]] Place place(const TensorSpec& spec) const;
    [[nodiscard]] io::TensorInfo checked(const TensorSpec& spec, const Piece& piece) const;
    const std::byte* resident(const io::TensorInfo& tensor, std::pmr::memory_resource& memory);
    [[nodiscard]] WeightView packed_before(const io::TensorInfo& tensor, std::pmr::memory_resource& memory);
    [[nodiscard]] WeightView matrix(const TensorSpec& spec, std::pmr::memory_resource& memory, PackedStore& packed, cpu::Workers& workers);
    [[nodiscard]] WeightView scaled(const TensorSpec& spec, const io::TensorInfo& tensor, std::pmr::memory_resource& memory, PackedStore& packed,
                                    cpu::Workers& workers);
    void check_packed(const std::string& name, std::int64_t rows, std::int64_t cols, WeightView& to, std::set<std::string, std::less<>>& wanted, Problems& problems) const;
    void check_scales(const TensorSpec& spec, const io::TensorInfo& weight, Problems& problems) const;
    [[nodiscard]] WeightView from_fp4(const TensorSpec& spec, const io::TensorInfo& tensor, std::pmr::memory_resource& memory, PackedStore& packed, cpu::Workers& workers);
    const std::byte* joined(const TensorSpec& spec, const Place& place, std::pmr::memory_resource& memory);
    Owned& take(std::uint64_t bytes, std::pmr::memory_resource& memory);

    std::string origin_;  // the container or index, as errors call it
    StoredTensors tensors_;
    std::unique_ptr<const TensorLayout> layout_;  // nullptr: names and shapes are those of the table
    std::vector<std::shared_ptr<Owned>> owned_;
    std::vector<std::unique_ptr<BlockScales>> scales_;  // of the matrices loaded in f8_e4m3
};

/// The tensor that packed files keep the packed copy of an f8_e4m3 matrix in.
[[nodiscard]] std::string packed_copy_of(const std::string& matrix);

/// XXH3-128 over config, tokenizer and the names, dtypes and shapes of all tensors: 32 hexadecimal digits. Two checkpoints
/// with equal identity have the same form; their weights may differ. Hashed are, each text preceded by its length and all
/// numbers as 64-bit little-endian: config, tokenizer, then by ascending name: name, dtype's name, rank, dimensions. The
/// files a checkpoint is spread over play no part.
[[nodiscard]] std::string identity(std::string_view config_json, std::string_view tokenizer_json,
                                   const StoredTensors& tensors);

}  // namespace rorqual::weights
