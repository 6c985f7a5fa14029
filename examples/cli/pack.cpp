// rorqual pack: a model as one file that is mapped when opened.
#include <memory>

#include "commands.hpp"
#include "write_model.hpp"

namespace cli {
namespace {

struct PackArguments {
    std::string model;
    std::string out;
    std::uint32_t threads = 0;
};

void pack(const PackArguments& arguments) {
    const Source source = open_source(arguments.model);
    rq_pack_options options = RQ_PACK_OPTIONS_INIT;
    options.threads = arguments.threads;
    write_file(arguments.out, options, [&](const std::string& path) {
        call(rq_pack, static_cast<const rq_source*>(source.get()), path.data(), path.size(), static_cast<const rq_pack_options*>(&options));
    });
}

}  // namespace

void add_pack(CLI::App& program) {
    auto arguments = std::make_shared<PackArguments>();
    auto* command = program.add_subcommand("pack", "Writes a model as one file that opens at once, its weights as the engine computes with them");
    command->add_option("model", arguments->model, "Model folder or GGUF file")->required();
    command->add_option("-o,--out", arguments->out, "Safetensors file to write; it appears when it is whole")->required();
    command->add_option("--threads", arguments->threads, "0 = one per physical core");
    command->callback([arguments] { pack(*arguments); });
}

}  // namespace cli
