// How a published checkpoint becomes GGUF tensors: nothing is lost, nothing is there twice.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include <map>

#include "convert/geometries.hpp"
#include "families/network.hpp"
#include "io/gguf.hpp"
#include "io/memory_file.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using families::GgufTensor;
using nlohmann::json;

namespace {

std::unique_ptr<families::Network> network_of(const json& config) {
    weights::Problems problems;
    auto network = families::make_network(config, "config.json", problems);
    problems.throw_if_any();
    return network;
}

json tiny(const char* geometry = "v2-tiny") { return json::parse(convert::geometry_config(geometry, 0)); }

std::vector<GgufTensor> form_of(const json& config, LatentLayout latent) {
    io::GgufHeader header;
    return network_of(config)->gguf_form(latent, header);
}

std::int64_t elements(const std::vector<std::int64_t>& shape) {
    std::int64_t count = 1;
    for (const auto extent : shape) count *= extent;
    return count;
}

// How often each row of each published tensor is used.
std::map<std::string, std::vector<int>> uses(const std::vector<GgufTensor>& tensors, const std::map<std::string, std::vector<std::int64_t>>& published) {
    std::map<std::string, std::vector<int>> used;
    for (const auto& tensor : tensors) {
        std::int64_t values = 0;
        for (const auto& part : tensor.parts) {
            CAPTURE(tensor.name, part.published);
            const auto shape = published.find(part.published);
            REQUIRE(shape != published.end());
            const auto rows = shape->second.front();
            auto& counts = used.try_emplace(part.published, static_cast<std::size_t>(rows)).first->second;
            REQUIRE(part.first_row >= 0);
            REQUIRE(part.first_row + part.rows <= rows);
            for (std::int64_t row = part.first_row; row < part.first_row + part.rows; ++row) ++counts[static_cast<std::size_t>(row)];
            values += part.rows * elements(shape->second) / rows;
            const auto cols = part.transposed ? part.rows : elements(shape->second) / rows;
            if (tensor.shape.size() > 1) CHECK(cols == tensor.shape.back());
        }
        CAPTURE(tensor.name);
        CHECK(values == elements(tensor.shape));
    }
    return used;
}

}  // namespace

TEST_CASE("every row of every published tensor has one place in the GGUF file, in both layouts of the latent", "[convert][gguf]") {
    const auto latent = GENERATE(LatentLayout::joined, LatentLayout::split);
    auto config = tiny();
    SECTION("with a compressed query") {}
    SECTION("with an indexer") { config = tiny("v32-tiny"); }
    SECTION("with compressed attention") { config = tiny("v4-tiny"); }
    SECTION("with a plain query") { config["q_lora_rank"] = nullptr; }
    SECTION("with tied embeddings") { config["tie_word_embeddings"] = true; }
    SECTION("without experts") { config["n_routed_experts"] = 0; }
    SECTION("without shared experts") { config["n_shared_experts"] = 0; }
    weights::TensorTable table;
    const auto network = network_of(config);
    network->list_tensors(table);
    std::map<std::string, std::vector<std::int64_t>> published;
    for (const auto& spec : table.specs()) published[spec.name] = spec.shape;
    const auto used = uses(form_of(config, latent), published);
    CHECK(used.size() == published.size());
    for (const auto& [name, counts] : used) {
        CAPTURE(name);
        CHECK(std::all_of(counts.begin(), counts.end(), [](int count) { return count == 1; }));
    }
}

TEST_CASE("the split layout transposes each head's keys and keeps its values", "[convert][gguf]") {
    const auto tensors = form_of(tiny(), LatentLayout::split);
    const auto find = [&](const std::string& name) {
        return *std::find_if(tensors.begin(), tensors.end(), [&](const GgufTensor& tensor) { return tensor.name == name; });
    };
    const auto k = find("blk.1.attn_k_b.weight"), v = find("blk.1.attn_v_b.weight");
    CHECK(k.shape == std::vector<std::int64_t>{5, 64, 32});
    CHECK(v.shape == std::vector<std::int64_t>{5, 32, 64});
    REQUIRE(k.parts.size() == 5);
    CHECK(k.parts[2].transposed);
    CHECK(k.parts[2].first_row == 2 * 64);
    CHECK_FALSE(v.parts[2].transposed);
    CHECK(v.parts[2].first_row == 2 * 64 + 32);
    CHECK(std::none_of(tensors.begin(), tensors.end(), [](const GgufTensor& tensor) { return tensor.name.find("attn_kv_b") != std::string::npos; }));
}

TEST_CASE("what GGUF cannot say of a model is refused by name instead of being left out", "[convert][gguf][hostile]") {
    auto config = tiny();
    std::string key;
    SECTION("an amplitude of the rotation") {
        config["rope_scaling"]["mscale"] = 1.0;
        key = "mscale";
    }
    SECTION("YaRN without a factor on the softmax") {
        config["rope_scaling"].erase("mscale");
        config["rope_scaling"].erase("mscale_all_dim");
        key = "mscale";
    }
    SECTION("experts in every second layer") {
        config["moe_layer_freq"] = 2;
        key = "moe_layer_freq";
    }
    const auto outcome = test::outcome_of([&] { form_of(config, LatentLayout::joined); });
    CHECK(outcome.status == Status::unsupported);
    CHECK(outcome.says(key));
}
