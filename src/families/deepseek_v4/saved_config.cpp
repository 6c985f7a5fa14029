#include "families/deepseek_v4/saved_config.hpp"

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace rorqual::families::deepseek_v4 {
namespace {

using nlohmann::json;

struct Rewriting {
    json& config;
    weights::ConfigOrigin& origin;
    weights::Problems& problems;

    // The value of an object's key; nullptr: it is not there, or null.
    static const json* find(const json& object, const char* key) {
        const auto found = object.find(key);
        return found == object.end() || found->is_null() ? nullptr : &*found;
    }

    void set(const char* key, json value, const std::string& called) {
        config[key] = std::move(value);
        origin.keys[key] = called;
    }

    void complain(const std::string& key, const std::string& what) { problems.add(Status::unsupported, origin.file + ": " + key + ": " + what); }

    void ratios();
    void hash_layers();
    void rope();
    void separate_ropes(const json& main, const json& compress);
    void scaling(const json& all, const std::string& called);
};

void Rewriting::ratios() {
    const json* const types = find(config, "layer_types");
    if (find(config, "compress_ratios") != nullptr || types == nullptr || !types->is_array()) return;
    json rates = config.value("compress_rates", json::object());
    if (!rates.is_object()) return complain("compress_rates", "expected an object");
    json ratios = json::array();
    for (const auto& type : *types) {
        if (type == "sliding_attention") {
            ratios.push_back(0);
        } else if (type == "compressed_sparse_attention") {
            ratios.push_back(rates.value(type.get_ref<const std::string&>(), json(4)));
        } else if (type == "heavily_compressed_attention") {
            ratios.push_back(rates.value(type.get_ref<const std::string&>(), json(128)));
        } else {
            return complain("layer_types", "element " + std::to_string(ratios.size()) + " is none of \"sliding_attention\", \"compressed_sparse_attention\", \"heavily_compressed_attention\"");
        }
    }
    set("compress_ratios", std::move(ratios), "layer_types");
}

// Layers that choose experts by the token come first.
void Rewriting::hash_layers() {
    const json* const types = find(config, "mlp_layer_types");
    if (find(config, "num_hash_layers") != nullptr || types == nullptr || !types->is_array()) return;
    std::int64_t hashed = 0;
    for (std::size_t i = 0; i < types->size(); ++i) {
        const json& type = (*types)[i];
        const bool by_token = type == "hash_moe";
        if (!by_token && type != "moe") return complain("mlp_layer_types", "element " + std::to_string(i) + " is neither \"hash_moe\" nor \"moe\"");
        if (by_token && static_cast<std::size_t>(hashed) < i) return complain("mlp_layer_types", "element " + std::to_string(i) + " is \"hash_moe\" behind a \"moe\"");
        if (by_token) ++hashed;
    }
    set("num_hash_layers", hashed, "mlp_layer_types");
}

void Rewriting::scaling(const json& all, const std::string& called) {
    for (const auto& [key, value] : all.items()) origin.keys["rope_scaling: " + key] = called + ": " + key;
    set("rope_scaling", all, called);
}

void Rewriting::separate_ropes(const json& main, const json& compress) {
    if (!main.is_object() || !compress.is_object()) return complain("rope_parameters", "expected an object each for main and compress");
    // The layers that compress nothing rotate without scaling, whatever the others do.
    if (main.value("rope_type", json("default")) != "default") return complain("rope_parameters: main: rope_type", "expected \"default\"");
    if (const json* const theta = find(main, "rope_theta")) set("rope_theta", *theta, "rope_parameters: main: rope_theta");
    if (const json* const theta = find(compress, "rope_theta")) set("compress_rope_theta", *theta, "rope_parameters: compress: rope_theta");
    scaling(compress, "rope_parameters: compress");
}

void Rewriting::rope() {
    const json* const parameters = find(config, "rope_parameters");
    if (parameters == nullptr || find(config, "rope_scaling") != nullptr) return;
    if (!parameters->is_object()) return complain("rope_parameters", "expected an object");
    const json all = *parameters;
    if (all.contains("main") || all.contains("compress")) return separate_ropes(all.value("main", json()), all.value("compress", json()));
    // The form between the two: one object, whose scaling is that of the layers that compress.
    if (const json* const theta = find(all, "rope_theta"); theta != nullptr && find(config, "rope_theta") == nullptr) {
        set("rope_theta", *theta, "rope_parameters: rope_theta");
    }
    scaling(all, "rope_parameters");
}

}  // namespace

json with_published_keys(json config, weights::ConfigOrigin& origin, weights::Problems& problems) {
    if (!config.is_object()) return config;
    Rewriting rewriting{config, origin, problems};
    rewriting.ratios();
    rewriting.hash_layers();
    rewriting.rope();
    return config;
}

}  // namespace rorqual::families::deepseek_v4
