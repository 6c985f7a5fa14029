// How GGUF files of architecture "deepseek4" hold the tensors of the table.
#include <string_view>

#include "families/deepseek_v4/deepseek_v4.hpp"
#include "families/deepseek_v4/gguf_names.hpp"
#include "families/numbered_name.hpp"

namespace rorqual::families::deepseek_v4 {
namespace {

using weights::Place;
using weights::StoredTensors;
using weights::TensorSpec;

// The name that the file has, of those that a tensor may have; the usual one where it has none.
std::string stored_name(const std::string& block, std::string_view gguf, const StoredTensors& stored) {
    std::string usual = block + std::string(gguf);
    if (stored.contains(usual)) return usual;
    for (const auto& alias : gguf_aliases) {
        if (!gguf.starts_with(alias.gguf)) continue;
        auto other = block + std::string(alias.other) + std::string(gguf.substr(alias.gguf.size()));
        if (stored.contains(other)) return other;
    }
    return usual;
}

class GgufLayout final : public weights::TensorLayout {
 public:
    explicit GgufLayout(const Config& config) : experts_(config.router.experts), groups_(config.attention.o_groups) {}

    [[nodiscard]] Place place(const TensorSpec& spec, const StoredTensors& stored) const override {
        std::string_view name = spec.name;
        std::int64_t layer = 0, expert = 0;
        const std::string block = take_number(name, "layers.", layer) ? "blk." + std::to_string(layer) + "." : "";
        if (take_number(name, "ffn.experts.", expert)) {
            const auto stack = find_gguf_name("ffn.experts." + std::string(name));
            return {{{stored_name(block, stack, stored), {experts_, spec.shape[0], spec.shape[1]}, expert, experts_}}};
        }
        const auto gguf = find_gguf_name(name);
        if (gguf.empty()) return {{{spec.name, spec.shape}}};  // a name of other checkpoints
        Place place{{{stored_name(block, gguf, stored), spec.shape}}};
        if (name == "attn.wo_a.weight") split_by_group(place.pieces.front(), stored);
        return place;
    }

 private:
    // [groups, o_lora_rank, width]: some files have the same bytes in three dimensions.
    void split_by_group(weights::Piece& piece, const StoredTensors& stored) const {
        const auto found = stored.find(piece.name);
        if (found != stored.end() && found->second.shape.size() == 3) piece.shape = {groups_, piece.shape[0] / groups_, piece.shape[1]};
    }

    std::int64_t experts_, groups_;
};

}  // namespace

std::unique_ptr<const weights::TensorLayout> DeepseekV4::gguf_layout() const { return std::make_unique<GgufLayout>(config_); }

}  // namespace rorqual::families::deepseek_v4
