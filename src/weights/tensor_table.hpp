#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rorqual/tensor.hpp"

namespace rorqual::weights {

/// How many rows and columns of a matrix share a scale.
struct BlockSize {
    std::int64_t rows = 0, cols = 0;
};

/// What a family expects to find in a container, as data: loading, validation, the plan and error texts come from it.
/// A family fills one from its config; the destinations lie in the family's weights structs.
struct TensorSpec {
    std::string name;                               ///< as in the file: "model.layers.3.self_attn.o_proj.weight"
    std::vector<std::int64_t> shape;                ///< expected, exactly
    std::vector<DType> allowed;                     ///< dtypes it may be stored in; a matrix also in any block format
    WeightView* matrix = nullptr;                   ///< a matrix used as stored: gets a view of the bytes; or
    bool packable = false;                          ///< a matrix of products, which may be packed; not one that is looked up row by row
    std::vector<std::int32_t>* integers = nullptr;  ///< a table of integers, stored as i32 or i64, of which none is negative or `below` or more
    std::int64_t below = 0;                         ///< limit of those integers
    std::vector<float>* vector = nullptr;           ///< a small vector (norms, biases): converted to f32 and copied
    std::optional<BlockSize> fp8_blocks{};          ///< a matrix may also be stored as f8_e4m3, with a scale for each block of this size
    std::string scales{};                           ///< name of the tensor with those scales, or of fp4's
    bool fp4_pairs = false;                         ///< a matrix of products may also be stored as two fp4 in a byte (quant/fp4_pairs.hpp), with an f8_e8m0 scale for each 32
    std::string instead{};                          ///< another tensor of the table, taken where the file lacks this one; "" = it must be there
    std::string announced_by{};                     ///< key of the config that calls for it, where that is not obvious; for errors
};

/// A packed matrix that is made of another one while loading, unless the container has it, as packed files do.
struct DerivedSpec {
    std::string name;                  ///< in packed files
    std::int64_t rows = 0, cols = 0;   ///< of the matrix that is packed
    const WeightView* from = nullptr;  ///< a matrix of the table
    WeightView* to = nullptr;          ///< gets the packed copy
    /// The format it is packed in, or nothing where it is not wanted. Asked once the table is outlined.
    std::function<std::optional<DType>()> format;
    /// The matrix as a file would hold it, in `room` or where it lies already, once `from` is loaded. Without data: it cannot be made.
    std::function<WeightView(std::vector<std::byte>& room)> make;
};

/// Names of the tensor that holds the scales of a matrix: "X.weight_scale_inv", and the shorter "X.scale".
[[nodiscard]] std::string scales_of(const std::string& matrix);
[[nodiscard]] std::string short_scales_of(const std::string& matrix);

class TensorTable {
 public:
    /// [rows, cols], stored as f32, f16, bf16 or in blocks (which safetensors cannot hold), used as stored.
    /// Where `instead` names another tensor, that is taken where the file lacks this one.
    void matrix(std::string name, std::int64_t rows, std::int64_t cols, WeightView& to, std::string instead = {});
    /// The same for a matrix that is never packed: a table of rows, or one whose parts do not begin where panels do.
    void stored_matrix(std::string name, std::int64_t rows, std::int64_t cols, WeightView& to, std::string instead = {});
    /// [length], stored as f32, f16 or bf16, converted to f32.
    void vector(std::string name, std::int64_t length, std::vector<float>& to, std::string instead = {});
    /// [rows, cols], otherwise the same.
    void values(std::string name, std::int64_t rows, std::int64_t cols, std::vector<float>& to, std::string instead = {});
    /// [rows, cols] integers in [0, below), stored as i32 or i64.
    void integers(std::string name, std::int64_t rows, std::int64_t cols, std::int64_t below, std::vector<std::int32_t>& to, std::string instead = {});
    /// Tensors that files carry and nobody needs: a name that ends so is skipped ("rotary_emb.inv_freq").
    void ignore(std::string suffix);
    /// The same of names that begin so ("mtp.").
    void ignore_prefix(std::string prefix);

    /// Names the key that calls for what is listed from now on, for errors; "" = none.
    void announced_by(std::string key) { announced_by_ = std::move(key); }

    /// Matrices may be stored as f8_e4m3 with scales of their own, one a block: those of "NAME" in "NAME_scale_inv", in a number type or f8_e8m0.
    /// Those that are listed from now on.
    void fp8_blocks(const std::optional<BlockSize>& size) { fp8_blocks_ = size; }
    /// The scales of "X.weight" are "X.scale", of those that are listed from now on. A file may have them under the name above as well.
    void short_scale_names() { short_scales_ = true; }
    /// Matrices of products may be stored as pairs of fp4 with scales of their own: those that are listed from now on.
    void fp4_pairs(bool allowed) { fp4_pairs_ = allowed; }

    /// A matrix made of one that was listed before.
    void derive(DerivedSpec spec);

    [[nodiscard]] const std::vector<TensorSpec>& specs() const noexcept { return specs_; }
    [[nodiscard]] const std::vector<DerivedSpec>& derived() const noexcept { return derived_; }
    /// Does nobody need a tensor of that name?
    [[nodiscard]] bool is_ignored(std::string_view name) const noexcept;

 private:
    void add(TensorSpec spec);

    std::vector<TensorSpec> specs_;
    std::string announced_by_;
    std::optional<BlockSize> fp8_blocks_;
    std::vector<DerivedSpec> derived_;
    std::vector<std::string> ignored_suffixes_, ignored_prefixes_;
    bool short_scales_ = false;
    bool fp4_pairs_ = false;
};

}  // namespace rorqual::weights
