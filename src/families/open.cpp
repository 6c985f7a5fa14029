// Model::open and Model::plan of a source: from files to parts.
#include "cpu/isa.hpp"
#include "families/blueprint.hpp"
#include "families/model_parts.hpp"
#include "families/plan.hpp"
#include "io/file.hpp"

namespace rorqual {
namespace {

// A pool starts its threads with its first work: to plan with one costs nothing.
std::unique_ptr<cpu::Workers> workers_of(const ModelOptions& options) {
    return options.executor ? cpu::Workers::on(*options.executor) : cpu::Workers::pool(options.threads);
}

}  // namespace

std::shared_ptr<const Model> Model::open(const Source& source, const ModelOptions& options) {
    auto& files = *source.file_set();
    weights::Problems problems;
    auto b = families::read_blueprint(files, problems);
    auto text = families::read_text(files, b, problems);
    problems.throw_if_any();

    auto parts = std::make_unique<Parts>();
    parts->kernels = ops::choose(cpu::detect(), options.isa);
    parts->workers = workers_of(options);
    parts->memory = options.memory ? options.memory : std::pmr::new_delete_resource();
    parts->log = options.log;
    parts->identity = b.identity(text);
    parts->weights_plan = b.plan();
    if (!options.headers_only) {
        parts->packed = weights::PackedStore(b.packed_bytes(), *parts->memory);
        b.store.load(b.table, *parts->memory, parts->packed, *parts->workers);
        b.network->tie_weights();
    }
    parts->headers_only = options.headers_only;
    parts->default_mode = b.default_mode();
    parts->store = std::move(b.store);
    parts->network = std::move(b.network);
    parts->config = std::move(b.config_text);
    parts->tokenizer = std::move(text.tokenizer);
    parts->bos = text.bos;
    parts->add_bos = text.add_bos;
    parts->defaults = std::move(text.defaults);
    parts->chat_template = std::move(text.chat_template);
    if (parts->log && parts->tokenizer && parts->tokenizer->vocab_size() > parts->network->geometry().vocab_size) {
        parts->log(LogLevel::warning, "the tokenizer has tokens beyond the model's vocab_size; the model cannot take them");
    }
    return Parts::assemble(std::move(parts));
}

Plan Model::plan(const Source& source, const SessionOptions& session, const ModelOptions& options) {
    weights::Problems problems;
    const auto b = families::read_blueprint(*source.file_set(), problems);
    problems.throw_if_any();
    return families::plan_session(*b.network, b.plan(), session, b.default_mode(), workers_of(options)->count());
}

}  // namespace rorqual
