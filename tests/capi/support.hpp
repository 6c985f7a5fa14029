#pragma once

#include <catch2/catch.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rorqual/rorqual.h"

/// What the tests of the C interface share: handles that free themselves, and calls whose failure fails the test.
namespace rorqual::test {

template <auto free>
struct Free {
    template <class T>
    void operator()(T* handle) const noexcept { free(handle); }
};

using SourceHandle = std::unique_ptr<rq_source, Free<rq_source_free>>;
using ModelHandle = std::unique_ptr<rq_model, Free<rq_model_free>>;
using TokenizerHandle = std::unique_ptr<rq_tokenizer, Free<rq_tokenizer_free>>;
using DecoderHandle = std::unique_ptr<rq_decoder, Free<rq_decoder_free>>;
using PromptHandle = std::unique_ptr<rq_prompt, Free<rq_prompt_free>>;
using CompletionHandle = std::unique_ptr<rq_completion, Free<rq_completion_free>>;
using SessionHandle = std::unique_ptr<rq_session, Free<rq_session_free>>;
using GrammarHandle = std::unique_ptr<rq_grammar, Free<rq_grammar_free>>;
using GenerationHandle = std::unique_ptr<rq_generation, Free<rq_generation_free>>;

/// An error in its initial state.
struct Err : rq_error {
    Err() : rq_error RQ_ERROR_INIT {}
    [[nodiscard]] bool says(std::string_view part) const { return std::string_view(message).find(part) != std::string_view::npos; }
};

/// Requires that a call succeeds: must(rq_model_get_info(model, &info, err), err).
inline void must(std::int32_t status, const rq_error& err) {
    INFO(err.message);
    REQUIRE(status == RQ_OK);
}

inline std::filesystem::path tale_folder() { return std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale"; }

inline SourceHandle source_of(const std::filesystem::path& path) {
    rq_source* source = nullptr;
    Err err;
    const std::string text = path.string();
    must(rq_source_create_path(text.data(), text.size(), &source, &err), err);
    return SourceHandle(source);
}

inline ModelHandle open_model(const std::filesystem::path& path, const rq_model_options* options = nullptr) {
    rq_model* model = nullptr;
    Err err;
    must(rq_model_open(source_of(path).get(), options, &model, &err), err);
    return ModelHandle(model);
}

/// The model that tells tales, opened once for all tests that do not care how.
inline const rq_model* tale() {
    static const ModelHandle model = open_model(tale_folder());
    return model.get();
}

inline SessionHandle session_on(const rq_model* model, const rq_session_options* options = nullptr) {
    rq_session* session = nullptr;
    Err err;
    must(rq_session_create(model, options, &session, &err), err);
    return SessionHandle(session);
}

/// A session with little room: quick to make.
inline SessionHandle small_session(const rq_model* model = tale()) {
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.context = 256;
    return session_on(model, &options);
}

inline std::vector<std::int32_t> prompt_ids(std::string_view text = "Once upon a time", const rq_model* model = tale()) {
    std::vector<std::int32_t> tokens(text.size() + 8);
    std::size_t count = 0;
    Err err;
    must(rq_model_encode_prompt(model, text.data(), text.size(), 0, tokens.data(), tokens.size(), &count, &err), err);
    tokens.resize(count);
    return tokens;
}

inline void append(rq_session* session, const std::vector<std::int32_t>& tokens) {
    Err err;
    must(rq_session_append(session, tokens.data(), tokens.size(), nullptr, 0, &err), err);
}

inline std::size_t length_of(rq_session* session) {
    std::size_t length = 0;
    Err err;
    must(rq_session_length(session, &length, &err), err);
    return length;
}

inline std::vector<float> logits_of(rq_session* session) {
    const float* logits = nullptr;
    std::size_t count = 0;
    Err err;
    must(rq_session_logits(session, &logits, &count, &err), err);
    return {logits, logits + count};
}

inline GenerationHandle generate_on(rq_session* session, const rq_generation_options* options = nullptr) {
    rq_generation* generation = nullptr;
    Err err;
    must(rq_generation_create(session, options, &generation, &err), err);
    return GenerationHandle(generation);
}

struct Generated {
    std::vector<std::int32_t> tokens;
    std::string text;
    std::int32_t finish = RQ_FINISH_NONE;
};

/// Takes all pieces of a generation.
inline Generated take_all(rq_generation* generation) {
    Generated all;
    Err err;
    rq_piece piece = RQ_PIECE_INIT;
    do {
        must(rq_generation_next(generation, &piece, &err), err);
        if (piece.token >= 0) all.tokens.push_back(piece.token);
        all.text.append(piece.text, piece.text_len);
    } while (piece.finish == RQ_FINISH_NONE);
    all.finish = piece.finish;
    return all;
}

/// The text a function gives in two calls: one that asks for the size, one that takes the text.
template <class Call>
std::string out_text(Call&& call) {
    std::size_t length = 0;
    Err err;
    must(call(nullptr, 0, &length, &err), err);
    std::string text(length + 1, '#');
    must(call(text.data(), text.size(), &length, &err), err);
    REQUIRE(text.size() == length + 1);
    REQUIRE(text.back() == '\0');
    text.pop_back();
    return text;
}

template <class Call>
std::vector<std::int32_t> out_ids(Call&& call) {
    std::size_t count = 0;
    Err err;
    must(call(nullptr, 0, &count, &err), err);
    std::vector<std::int32_t> ids(count);
    must(call(ids.data(), ids.size(), &count, &err), err);
    REQUIRE(ids.size() == count);
    return ids;
}

}  // namespace rorqual::test
