#include "families/fp8_config.hpp"

namespace rorqual::families {

std::optional<weights::BlockSize> read_fp8_blocks(weights::ConfigReader& config) {
    constexpr std::int64_t most = 1 << 20;
    auto quantisation = config.object("quantization_config");
    if (!quantisation) return std::nullopt;
    auto& reader = *quantisation;
    if (reader.choice("quant_method", {"fp8"}) != "fp8" || !reader.has("quant_method")) return std::nullopt;
    (void)reader.choice_or("fmt", "e4m3", {"e4m3"});
    (void)reader.choice_or("activation_scheme", "dynamic", {"dynamic"});  // whatever it is: activations stay as they are
    (void)reader.choice_or("scale_fmt", "float", {"float", "ue8m0"});     // powers of two are numbers like others
    const auto sizes = reader.integers_or_empty("weight_block_size", 1, most);
    if (sizes.size() == 2) return weights::BlockSize{sizes[0], sizes[1]};
    reader.complain("weight_block_size", "expected the rows and the columns of a block, as [128, 128]");
    return std::nullopt;
}

}  // namespace rorqual::families
