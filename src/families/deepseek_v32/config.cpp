#include "families/deepseek_v32/config.hpp"

#include "families/deepseek_v3/config.hpp"
#include "families/latent_moe/latent_moe.hpp"

namespace rorqual::families::deepseek_v32 {

latent_moe::Config read_config(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    latent_moe::ConfigReading reading{.reader = weights::ConfigReader(config, origin, problems)};
    deepseek_v3::read_model(reading, {"deepseek_v32"});
    reading.indexer();
    return reading.c;
}

std::unique_ptr<Network> make(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    return latent_moe::make(read_config, config, origin, problems);
}

}  // namespace rorqual::families::deepseek_v32
