#pragma once

#include <string_view>

namespace rorqual::families::deepseek_v2 {

/// What a tensor, or a group of them, is called in GGUF files and in published checkpoints: gguf_names.inc.
struct GgufName {
    enum class Of { model,
                    layer,
                    experts } of;
    std::string_view gguf;
    std::string_view published;
};

inline constexpr GgufName gguf_names[] = {
#define RQ_GGUF_MODEL(gguf, published) {GgufName::Of::model, gguf, published},
#define RQ_GGUF_LAYER(gguf, published) {GgufName::Of::layer, gguf, published},
#define RQ_GGUF_EXPERTS(gguf, published) {GgufName::Of::experts, gguf, published},
#include "families/deepseek_v2/gguf_names.inc"
#undef RQ_GGUF_MODEL
#undef RQ_GGUF_LAYER
#undef RQ_GGUF_EXPERTS
};

}  // namespace rorqual::families::deepseek_v2
