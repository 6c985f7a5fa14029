#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "io/gguf_writer.hpp"
#include "rorqual/convert.hpp"
#include "rorqual/ops.hpp"
#include "weights/tensor_table.hpp"

namespace rorqual::families {

/// Rows [first_row, first_row + rows) of a published matrix, as they are or transposed.
struct GgufPart {
    std::string published;  ///< "model.layers.3.mlp.experts.5.up_proj.weight"
    std::int64_t first_row = 0;
    std::int64_t rows = 0;
    bool transposed = false;
};

/// A tensor of a GGUF file. Its rows are those of the parts, one part behind the other.
struct GgufTensor {
    std::string name;                 ///< "blk.3.ffn_up_exps.weight"
    std::vector<std::int64_t> shape;  ///< PyTorch order: [E, m, D]
    std::vector<GgufPart> parts;
    std::int64_t integers_below = 0;  ///< holds i32 in [0, integers_below); 0 = numbers
};

/// Collects the tensors of a table for a GGUF file, in its order.
class GgufTensors {
 public:
    void add(GgufTensor tensor) { tensors_.push_back(std::move(tensor)); }
    /// A tensor as it is.
    void add_whole(std::string name, const weights::TensorSpec& spec);
    /// The next expert of a layer, whose experts lie in one tensor. The table lists them expert by expert.
    void add_expert(const std::string& name, const weights::TensorSpec& spec);

    [[nodiscard]] std::vector<GgufTensor> take() && { return std::move(tensors_); }

 private:
    std::vector<GgufTensor> tensors_;
    std::map<std::string, std::size_t> stacked_;
};

/// Writes keys below the architecture's name.
struct GgufKeys {
    io::GgufHeader& header;
    std::string architecture;

    [[nodiscard]] std::string full(const char* key) const { return architecture + "." + key; }
    void count(const char* key, std::int64_t value) { header.u32(full(key), static_cast<std::uint32_t>(value)); }
    void number(const char* key, double value) { header.f32(full(key), static_cast<float>(value)); }
    void boolean(const char* key, bool value) { header.boolean(full(key), value); }
    void text(const char* key, const char* value) { header.text(full(key), value); }
    /// Everything of YaRN but its factors on amplitudes and softmax; nothing where it does nothing.
    void yarn(const YarnScaling& scaling);
};

}  // namespace rorqual::families
