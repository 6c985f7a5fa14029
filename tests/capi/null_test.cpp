// Every pointer of every function may be NULL by mistake: the call refuses it with a status and a line, and nothing else happens.
#define RQ_ENABLE_UNSTABLE
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "capi/header.hpp"
#include "capi/support.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

namespace {

// Which functions have been tried: compared with the header at the end.
using Tried = std::set<std::string>;

template <std::size_t I, class... A>
void try_null(const std::string& name, std::int32_t (*function)(A...), std::tuple<A...> arguments, const std::set<std::size_t>& may_be_null) {
    using Argument = std::tuple_element_t<I, std::tuple<A...>>;
    if constexpr (std::is_pointer_v<Argument> && !std::is_same_v<Argument, rq_error*>) {
        Err err;
        std::get<sizeof...(A) - 1>(arguments) = &err;
        std::get<I>(arguments) = nullptr;
        const std::int32_t status = std::apply(function, arguments);
        CAPTURE(name, I, err.message);
        CHECK(err.code == status);
        if (may_be_null.contains(I)) {
            CHECK(status == RQ_OK);
        } else {
            CHECK(status == RQ_ERR_INVALID_ARGUMENT);
            CHECK(err.says(": NULL"));
            CHECK(std::string(err.message).find('\n') == std::string::npos);
        }
    }
}

// Calls `function` with each pointer NULL in turn, and the others valid. `may_be_null`: indices of those that rorqual.h allows.
template <class... A>
void each_null(Tried& tried, const std::string& name, std::int32_t (*function)(A...), const std::set<std::size_t>& may_be_null,
               std::type_identity_t<A>... valid) {
    const std::tuple<A...> arguments(valid...);
    const auto try_all = [&]<std::size_t... I>(std::index_sequence<I...>) {
        (try_null<I, A...>(name, function, arguments, may_be_null), ...);
    };
    try_all(std::index_sequence_for<A...>{});
    tried.insert(name);
}

#define EACH_NULL(function, ...) each_null(tried, #function, function, __VA_ARGS__)

std::int32_t no_bytes(std::uint64_t, void*, std::size_t, void*) { return 1; }

}  // namespace

