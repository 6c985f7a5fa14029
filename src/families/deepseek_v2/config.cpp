#include "families/deepseek_v2/config.hpp"

#include "families/latent_moe/latent_moe.hpp"

namespace rorqual::families::deepseek_v2 {
namespace {

// Experts by softmax, from the groups whose best expert is best (V2 §2.2.2) or from all.
void read_router(latent_moe::ConfigReading& reading) {
    auto& [reader, c] = reading;
    auto& r = c.router;
    (void)reader.choice_or("scoring_func", "softmax", {"softmax"});
    if (reader.choice("topk_method", {"greedy", "group_limited_greedy"}) == "group_limited_greedy") reading.groups(true);
    // The published remote code normalises or multiplies, never both, and does not normalise a single weight.
    r.normalise = reader.boolean_or("norm_topk_prob", false) && r.experts_per_token > 1;
    const double factor = reader.number_or("routed_scaling_factor", 1, 1e-6, 1e6);
    r.scale = r.normalise ? 1 : static_cast<float>(factor);
}

}  // namespace

latent_moe::Config read_config(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    latent_moe::ConfigReading reading{.reader = weights::ConfigReader(config, origin, problems)};
    reading.common({"deepseek_v2"});
    if (reading.experts()) {
        read_router(reading);
        reading.check_experts();
    }
    return reading.c;
}

std::unique_ptr<Network> make(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    return latent_moe::make(read_config, config, origin, problems);
}

}  // namespace rorqual::families::deepseek_v2
