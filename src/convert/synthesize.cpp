// rorqual::synthesize: a model of true geometry with random weights.
#include <nlohmann/json.hpp>

#include "convert/geometries.hpp"
#include "convert/made_up_vocabulary.hpp"
#include "convert/mix.hpp"
#include "convert/random_rows.hpp"
#include "convert/write_tensors.hpp"
#include "families/network.hpp"
#include "io/json.hpp"
#include "rorqual/convert.hpp"
#include "rorqual/error.hpp"

namespace rorqual {
namespace {

// A network of that config, without weights.
std::unique_ptr<families::Network> network_of(const nlohmann::json& config, const std::string& origin) {
    weights::Problems problems;
    auto network = families::make_network(config, origin, problems);
    problems.throw_if_any();
    return network;
}

}  // namespace

void synthesize(const std::filesystem::path& path, const SynthesizeOptions& options) {
    const auto mix = convert::Mix::named(options.format, options.pure);
    if (options.layers < 0) throw Error(Status::invalid_argument, "layers: " + std::to_string(options.layers) + ", expected 0 or more");
    const std::string origin = "geometry " + options.geometry;
    const auto config = io::parse_json(convert::geometry_config(options.geometry, options.layers), origin);
    const auto network = network_of(*config, origin);
    const convert::MixedModel mixed{network->geometry().layers, false, config->value("expert_dtype", "") == "fp4"};

    io::GgufHeader header;
    header.text("general.name", options.geometry + ", random weights");
    header.u32("general.file_type", mix.file_type);
    header.u32("general.quantization_version", 2);
    std::vector<convert::OutTensor> tensors;
    for (auto& tensor : network->gguf_form(options.latent, header)) {
        const auto dtype = tensor.integers_below > 0 ? DType::i32 : convert::mixed_dtype(mix, mixed, tensor.name, tensor.shape).value_or(DType::f32);
        header.tensor(tensor.name, dtype, tensor.shape);
        tensors.push_back({std::move(tensor.name), dtype, std::move(tensor.shape)});
        tensors.back().integers_below = tensor.integers_below;
        tensors.back().unit_rows = convert::usual_unit_rows(tensors.back().cols());
    }
    convert::write_made_up_vocabulary(network->geometry().vocab_size, header);

    const auto workers = options.executor ? cpu::Workers::on(*options.executor) : cpu::Workers::pool(options.threads);
    const convert::RandomRows rows(tensors, options.seed);
    io::GgufWriter file(path, header);
    const auto make = [&](std::size_t index, std::int64_t first, std::int64_t count, std::span<std::byte> out) {
        rows.make(index, first, count, out);
    };
    convert::write_tensors(file, tensors, make, *workers, options.progress);
    file.commit();
}

}  // namespace rorqual
