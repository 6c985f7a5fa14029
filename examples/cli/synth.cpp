// rorqual synth: a GGUF file of true geometry with random weights, to measure with.
#include <memory>

#include "commands.hpp"
#include "write_model.hpp"

namespace cli {
namespace {

struct SynthArguments {
    std::string geometry = "v2-lite";
    WriteArguments write;
    std::uint64_t seed = 0;
    std::uint64_t layers = 0;
};

void synth(const SynthArguments& arguments) {
    rq_synthesize_options options = RQ_SYNTHESIZE_OPTIONS_INIT;
    options.geometry = arguments.geometry.data();
    options.geometry_len = arguments.geometry.size();
    options.seed = arguments.seed;
    options.layers = arguments.layers;
    write_model(arguments.write, options, [&](const std::string& path) { call(rq_synthesize, path.data(), path.size(), static_cast<const rq_synthesize_options*>(&options)); });
}

}  // namespace

void add_synth(CLI::App& program) {
    auto arguments = std::make_shared<SynthArguments>();
    auto* command = program.add_subcommand("synth", "Writes a GGUF file of true geometry with random weights, to measure with");
    command->add_option("--geometry", arguments->geometry, "v2-lite, moonlight, glm-4.7-flash, v4-mini, v2-tiny, v32-tiny, v4-tiny")->capture_default_str();
    add_write_options(*command, arguments->write);
    command->add_option("--seed", arguments->seed, "Another seed, other weights");
    command->add_option("--layers", arguments->layers, "Fewer or more layers than the geometry has; 0 = as many");
    command->callback([arguments] { synth(*arguments); });
}

}  // namespace cli
