// Model::open and Model::plan of a source: from files to parts.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "cpu/isa.hpp"
#include "families/model_parts.hpp"
#include "families/plan.hpp"
#include "families/text_files.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace rorqual {
namespace {

using families::collect;

// What the headers of a checkpoint tell.
struct Blueprint {
    std::string config_text;
    io::JsonDocument config;
    std::unique_ptr<families::Network> network;  // nullptr where config.json has problems
    weights::TensorTable table;
    weights::WeightStore store;
};

Blueprint read_blueprint(io::FileSet& files, weights::Problems& problems) {
    Blueprint b;
    collect(problems, [&] {
        const auto file = files.require("config.json", "the model's sizes");
        const io::JsonLimits limits;
        b.config_text = io::read_text(*file, limits.bytes);
        b.config = io::parse_json(b.config_text, file->name(), limits);
        b.network = families::make_network(*b.config, file->name(), problems);
    });
    b.store = weights::WeightStore::open(files, problems);
    if (b.network) {
        b.network->list_tensors(b.table);
        b.store.check(b.table, problems);
    }
    return b;
}

Plan plan_weights(const Blueprint& b) {
    const auto bytes = b.store.bytes(b.table);
    Plan plan;
    plan.weights = bytes.total;
    plan.weights_mapped = bytes.mapped;
    return plan;
}

// A pool starts its threads with its first work: to plan with one costs nothing.
std::unique_ptr<cpu::Workers> workers_of(const ModelOptions& options) {
    return options.executor ? cpu::Workers::on(*options.executor) : cpu::Workers::pool(options.threads);
}

// Token ids lie below; where config.json has problems, anything passes.
std::int64_t vocabulary_of(const Blueprint& b) { return b.network ? b.network->geometry().vocab_size : INT32_MAX; }

/// Packs the table's matrices whose formats have packed products; the views then are of the packed copies.
weights::PackedStore pack_weights(const weights::TensorTable& table, cpu::Workers& workers, std::pmr::memory_resource& memory) {
    const auto packs = [](const weights::TensorSpec& spec) {
        return spec.packable && weights::can_pack(spec.matrix->dtype, spec.matrix->cols);
    };
    std::uint64_t expected = 0;
    for (const auto& spec : table.specs()) {
        if (packs(spec)) expected += weights::packed_bytes(spec.matrix->dtype, spec.matrix->rows, spec.matrix->cols);
    }
    weights::PackedStore packed(expected, memory);
    for (const auto& spec : table.specs()) {
        if (packs(spec)) *spec.matrix = packed.pack(*spec.matrix, workers);
    }
    return packed;
}

}  // namespace

std::shared_ptr<const Model> Model::open(const Source& source, const ModelOptions& options) {
    auto& files = *source.file_set();
    weights::Problems problems;
    auto b = read_blueprint(files, problems);
    auto text = families::read_text_files(files, *b.config, vocabulary_of(b), problems);
    problems.throw_if_any();

    auto parts = std::make_unique<Parts>();
    parts->kernels = ops::choose(cpu::detect(), options.isa);
    parts->workers = workers_of(options);
    parts->memory = options.memory ? options.memory : std::pmr::new_delete_resource();
    parts->log = options.log;
    parts->identity = weights::identity(b.config_text, text.tokenizer_json, b.store.tensors());
    parts->weights_plan = plan_weights(b);
    b.store.load(b.table, *parts->memory);
    parts->packed = pack_weights(b.table, *parts->workers, *parts->memory);
    b.network->weights_loaded(parts->packed, *parts->workers);
    parts->store = std::move(b.store);
    parts->network = std::move(b.network);
    parts->config = std::move(b.config_text);
    parts->tokenizer = std::move(text.tokenizer);
    parts->bos = text.bos;
    parts->add_bos = text.add_bos;
    parts->defaults = std::move(text.defaults);
    if (parts->log && parts->tokenizer && parts->tokenizer->vocab_size() > parts->network->geometry().vocab_size) {
        parts->log(LogLevel::warning, "tokenizer.json has tokens beyond config.json's vocab_size; the model cannot take them");
    }
    return Parts::assemble(std::move(parts));
}

Plan Model::plan(const Source& source, const SessionOptions& session, const ModelOptions& options) {
    weights::Problems problems;
    const auto b = read_blueprint(*source.file_set(), problems);
    problems.throw_if_any();
    return families::plan_session(*b.network, plan_weights(b), session, workers_of(options)->count());
}

}  // namespace rorqual
