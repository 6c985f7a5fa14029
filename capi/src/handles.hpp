#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hooks.hpp"
#include "rorqual/completion.hpp"
#include "rorqual/grammar.hpp"
#include "rorqual/model.hpp"
#include "rorqual/prompt.hpp"
#include "rorqual/session.hpp"
#include "rorqual/source.hpp"
#include "rorqual/tokenizer.hpp"

/// What stands behind the opaque types of rorqual.h. Handles share what they need of one another, so that they can be freed in
/// any order.
namespace rorqual::capi {

/// A model with the hooks it borrows. Members are destroyed from the last to the first: the hooks go after the model.
struct OpenModel {
    OpenModel(const Source& source, const rq_model_options* options)
        : hooks(options), model(Model::open(source, hooks.options())) {}

    Hooks hooks;
    std::shared_ptr<const Model> model;
};

/// Passes on what a session shows to callbacks of the host.
class HostObserver final : public SessionObserver {
 public:
    using Hidden = std::int32_t (*)(std::int64_t layer, std::int64_t position, std::int64_t tokens, std::int64_t cols,
                                    std::int64_t stride, const float* x, void* user);
    using Experts = std::int32_t (*)(std::int64_t layer, std::int64_t position, std::int64_t tokens, std::int64_t per_token,
                                     const std::int32_t* ids, const float* weights, void* user);
    HostObserver(Hidden on_hidden, Experts on_experts, void* user) : hidden_(on_hidden), experts_(on_experts), user_(user) {}

    void hidden(std::int64_t layer, std::int64_t position, ConstRows x) override;
    void experts(std::int64_t layer, std::int64_t position, std::int64_t per_token, std::span<const std::int32_t> ids,
                 std::span<const float> weights) override;

 private:
    Hidden hidden_;
    Experts experts_;
    void* user_;
};

/// A session with all it borrows, shared by its handle and the generation under way on it.
struct Timeline {
    Timeline(std::shared_ptr<const OpenModel> of, Session started) : model(std::move(of)), session(std::move(started)) {}

    std::shared_ptr<const OpenModel> model;
    std::optional<HostObserver> observer;
    Session session;
    bool generating = false;
};

}  // namespace rorqual::capi

struct rq_source {
    rorqual::Source source;
};

struct rq_model {
    explicit rq_model(std::shared_ptr<const rorqual::capi::OpenModel> opened) : open(std::move(opened)) {}
    [[nodiscard]] const rorqual::Model& operator*() const noexcept { return *open->model; }
    [[nodiscard]] const rorqual::Model* operator->() const noexcept { return open->model.get(); }
    /// The list of tensors: made when it is first asked for, since most hosts never do.
    [[nodiscard]] const std::vector<rorqual::TensorSummary>& tensors() const;

    std::shared_ptr<const rorqual::capi::OpenModel> open;

 private:
    mutable std::mutex mutex_;
    mutable std::optional<std::vector<rorqual::TensorSummary>> tensors_;
};

struct rq_tokenizer {
    rorqual::Tokenizer tokenizer;
};

struct rq_grammar {
    rorqual::Grammar grammar;
};

struct rq_decoder {
    rorqual::Tokenizer tokenizer;
    rorqual::StreamDecoder decoder;
};

struct rq_prompt {
    rorqual::Prompt prompt;
};

struct rq_completion {
    rorqual::Completion completion;
    std::vector<rorqual::CompletionPart> parts{};  // taken out of it
    std::size_t given = 0;                         // how many of them went to the caller
};

struct rq_session {
    std::shared_ptr<rorqual::capi::Timeline> timeline;
};

struct rq_generation {
    rq_generation(std::shared_ptr<rorqual::capi::Timeline> on, const rorqual::GenerateOptions& options)
        : timeline(std::move(on)), generation(timeline->session.generate(options)) {
        timeline->generating = true;
    }
    ~rq_generation() { end(); }
    rq_generation(const rq_generation&) = delete;
    rq_generation& operator=(const rq_generation&) = delete;
    /// The session may be used again.
    void end() noexcept {
        if (!ended) timeline->generating = false;
        ended = true;
    }

    std::shared_ptr<rorqual::capi::Timeline> timeline;
    rorqual::Generation generation;
    bool ended = false;
};
