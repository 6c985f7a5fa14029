#include "families/deepseek_v3/config.hpp"

#include "families/latent_moe/latent_moe.hpp"

namespace rorqual::families::deepseek_v3 {
namespace {

// Experts by sigmoid and a learned bias that decides the choice alone, from the groups whose two best experts are best: V3 eq. (12)–(16).
// Some configs of this shape name neither function nor method, which know no other value there.
void read_router(latent_moe::ConfigReading& reading) {
    auto& [reader, c] = reading;
    auto& r = c.router;
    (void)reader.choice_or("scoring_func", "sigmoid", {"sigmoid"});
    (void)reader.choice_or("topk_method", "noaux_tc", {"noaux_tc"});
    r.scoring = Scoring::sigmoid;
    r.group_score = GroupScore::top_two_sum;
    c.choice_bias = true;
    reading.groups(false);
    r.normalise = reader.boolean("norm_topk_prob");
    r.scale = static_cast<float>(reader.number("routed_scaling_factor", 1e-6, 1e6));
}

}  // namespace

void read_model(latent_moe::ConfigReading& reading, const std::vector<std::string>& model_types) {
    reading.common(model_types);
    reading.c.predicts = reading.reader.integer_or("num_nextn_predict_layers", 0, 0, 1) == 1;
    if (!reading.experts()) return;
    read_router(reading);
    reading.check_experts();
}

latent_moe::Config read_config(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    latent_moe::ConfigReading reading{.reader = weights::ConfigReader(config, origin, problems)};
    read_model(reading, {"deepseek_v3", "kimi_k2", "glm4_moe_lite"});
    return reading.c;
}

std::unique_ptr<Network> make(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    return latent_moe::make(read_config, config, origin, problems);
}

}  // namespace rorqual::families::deepseek_v3
