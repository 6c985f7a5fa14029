#include <nlohmann/json.hpp>

#include "families/network.hpp"
#include "layers/page.hpp"

namespace rorqual::families {

std::vector<GgufTensor> Network::gguf_form(LatentLayout, io::GgufHeader&) {
    throw Error(Status::unsupported, "model_type " + geometry().model_type + ": cannot be written as GGUF");
}

std::uint64_t Network::cache_bytes(CacheFormat format, std::int64_t tokens) const {
    return static_cast<std::uint64_t>(layers::whole_pages(tokens)) * cache_bytes_per_token(format);
}

std::uint64_t DraftHead::cache_bytes(CacheFormat format, std::int64_t tokens) const {
    return static_cast<std::uint64_t>(layers::whole_pages(tokens)) * cache_bytes_per_token(format);
}

// Each family's folder has one of these.
#define RQ_FAMILY(family, model_type)                                                                                              \
    namespace family {                                                                                                             \
    std::unique_ptr<Network> make(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems); \
    }
#include "families/families.inc"
#undef RQ_FAMILY

std::unique_ptr<Network> make_network(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    const std::vector<std::string> known = {
#define RQ_FAMILY(family, model_type) model_type,
#include "families/families.inc"
#undef RQ_FAMILY
    };
    const auto before = problems.lines().size();
    const auto type = weights::ConfigReader(config, origin, problems).choice("model_type", known);
    if (problems.lines().size() != before) return nullptr;
#define RQ_FAMILY(family, model_type) \
    if (type == model_type) return family::make(config, origin, problems);
#include "families/families.inc"
#undef RQ_FAMILY
    return nullptr;
}

}  // namespace rorqual::families
