#include "families/gguf_form.hpp"

namespace rorqual::families {

void GgufTensors::add_whole(std::string name, const weights::TensorSpec& spec) {
    tensors_.push_back({std::move(name), spec.shape, {{spec.name, 0, spec.shape.front()}}, spec.integers != nullptr ? spec.below : 0});
}

void GgufTensors::add_expert(const std::string& name, const weights::TensorSpec& spec) {
    const auto known = stacked_.emplace(name, tensors_.size());
    if (known.second) tensors_.push_back({name, {0, spec.shape[0], spec.shape[1]}, {}});
    auto& tensor = tensors_[known.first->second];
    tensor.parts.push_back({spec.name, 0, spec.shape[0]});
    ++tensor.shape[0];
}

void GgufKeys::yarn(const YarnScaling& scaling) {
    if (scaling.factor == 1) return;
    text("rope.scaling.type", "yarn");
    number("rope.scaling.factor", scaling.factor);
    count("rope.scaling.original_context_length", static_cast<std::int64_t>(scaling.original_positions));
    number("rope.scaling.yarn_beta_fast", scaling.beta_fast);
    number("rope.scaling.yarn_beta_slow", scaling.beta_slow);
}

}  // namespace rorqual::families
