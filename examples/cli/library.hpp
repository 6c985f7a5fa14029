#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#define RQ_ENABLE_UNSTABLE
#include <rorqual/rorqual.h>

namespace cli {

/// What ends a command early: printed as one line, then the program ends with this exit code.
struct Failure : std::runtime_error {
    explicit Failure(const std::string& line, int code = 1) : std::runtime_error(line), exit_code(code) {}
    int exit_code;
};

/// Exit codes, told by --help.
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_interrupted = 130;

/// A status other than RQ_OK as an exception that keeps the code.
struct LibraryError : Failure {
    LibraryError(std::int32_t code, const std::string& line) : Failure(line), status(code) {}
    std::int32_t status;
};

/// Calls a function of rorqual.h with a fresh rq_error as its last argument; a failure becomes a LibraryError with its message.
template <class Function, class... Arguments>
void call(Function function, Arguments... arguments) {
    rq_error error = RQ_ERROR_INIT;
    const std::int32_t status = function(arguments..., &error);
    if (status != RQ_OK) throw LibraryError(status, error.message);
}

/// Handles that free themselves.
template <class T, void (*free)(T*)>
struct Free {
    void operator()(T* handle) const { free(handle); }
};
template <class T, void (*free)(T*)>
using Handle = std::unique_ptr<T, Free<T, free>>;
using Source = Handle<rq_source, rq_source_free>;
using Model = Handle<rq_model, rq_model_free>;
using Tokenizer = Handle<rq_tokenizer, rq_tokenizer_free>;
using Prompt = Handle<rq_prompt, rq_prompt_free>;
using Completion = Handle<rq_completion, rq_completion_free>;
using Session = Handle<rq_session, rq_session_free>;
using Grammar = Handle<rq_grammar, rq_grammar_free>;
using Generation = Handle<rq_generation, rq_generation_free>;

/// What every command that opens a model takes.
struct ModelArguments {
    std::string path;
    std::uint32_t threads = 0;
    std::string isa;
    bool headers_only = false;  // to look at
};
struct SessionArguments {
    std::string mode;   // "" = the library's choice
    std::string cache;  // "" = the library's choice
    std::uint64_t context = 0;
    std::uint64_t chunk = 0;
    std::string drafting;  // "" = none
    std::uint32_t draft_tokens = 0;
};

[[nodiscard]] Source open_source(const std::string& path);
[[nodiscard]] Model open_model(const ModelArguments& arguments);
[[nodiscard]] rq_session_options session_options(const SessionArguments& arguments);
/// The name of the mode that sessions with these options compute in.
[[nodiscard]] std::string mode_text(const rq_model* model, const SessionArguments& arguments);
/// How they remember.
[[nodiscard]] std::string cache_text(const rq_model* model, const SessionArguments& arguments);
[[nodiscard]] Session new_session(const rq_model* model, const SessionArguments& arguments);
[[nodiscard]] rq_model_info info_of(const rq_model* model);

/// Text of an out-text function of a model: text_of(rq_model_identity, model).
using ModelText = std::int32_t (*)(const rq_model*, char*, std::size_t, std::size_t*, rq_error*);
[[nodiscard]] std::string text_of(ModelText function, const rq_model* model);

[[nodiscard]] std::vector<std::int32_t> encode(const rq_tokenizer* tokenizer, std::string_view text, std::uint32_t flags);
[[nodiscard]] std::vector<std::int32_t> encode_prompt(const rq_model* model, std::string_view text, std::uint32_t flags);
[[nodiscard]] std::vector<std::int32_t> ids_of(const rq_prompt* prompt, const rq_tokenizer* tokenizer);
[[nodiscard]] std::string decode(const rq_tokenizer* tokenizer, const std::vector<std::int32_t>& tokens, std::uint32_t flags);

}  // namespace cli
