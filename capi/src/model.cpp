#include "rorqual/model.hpp"

#include <string>

#include "arguments.hpp"
#include "boundary.hpp"
#include "handles.hpp"
#include "options.hpp"

using namespace rorqual;
using namespace rorqual::capi;

const std::vector<TensorSummary>& rq_model::tensors() const {
    const std::lock_guard lock(mutex_);
    if (!tensors_) tensors_ = open->model->tensors();
    return *tensors_;
}

namespace {

rq_plan published(const Plan& plan) noexcept {
    rq_plan p = RQ_PLAN_INIT;
    p.weights_bytes = plan.weights;
    p.weights_mapped_bytes = plan.weights_mapped;
    p.cache_per_token_bytes = plan.cache_per_token;
    p.context_tokens = plan.context;
    p.cache_bytes = plan.cache;
    p.scratch_bytes = plan.scratch;
    p.peak_bytes = plan.peak;
    return p;
}

rq_model_info published(const Model& model) noexcept {
    const Geometry& g = model.geometry();
    rq_model_info i = RQ_MODEL_INFO_INIT;
    i.threads = static_cast<std::uint32_t>(model.threads());
    i.has_tokenizer = model.has_tokenizer() ? 1 : 0;
    i.bos_token = model.bos().value_or(-1);
    i.vocab_size = g.vocab_size;
    i.hidden_size = g.hidden_size;
    i.layers = g.layers;
    i.dense_layers = g.dense_layers;
    i.heads = g.heads;
    i.routed_experts = g.routed_experts;
    i.experts_per_token = g.experts_per_token;
    i.context = g.context;
    i.parameters = g.parameters;
    i.active_parameters = g.active_parameters;
    i.has_int8_cache = model.has_int8_cache() ? 1 : 0;
    i.has_compact_cache = model.has_compact_cache() ? 1 : 0;
    i.has_draft_head = model.has_draft_head() ? 1 : 0;
    i.default_mode = model.default_mode() == Mode::fast ? RQ_MODE_FAST : RQ_MODE_EXACT;
    return i;
}

rq_tensor_info published(const TensorSummary& tensor) {
    if (tensor.shape.size() > RQ_MAX_RANK) {
        throw Error(Status::unsupported, tensor.name + ": rank " + std::to_string(tensor.shape.size()) + ", expected at most " +
                                             std::to_string(RQ_MAX_RANK));
    }
    rq_tensor_info t = RQ_TENSOR_INFO_INIT;
    t.dtype = static_cast<std::int32_t>(tensor.dtype);
    t.size_bytes = tensor.bytes;
    t.rank = static_cast<std::int64_t>(tensor.shape.size());
    std::copy(tensor.shape.begin(), tensor.shape.end(), t.shape);
    t.name = tensor.name.data();
    t.name_len = tensor.name.size();
    t.file = tensor.file.data();
    t.file_len = tensor.file.size();
    return t;
}

}  // namespace

int32_t rq_model_open(const rq_source* source, const rq_model_options* options, rq_model** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& opened = result(out, "out");
        opened = new rq_model(std::make_shared<OpenModel>(required(source, "source").source, options));
    });
}

void rq_model_free(rq_model* model) { delete model; }

int32_t rq_source_plan(const rq_source* source, const rq_model_options* model_options, const rq_session_options* options,
                       rq_plan* plan, rq_error* err) {
    return boundary(err, [&] {
        Output answer(plan, "plan");
        const Hooks hooks(model_options);
        answer.set(published(Model::plan(required(source, "source").source, session_options(options), hooks.options())));
    });
}

int32_t rq_model_plan(const rq_model* model, const rq_session_options* options, rq_plan* plan, rq_error* err) {
    return boundary(err, [&] {
        Output answer(plan, "plan");
        answer.set(published(required(model, "model")->plan(session_options(options))));
    });
}

int32_t rq_model_get_info(const rq_model* model, rq_model_info* info, rq_error* err) {
    return boundary(err, [&] {
        Output answer(info, "info");
        answer.set(published(*required(model, "model")));
    });
}

int32_t rq_model_type(const rq_model* model, char* buffer, size_t capacity, size_t* length, rq_error* err) {
    return boundary(err, [&] {
        TextBuffer answer(buffer, capacity, length);
        answer.give(required(model, "model")->geometry().model_type);
    });
}

int32_t rq_model_identity(const rq_model* model, char* buffer, size_t capacity, size_t* length, rq_error* err) {
    return boundary(err, [&] {
        TextBuffer answer(buffer, capacity, length);
        answer.give(required(model, "model")->identity());
    });
}

int32_t rq_model_config(const rq_model* model, char* buffer, size_t capacity, size_t* length, rq_error* err) {
    return boundary(err, [&] {
        TextBuffer answer(buffer, capacity, length);
        answer.give(required(model, "model")->config());
    });
}

int32_t rq_model_kernels(const rq_model* model, char* buffer, size_t capacity, size_t* length, rq_error* err) {
    return boundary(err, [&] {
        TextBuffer answer(buffer, capacity, length);
        std::string lines;
        for (const auto& line : required(model, "model")->kernel_report()) lines += (lines.empty() ? "" : "\n") + line;
        answer.give(lines);
    });
}

int32_t rq_model_tensor_count(const rq_model* model, size_t* count, rq_error* err) {
    return boundary(err, [&] {
        auto& answer = result(count, "count");
        answer = required(model, "model").tensors().size();
    });
}

int32_t rq_model_tensor(const rq_model* model, size_t index, rq_tensor_info* info, rq_error* err) {
    return boundary(err, [&] {
        Output answer(info, "info");
        const auto& tensors = required(model, "model").tensors();
        if (index >= tensors.size()) refuse("index", std::to_string(index) + ", the model has " + std::to_string(tensors.size()) + " tensors");
        answer.set(published(tensors[index]));
    });
}

int32_t rq_model_sampling(const rq_model* model, rq_sampling_options* sampling, rq_error* err) {
    return boundary(err, [&] {
        Output answer(sampling, "sampling");
        answer.set(capi::published(required(model, "model")->generation_defaults().sampling));
    });
}

int32_t rq_model_stop_tokens(const rq_model* model, int32_t* tokens, size_t capacity, size_t* count, rq_error* err) {
    return boundary(err, [&] {
        TokenBuffer answer(tokens, capacity, count);
        answer.give(required(model, "model")->generation_defaults().stop_tokens);
    });
}
