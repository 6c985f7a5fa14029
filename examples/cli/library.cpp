#include "library.hpp"

namespace cli {
namespace {

constexpr const char* caches[] = {"", "f32", "bf16", "int8", "compact"};  // by RQ_CACHE_*

}  // namespace

Source open_source(const std::string& path) {
    rq_source* source = nullptr;
    call(rq_source_create_path, path.data(), path.size(), &source);
    return Source(source);
}

Model open_model(const ModelArguments& arguments) {
    rq_model_options options = RQ_MODEL_OPTIONS_INIT;
    options.threads = arguments.threads;
    options.isa = arguments.isa.data();
    options.isa_len = arguments.isa.size();
    options.headers_only = arguments.headers_only ? 1 : 0;
    const Source source = open_source(arguments.path);
    rq_model* model = nullptr;
    call(rq_model_open, source.get(), &options, &model);
    return Model(model);
}

rq_session_options session_options(const SessionArguments& arguments) {
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.mode = arguments.mode == "exact" ? RQ_MODE_EXACT : arguments.mode == "fast" ? RQ_MODE_FAST
                                                                                        : RQ_MODE_DEFAULT;
    for (std::size_t i = 0; i < std::size(caches); ++i) {
        if (arguments.cache == caches[i]) options.cache = static_cast<std::int32_t>(i);
    }
    options.context = arguments.context;
    options.chunk = arguments.chunk;
    options.drafting = arguments.drafting == "lookup" ? RQ_DRAFTING_LOOKUP : arguments.drafting == "head" ? RQ_DRAFTING_HEAD
                                                                                                          : RQ_DRAFTING_NONE;
    options.draft_tokens = arguments.draft_tokens;
    return options;
}

std::string mode_text(const rq_model* model, const SessionArguments& arguments) {
    const std::int32_t mode = session_options(arguments).mode;
    return (mode == RQ_MODE_DEFAULT ? info_of(model).default_mode : mode) == RQ_MODE_FAST ? "fast" : "exact";
}

std::string cache_text(const rq_model* model, const SessionArguments& arguments) {
    if (!arguments.cache.empty()) return arguments.cache;
    return mode_text(model, arguments) == "fast" && info_of(model).has_int8_cache ? "int8" : "f32";
}

Session new_session(const rq_model* model, const SessionArguments& arguments) {
    const rq_session_options options = session_options(arguments);
    rq_session* session = nullptr;
    call(rq_session_create, model, &options, &session);
    return Session(session);
}

rq_model_info info_of(const rq_model* model) {
    rq_model_info info = RQ_MODEL_INFO_INIT;
    call(rq_model_get_info, model, &info);
    return info;
}

std::string text_of(ModelText function, const rq_model* model) {
    std::size_t length = 0;
    call(function, model, static_cast<char*>(nullptr), std::size_t{0}, &length);
    std::string text(length + 1, '\0');
    call(function, model, text.data(), text.size(), &length);
    text.resize(length);
    return text;
}

namespace {

/// Ids of an out-ids function; a text has at most as many tokens as bytes, and one more for its beginning.
template <class Function, class Object>
std::vector<std::int32_t> ids_of(Function function, const Object* object, std::string_view text, std::uint32_t flags) {
    std::vector<std::int32_t> tokens(text.size() + 1);
    std::size_t count = 0;
    call(function, object, text.data(), text.size(), flags, tokens.data(), tokens.size(), &count);
    tokens.resize(count);
    return tokens;
}

}  // namespace

std::vector<std::int32_t> encode(const rq_tokenizer* tokenizer, std::string_view text, std::uint32_t flags) {
    return ids_of(rq_tokenizer_encode, tokenizer, text, flags);
}

std::vector<std::int32_t> encode_prompt(const rq_model* model, std::string_view text, std::uint32_t flags) {
    return ids_of(rq_model_encode_prompt, model, text, flags);
}

std::vector<std::int32_t> ids_of(const rq_prompt* prompt, const rq_tokenizer* tokenizer) {
    std::size_t count = 0;
    call(rq_prompt_tokens, prompt, tokenizer, static_cast<std::int32_t*>(nullptr), std::size_t{0}, &count);
    std::vector<std::int32_t> ids(count);
    call(rq_prompt_tokens, prompt, tokenizer, ids.data(), ids.size(), &count);
    return ids;
}

std::string decode(const rq_tokenizer* tokenizer, const std::vector<std::int32_t>& tokens, std::uint32_t flags) {
    std::size_t length = 0;
    call(rq_tokenizer_decode, tokenizer, tokens.data(), tokens.size(), flags, static_cast<char*>(nullptr), std::size_t{0}, &length);
    std::string text(length + 1, '\0');
    call(rq_tokenizer_decode, tokenizer, tokens.data(), tokens.size(), flags, text.data(), text.size(), &length);
    text.resize(length);
    return text;
}

}  // namespace cli
