#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

namespace rorqual::families::latent_moe {

/// What a tensor, or a group of them, is called in GGUF files and in published checkpoints: gguf_names.inc.
struct GgufName {
    enum class Of { model,
                    layer,
                    bias,
                    experts } of;
    std::string_view gguf;
    std::string_view published;
};

inline constexpr GgufName gguf_names[] = {
#define RQ_GGUF_MODEL(gguf, published) {GgufName::Of::model, gguf, published},
#define RQ_GGUF_LAYER(gguf, published) {GgufName::Of::layer, gguf, published},
#define RQ_GGUF_BIAS(gguf, published) {GgufName::Of::bias, gguf, published},
#define RQ_GGUF_EXPERTS(gguf, published) {GgufName::Of::experts, gguf, published},
#include "families/latent_moe/gguf_names.inc"
#undef RQ_GGUF_MODEL
#undef RQ_GGUF_LAYER
#undef RQ_GGUF_BIAS
#undef RQ_GGUF_EXPERTS
};

/// The GGUF name of a published one; "" where the list has none.
[[nodiscard]] inline std::string_view find_gguf_name(GgufName::Of of, std::string_view published) {
    const auto* const found = std::ranges::find_if(gguf_names, [&](const GgufName& name) { return name.of == of && name.published == published; });
    return found == std::end(gguf_names) ? std::string_view() : found->gguf;
}

}  // namespace rorqual::families::latent_moe