TEST_CASE("a NULL that is not allowed is refused with a line that names the argument, for every pointer of every function", "[capi]") {
    Tried tried;
    rq_error* const err = nullptr;  // try_null puts its own there

    // Sources
    const auto files = [] {
        rq_source* source = nullptr;
        rq_source_create_files(&source, nullptr);
        return SourceHandle(source);
    }();
    rq_source* source = nullptr;
    EACH_NULL(rq_source_create_path, {}, "x", 1, &source, err);
    EACH_NULL(rq_source_create_files, {}, &source, err);
    EACH_NULL(rq_source_add_fd, {}, files.get(), "a", 1, 0, 0, 0, err);
    EACH_NULL(rq_source_add_memory, {}, files.get(), "b", 1, "data", 4, err);
    EACH_NULL(rq_source_add_callbacks, {5}, files.get(), "c", 1, 4, no_bytes, nullptr, err);

    // Models
    const auto folder = source_of(tale_folder());
    rq_plan plan = RQ_PLAN_INIT;
    rq_model_options model_options = RQ_MODEL_OPTIONS_INIT;
    rq_session_options session_options = RQ_SESSION_OPTIONS_INIT;
    session_options.context = 256;
    EACH_NULL(rq_source_plan, std::set<std::size_t>{1, 2}, folder.get(), &model_options, &session_options, &plan, err);
    rq_model* opened = nullptr;
    EACH_NULL(rq_model_open, {1}, folder.get(), &model_options, &opened, err);
    rq_model_free(opened);
    rq_model_info info = RQ_MODEL_INFO_INIT;
    rq_tensor_info tensor = RQ_TENSOR_INFO_INIT;
    rq_sampling_options sampling = RQ_SAMPLING_OPTIONS_INIT;
    std::string text(1 << 20, ' ');
    std::int32_t ids[64] = {};
    std::size_t size = 0;
    EACH_NULL(rq_model_plan, {1}, tale(), &session_options, &plan, err);
    EACH_NULL(rq_model_get_info, {}, tale(), &info, err);
    EACH_NULL(rq_model_type, {}, tale(), text.data(), text.size(), &size, err);
    EACH_NULL(rq_model_identity, {}, tale(), text.data(), text.size(), &size, err);
    EACH_NULL(rq_model_config, {}, tale(), text.data(), text.size(), &size, err);
    EACH_NULL(rq_model_kernels, {}, tale(), text.data(), text.size(), &size, err);
    EACH_NULL(rq_model_tensor_count, {}, tale(), &size, err);
    EACH_NULL(rq_model_tensor, {}, tale(), 0, &tensor, err);
    EACH_NULL(rq_model_sampling, {}, tale(), &sampling, err);
    EACH_NULL(rq_model_stop_tokens, {}, tale(), ids, 64, &size, err);

    // Tokenizers
    rq_tokenizer* tokenizer = nullptr;
    EACH_NULL(rq_tokenizer_open, {}, folder.get(), &tokenizer, err);
    rq_tokenizer_free(tokenizer);
    tokenizer = nullptr;
    EACH_NULL(rq_model_tokenizer, {}, tale(), &tokenizer, err);
    must(rq_model_tokenizer(tale(), &tokenizer, nullptr), Err());
    const TokenizerHandle t(tokenizer);
    const char* borrowed = nullptr;
    std::int64_t vocabulary = 0;
    std::int32_t token = 0;
    std::uint32_t yes = 0;
    rq_decoder* decoder = nullptr;
    EACH_NULL(rq_tokenizer_encode, {}, t.get(), "king", 4, 0, ids, 64, &size, err);
    EACH_NULL(rq_model_encode_prompt, {}, tale(), "king", 4, 0, ids, 64, &size, err);
    EACH_NULL(rq_tokenizer_decode, {}, t.get(), ids, 2, 0, text.data(), text.size(), &size, err);
    EACH_NULL(rq_tokenizer_bytes, {}, t.get(), 5, &borrowed, &size, err);
    EACH_NULL(rq_tokenizer_find, {}, t.get(), "a", 1, &token, err);
    EACH_NULL(rq_tokenizer_is_special, {}, t.get(), 5, &yes, err);
    EACH_NULL(rq_tokenizer_vocab_size, {}, t.get(), &vocabulary, err);
    EACH_NULL(rq_decoder_create, {}, t.get(), 0, &decoder, err);
    must(rq_decoder_create(t.get(), 0, &decoder, nullptr), Err());
    const DecoderHandle d(decoder);
    EACH_NULL(rq_decoder_push, {}, d.get(), 5, &borrowed, &size, err);
    EACH_NULL(rq_decoder_finish, {}, d.get(), &borrowed, &size, err);

    // Prompts
    const std::string messages = R"([{"role": "user", "content": "king"}])";
    rq_prompt_options prompt_options = RQ_PROMPT_OPTIONS_INIT;
    prompt_options.format = "v2", prompt_options.format_len = 2;
    rq_prompt* prompt = nullptr;
    EACH_NULL(rq_prompt_create, {}, messages.data(), messages.size(), &prompt_options, &prompt, err);
    must(rq_prompt_create(messages.data(), messages.size(), &prompt_options, &prompt, nullptr), Err());
    const PromptHandle p(prompt);
    EACH_NULL(rq_prompt_format, {}, p.get(), &borrowed, &size, err);
    EACH_NULL(rq_prompt_text, {}, p.get(), &borrowed, &size, err);
    EACH_NULL(rq_prompt_tokens, {}, p.get(), t.get(), ids, 64, &size, err);

    // Completions
    rq_completion* completion = nullptr;
    std::int32_t kind = 0;
    EACH_NULL(rq_completion_create, {}, "v2", 2, 0, &completion, err);
    must(rq_completion_create("v2", 2, 0, &completion, nullptr), Err());
    const CompletionHandle c(completion);
    EACH_NULL(rq_completion_feed, {}, c.get(), "king", 4, err);
    EACH_NULL(rq_completion_next, {}, c.get(), &kind, &borrowed, &size, err);
    EACH_NULL(rq_completion_finish, {}, c.get(), &borrowed, &size, err);

    // Sessions
    rq_session* session = nullptr;
    EACH_NULL(rq_session_create, {1}, tale(), &session_options, &session, err);
    rq_session_free(session);
    session = nullptr;
    const auto s = small_session();
    const std::int32_t prompt_ids[] = {0, 5, 7};
    std::vector<float> logits(3 * 4096);
    std::size_t other = 0;
    const float* row = nullptr;
    const std::int32_t* timeline = nullptr;
    rq_metrics metrics = RQ_METRICS_INIT;
    rq_observer observer = RQ_OBSERVER_INIT;
    EACH_NULL(rq_session_sync, std::set<std::size_t>{3, 4}, s.get(), prompt_ids, 3, &size, &other, err);
    EACH_NULL(rq_session_append, {}, s.get(), prompt_ids, 3, logits.data(), logits.size(), err);
    EACH_NULL(rq_session_append_drafts, {}, s.get(), prompt_ids, 3, logits.data(), logits.size(), logits.data(), logits.size(), err);
    const auto saved = source_of(tale_folder());
    EACH_NULL(rq_session_rewind, {}, s.get(), 1, err);
    EACH_NULL(rq_session_save, {}, s.get(), "/nowhere/at/all", 15, err);
    EACH_NULL(rq_session_load, {}, s.get(), saved.get(), err);
    EACH_NULL(rq_session_fork, {}, s.get(), &session, err);
    EACH_NULL(rq_session_logits, {}, s.get(), &row, &size, err);
    rq_session* const batch[] = {s.get()};
    Err of_each;
    EACH_NULL(rq_session_evaluate_batch, {2}, batch, 1, &of_each, err);
    EACH_NULL(rq_session_tokens, {}, s.get(), &timeline, &size, err);
    EACH_NULL(rq_session_length, {}, s.get(), &size, err);
    EACH_NULL(rq_session_capacity, {}, s.get(), &size, err);
    EACH_NULL(rq_session_metrics, {}, s.get(), &metrics, err);
    EACH_NULL(rq_session_observe, {1}, s.get(), &observer, err);

    // Generations
    rq_generation_options generation_options = RQ_GENERATION_OPTIONS_INIT;
    rq_generation* generation = nullptr;
    EACH_NULL(rq_generation_create, {1}, s.get(), &generation_options, &generation, err);
    const GenerationHandle g(generation);
    rq_piece piece = RQ_PIECE_INIT;
    EACH_NULL(rq_generation_next, {}, g.get(), &piece, err);

    rq_grammar* grammar = nullptr;
    EACH_NULL(rq_grammar_from_json_schema, {}, "true", std::size_t{4}, &grammar, err);
    const GrammarHandle from_schema(grammar);
    EACH_NULL(rq_grammar_from_rules, {}, "root ::= \"a\"", std::size_t{12}, &grammar, err);
    const GrammarHandle from_rules(grammar);

    // Writing models
    const TempFolder folder_to_write;
    const std::string written = (folder_to_write / "m.gguf").string();
    rq_synthesize_options synthesize_options = RQ_SYNTHESIZE_OPTIONS_INIT;
    synthesize_options.geometry = "v2-tiny", synthesize_options.geometry_len = 7;
    rq_quantize_options quantize_options = RQ_QUANTIZE_OPTIONS_INIT;
    EACH_NULL(rq_quantize, {3}, folder.get(), written.data(), written.size(), &quantize_options, err);
    rq_pack_options pack_options = RQ_PACK_OPTIONS_INIT;
    EACH_NULL(rq_pack, {3}, folder.get(), written.data(), written.size(), &pack_options, err);
    EACH_NULL(rq_synthesize, {}, written.data(), written.size(), &synthesize_options, err);

    // Operations. The structs' own pointers: operations_test.cpp.
    float x[4] = {};
    rq_matmul_args matmul = RQ_MATMUL_ARGS_INIT;
    rq_latent_attention_args attention = RQ_LATENT_ATTENTION_ARGS_INIT;
    rq_route_args route = RQ_ROUTE_ARGS_INIT;
    rq_rope_args rope = RQ_ROPE_ARGS_INIT;
    EACH_NULL(rq_matmul, {}, &matmul, err);
    EACH_NULL(rq_latent_attention, {}, &attention, err);
    EACH_NULL(rq_route, {}, &route, err);
    EACH_NULL(rq_rope, {}, &rope, err);
    EACH_NULL(rq_rms_norm, {}, x, 0, x, 1e-6F, 2, 2, x, 0, err);
    EACH_NULL(rq_softmax, {}, x, 2, 2, 0, err);
    EACH_NULL(rq_swiglu, {}, x, 0, x, 0, 2, 2, x, 0, err);

    auto expected = functions_of(header_text());
    for (auto name = expected.begin(); name != expected.end();) {
        const bool takes_no_error = name->ends_with("_free") || *name == "rq_session_cancel" || *name == "rq_version" ||
                                    *name == "rq_status_name" || *name == "rq_dtype_name";
        name = takes_no_error ? expected.erase(name) : std::next(name);
    }
    CHECK(tried == expected);
}

TEST_CASE("freeing NULL and cancelling NULL do nothing", "[capi]") {
    rq_source_free(nullptr);
    rq_model_free(nullptr);
    rq_tokenizer_free(nullptr);
    rq_decoder_free(nullptr);
    rq_prompt_free(nullptr);
    rq_completion_free(nullptr);
    rq_session_free(nullptr);
    rq_generation_free(nullptr);
    rq_grammar_free(nullptr);
    rq_session_cancel(nullptr);
    SUCCEED();
}
