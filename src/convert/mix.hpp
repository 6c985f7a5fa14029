#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "rorqual/dtype.hpp"

namespace rorqual::convert {

/// Names of the mixes, one enumerator a line of mixes.inc.
enum class MixName {
#define RQ_MIX(name, file_type, dtype) name,
#include "convert/mixes.inc"
#undef RQ_MIX
};

/// Which format each tensor of a GGUF file is stored in.
struct Mix {
    MixName name;
    std::uint32_t file_type;  ///< general.file_type
    DType most;               ///< of most matrices
    bool pure = false;        ///< of all of them

    /// Throws Error(invalid_argument) that lists the names. "q3_k", "q4_k" and "q5_k" stand for q3_k_m, q4_k_m and q5_k_m, and, as a
    /// pure mix, for the format.
    [[nodiscard]] static Mix named(std::string_view format, bool pure);
};

/// What a mix looks at besides the tensor.
struct MixedModel {
    std::int64_t layers = 0;
    bool tied = false;         ///< the embedding is the output matrix, too
    bool fp4_experts = false;  ///< experts hold fp4: MXFP4 is all there is to them, and no mix but a pure one makes them larger
};

/// What the tensor `name` (GGUF's, "blk.3.ffn_down.weight") of `shape` (PyTorch order) is to be stored as. Nothing for tensors
/// that are never quantised: norms, biases, routers, hyper-connections, tables.
/// The mixes are those of llama.cpp for the same file type, without an importance matrix (src/llama-quant.cpp,
/// llama_tensor_get_type), so that files compare like with like.
[[nodiscard]] std::optional<DType> mixed_dtype(const Mix& mix, const MixedModel& model, std::string_view name,
                                               const std::vector<std::int64_t>& shape);

}  // namespace rorqual::convert
