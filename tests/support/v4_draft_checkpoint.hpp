#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "support/checkpoint_copy.hpp"
#include "support/random_values.hpp"
#include "support/temp_folder.hpp"

/// The bundled checkpoint of DeepSeek-V4 with a block that drafts, of random weights: no published reference has one.
namespace rorqual::test {

inline CheckpointCopy::Tensor random_tensor(const std::vector<std::int64_t>& shape, float scale, std::uint32_t seed) {
    std::size_t count = 1;
    for (const auto n : shape) count *= static_cast<std::size_t>(n);
    return CheckpointCopy::of(shape, random_values(count, seed, scale));
}

/// The block has the weights of layer 1, which compresses nothing, but scores its experts. `e`, `h`: scale of e_proj and h_proj.
inline CheckpointCopy v4_with_draft_block(float e = 1, float h = 1) {
    CheckpointCopy model(std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints/v4");
    const auto plain = model.tensors;
    const auto put = [&](const std::string& name, CheckpointCopy::Tensor tensor) { model.tensors["mtp.0." + name] = std::move(tensor); };
    for (const auto& [name, tensor] : plain) {
        if (name.starts_with("layers.1.") && !name.ends_with("tid2eid")) put(name.substr(9), tensor);
    }
    const auto width = plain.at("norm.weight").shape.front(), experts = plain.at("layers.1.ffn.gate.weight").shape.front();
    put("ffn.gate.bias", random_tensor({experts}, 0.1F, 1));
    std::uint32_t seed = 1;
    for (const char* name : {"hc_head_fn", "hc_head_base", "hc_head_scale", "norm.weight"}) put(name, random_tensor(plain.at(name).shape, 0.7F, ++seed));
    for (const char* name : {"enorm.weight", "hnorm.weight"}) put(name, random_tensor({width}, 1, ++seed));
    put("e_proj.weight", random_tensor({width, width}, 0.1F * e, ++seed));
    put("h_proj.weight", random_tensor({width, width}, 0.1F * h, ++seed));
    return model;
}

/// A folder with it, written once.
inline const std::filesystem::path& v4_with_draft_folder() {
    static const TempFolder folder;
    static const bool written = (v4_with_draft_block().write(folder.path()), true);
    (void)written;
    return folder.path();
}

}  // namespace rorqual::test
