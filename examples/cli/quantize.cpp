// rorqual quantize: a model as a GGUF file in another number format.
#include <memory>

#include "commands.hpp"
#include "write_model.hpp"

namespace cli {
namespace {

struct QuantizeArguments {
    std::string model;
    WriteArguments write;
};

void quantize(const QuantizeArguments& arguments) {
    const Source source = open_source(arguments.model);
    rq_quantize_options options = RQ_QUANTIZE_OPTIONS_INIT;
    write_model(arguments.write, options, [&](const std::string& path) {
        call(rq_quantize, static_cast<const rq_source*>(source.get()), path.data(), path.size(), static_cast<const rq_quantize_options*>(&options));
    });
}

}  // namespace

void add_quantize(CLI::App& program) {
    auto arguments = std::make_shared<QuantizeArguments>();
    auto* command = program.add_subcommand("quantize", "Writes a model as a GGUF file in another number format");
    command->add_option("model", arguments->model, "Model folder or GGUF file")->required();
    add_write_options(*command, arguments->write);
    command->callback([arguments] { quantize(*arguments); });
}

}  // namespace cli
