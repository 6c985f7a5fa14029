#include "rorqual/model.hpp"

#include <string>

#include "families/model_parts.hpp"
#include "families/plan.hpp"
#include "rorqual/error.hpp"

namespace rorqual {

Model::Model(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Model::~Model() = default;

const Geometry& Model::geometry() const noexcept { return parts_->network->geometry(); }
const std::string& Model::identity() const noexcept { return parts_->identity; }
const std::string& Model::config() const noexcept { return parts_->config; }
bool Model::has_tokenizer() const noexcept { return parts_->tokenizer.has_value(); }
std::optional<Token> Model::bos() const noexcept { return parts_->bos; }
const GenerationDefaults& Model::generation_defaults() const noexcept { return parts_->defaults; }
const ChatTemplate& Model::chat_template() const noexcept { return parts_->chat_template; }
Mode Model::default_mode() const noexcept { return parts_->default_mode; }
bool Model::has_int8_cache() const noexcept { return parts_->network->has_int8_cache(); }
bool Model::has_compact_cache() const noexcept { return parts_->network->has_compact_cache(); }
bool Model::has_draft_head() const noexcept { return parts_->network->draft_head() != nullptr; }
std::size_t Model::threads() const noexcept { return parts_->workers->count(); }

Plan Model::plan(const SessionOptions& session) const {
    return families::plan_session(*parts_->network, parts_->weights_plan, session, default_mode(), threads());
}

std::vector<TensorSummary> Model::tensors() const {
    std::vector<TensorSummary> all;
    for (const auto& [name, tensor] : parts_->store.tensors()) {
        all.push_back({name, tensor.file->name(), tensor.dtype, tensor.shape, tensor.bytes});
    }
    return all;
}

const Tokenizer& Model::tokenizer() const {
    if (!parts_->tokenizer) throw Error(Status::wrong_state, "model: no tokenizer was there when it was opened");
    return *parts_->tokenizer;
}

std::vector<Token> Model::encode_prompt(std::string_view text, AddedTokens added) const {
    auto ids = tokenizer().encode(text, added);
    const bool begun = !ids.empty() && ids.front() == parts_->bos;  // a rendered template brings its own
    if (parts_->add_bos && parts_->bos && !begun) ids.insert(ids.begin(), *parts_->bos);
    return ids;
}

std::vector<std::string> Model::kernel_report() const {
    auto lines = parts_->kernels.report;
    lines.insert(lines.begin(), "threads: " + std::to_string(threads()));
    return lines;
}

}  // namespace rorqual
