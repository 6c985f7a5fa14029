// Every allocation of the C++ heap made to fail in turn, in a program of its own: it replaces operator new.
#include <fstream>

#include "capi/failing_new.hpp"
#include "capi/support.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

namespace {

// How many allocations a call makes; the call itself must succeed.
template <class Call>
long allocations_of(Call&& call) {
    rq_error err = RQ_ERROR_INIT;
    count_allocations();
    const std::int32_t status = call(&err);
    const long count = stop_counting();
    must(status, err);
    return count;
}

// Makes allocation after allocation of a call fail, once and for ever; at most `tries` of them, spread over all. A call may
// succeed all the same where it can do without the allocation that failed.
template <class Call>
void fail_in_turn(Call&& call, long tries) {
    const long count = allocations_of(call);
    CAPTURE(count);
    REQUIRE(count > 0);
    const long step = std::max(1L, count / tries);
    long refusals = 0;
    for (long n = 0; n < count; n += step) {
        for (const bool always : {false, true}) {
            rq_error err = RQ_ERROR_INIT;
            fail_allocation(n, always);
            const std::int32_t status = call(&err);
            stop_counting();
            CAPTURE(n, always, err.message);
            REQUIRE((status == RQ_ERR_NO_MEMORY || status == RQ_OK));
            REQUIRE(err.code == status);
            refusals += status == RQ_ERR_NO_MEMORY;
        }
    }
    CHECK(refusals > 0);
    must(call(nullptr), Err());  // and with memory again, all is as before
}

}  // namespace

TEST_CASE("opening a model in which any allocation fails gives RQ_ERR_NO_MEMORY", "[capi][memory]") {
    const TempFolder folder;  // without the tokenizer, whose thousands of small allocations have their own test
    for (const char* name : {"config.json", "generation_config.json", "model.safetensors"}) {
        std::filesystem::create_symlink(tale_folder() / name, folder / name);
    }
    const auto source = source_of(folder.path());
    fail_in_turn([&](rq_error* err) {
        rq_model* model = nullptr;
        const auto status = rq_model_open(source.get(), nullptr, &model, err);
        if (status != RQ_OK && model != nullptr) return std::int32_t{-1};
        rq_model_free(model);
        return status;
    },
                 400);
}

TEST_CASE("opening a tokenizer in which any allocation fails gives RQ_ERR_NO_MEMORY", "[capi][memory]") {
    const auto source = source_of(tale_folder());
    fail_in_turn([&](rq_error* err) {
        rq_tokenizer* tokenizer = nullptr;
        const auto status = rq_tokenizer_open(source.get(), &tokenizer, err);
        if (status != RQ_OK && tokenizer != nullptr) return std::int32_t{-1};
        rq_tokenizer_free(tokenizer);
        return status;
    },
                 60);
}

TEST_CASE("writing a model in which any allocation fails gives RQ_ERR_NO_MEMORY and leaves no file", "[capi][memory]") {
    const TempFolder folder, made;
    const std::filesystem::path file = folder / "m.gguf";
    const std::string path = file.string();
    const auto leaves_nothing = [&](std::int32_t status) {
        stop_counting();
        const bool left = std::filesystem::directory_iterator(folder.path()) != std::filesystem::directory_iterator();
        return left == (status == RQ_OK) ? status : std::int32_t{-1};
    };
    rq_synthesize_options options = RQ_SYNTHESIZE_OPTIONS_INIT;
    options.geometry = "v2-tiny", options.geometry_len = 7;
    options.format = "q8_0", options.format_len = 4;
    options.layers = 2, options.threads = 2;
    SECTION("of random weights") {
        fail_in_turn([&](rq_error* err) {
            std::error_code absent;
            std::filesystem::remove(file, absent);
            return leaves_nothing(rq_synthesize(path.data(), path.size(), &options, err));
        },
                     60);
    }
    SECTION("from another") {
        const std::string from = (made / "from.gguf").string();
        must(rq_synthesize(from.data(), from.size(), &options, nullptr), Err());
        const auto source = source_of(from);
        rq_quantize_options quantize_options = RQ_QUANTIZE_OPTIONS_INIT;
        quantize_options.threads = 2;
        fail_in_turn([&](rq_error* err) {
            std::error_code absent;
            std::filesystem::remove(file, absent);
            return leaves_nothing(rq_quantize(source.get(), path.data(), path.size(), &quantize_options, err));
        },
                     60);
    }
    SECTION("packed") {
        const std::string from = (made / "from.gguf").string();
        must(rq_synthesize(from.data(), from.size(), &options, nullptr), Err());
        const auto source = source_of(from);
        rq_pack_options pack_options = RQ_PACK_OPTIONS_INIT;
        pack_options.threads = 2;
        fail_in_turn([&](rq_error* err) {
            std::error_code absent;
            std::filesystem::remove(file, absent);
            return leaves_nothing(rq_pack(source.get(), path.data(), path.size(), &pack_options, err));
        },
                     60);
    }
}

TEST_CASE("sessions, text and generations in which any allocation fails give RQ_ERR_NO_MEMORY", "[capi][memory]") {
    const std::string text = "There was once a king who had three sons \U0001F98A";
    const auto ids = prompt_ids(text);
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.context = 200;
    SECTION("a session's whole life") {
        fail_in_turn([&](rq_error* err) {
            rq_session *session = nullptr, *fork = nullptr;
            auto status = rq_session_create(tale(), &options, &session, err);
            if (status == RQ_OK) status = rq_session_append(session, ids.data(), ids.size(), nullptr, 0, err);
            if (status == RQ_OK) status = rq_session_fork(session, &fork, err);
            if (status == RQ_OK) status = rq_session_append(fork, ids.data(), 3, nullptr, 0, err);
            if (status == RQ_OK) status = rq_session_rewind(session, 4, err);
            rq_session_free(session);
            rq_session_free(fork);
            return status;
        },
                     300);
    }
    SECTION("saving and loading") {
        const TempFolder folder;
        const std::string path = (folder.path() / "saved").string();
        const auto session = session_on(tale(), &options);
        append(session.get(), ids);
        fail_in_turn([&](rq_error* err) { return rq_session_save(session.get(), path.data(), path.size(), err); }, 300);
        const auto source = source_of(path);
        const auto other = session_on(tale(), &options);
        append(other.get(), {1, 2, 3});
        fail_in_turn([&](rq_error* err) {
            const auto status = rq_session_load(other.get(), source.get(), err);
            stop_counting();
            CHECK(length_of(other.get()) == (status == RQ_OK ? ids.size() : 3));
            must(rq_session_rewind(other.get(), 3, nullptr), Err());
            return status;
        },
                     600);
    }
    SECTION("encoding and decoding") {
        fail_in_turn([&](rq_error* err) {
            std::int32_t tokens[100];
            std::size_t count = 0;
            return rq_model_encode_prompt(tale(), text.data(), text.size(), RQ_ENCODE_ADDED_TOKENS, tokens, 100, &count, err);
        },
                     300);
    }
    SECTION("a generation that a grammar holds") {
        const auto session = session_on(tale(), &options);
        append(session.get(), ids);
        const std::string schema = R"({"type": "object", "properties": {"who": {"enum": ["king", "queen"]}}, "required": ["who"]})";
        fail_in_turn([&](rq_error* err) {
            rq_grammar* grammar = nullptr;
            auto status = rq_grammar_from_json_schema(schema.data(), schema.size(), &grammar, err);
            rq_generation_options generation_options = RQ_GENERATION_OPTIONS_INIT;
            generation_options.grammar = grammar;
            rq_generation* generation = nullptr;
            if (status == RQ_OK) status = rq_generation_create(session.get(), &generation_options, &generation, err);
            rq_piece piece = RQ_PIECE_INIT;
            std::string story;
            while (status == RQ_OK && piece.finish == RQ_FINISH_NONE) {
                status = rq_generation_next(generation, &piece, err);
                stop_counting();
                story.append(piece.text, status == RQ_OK ? piece.text_len : 0);
            }
            rq_generation_free(generation);
            rq_grammar_free(grammar);
            stop_counting();
            must(rq_session_rewind(session.get(), ids.size(), nullptr), Err());
            return status;
        },
                     300);
    }
    SECTION("a prompt") {
        rq_tokenizer* tokenizer = nullptr;
        must(rq_model_tokenizer(tale(), &tokenizer, nullptr), Err());
        const TokenizerHandle t(tokenizer);
        const std::string messages =
            R"([{"role":"system","content":"be kind to all","tools":[{"function":{"name":"f","parameters":{"a":[1,"a string of some length"]}}}]},
                {"role":"user","content":"a question of some length"},
                {"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{\"a\":{\"b\":1.5}}"}}]},
                {"role":"tool","content":"a result of some length","tool_call_id":"1"}])";
        for (const std::string format : {"v3.1", "v3.2", "v4"}) {
            fail_in_turn([&](rq_error* err) {
                rq_prompt_options prompt_options = RQ_PROMPT_OPTIONS_INIT;
                prompt_options.format = format.data(), prompt_options.format_len = format.size();
                rq_prompt* prompt = nullptr;
                auto status = rq_prompt_create(messages.data(), messages.size(), &prompt_options, &prompt, err);
                std::size_t count = 0;
                if (status == RQ_OK) status = rq_prompt_tokens(prompt, t.get(), nullptr, 0, &count, err);
                rq_prompt_free(prompt);
                return status;
            },
                         200);
        }
    }
    SECTION("an answer that is read") {
        const std::string answer =
            "reasoning of some length that needs memory</think>text of some length that needs memory\n\n<｜DSML｜tool_calls>\n"
            "<｜DSML｜invoke name=\"a_name_of_some_length\">\n<｜DSML｜parameter name=\"a_parameter_of_some_length\" string=\"true\">"
            "a \"value\" of some length</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls><｜end▁of▁sentence｜>";
        fail_in_turn([&](rq_error* err) {
            rq_completion* completion = nullptr;
            auto status = rq_completion_create("v4", 2, 1, &completion, err);
            if (status == RQ_OK) status = rq_completion_feed(completion, answer.data(), answer.size(), err);
            const char* part = nullptr;
            std::size_t length = 0;
            std::int32_t kind = RQ_PART_CONTENT;
            while (status == RQ_OK && kind != RQ_PART_NONE) status = rq_completion_next(completion, &kind, &part, &length, err);
            if (status == RQ_OK) status = rq_completion_finish(completion, &part, &length, err);
            rq_completion_free(completion);
            return status;
        },
                     200);
    }
    SECTION("a generation") {
        const auto session = session_on(tale(), &options);
        append(session.get(), ids);
        const char* const stop = "a string long enough to need memory of its own";
        rq_generation_options generation_options = RQ_GENERATION_OPTIONS_INIT;
        generation_options.limit = 3;
        generation_options.stop_strings = &stop;
        generation_options.stop_string_count = 1;
        fail_in_turn([&](rq_error* err) {
            rq_generation* generation = nullptr;
            auto status = rq_generation_create(session.get(), &generation_options, &generation, err);
            rq_piece piece = RQ_PIECE_INIT;
            while (status == RQ_OK && piece.finish == RQ_FINISH_NONE) status = rq_generation_next(generation, &piece, err);
            rq_generation_free(generation);
            stop_counting();
            must(rq_session_rewind(session.get(), ids.size(), nullptr), Err());
            return status;
        },
                     300);
    }
}

TEST_CASE("an evaluation that runs out of memory leaves a session that goes on correctly", "[capi][memory]") {
    const auto ids = prompt_ids("There was once a king who had three sons, and the youngest went into the wood");
    const auto fresh = small_session();
    append(fresh.get(), ids);
    const auto expected = logits_of(fresh.get());
    for (long n = 0; n < 12; ++n) {
        CAPTURE(n);
        const auto session = small_session();
        append(session.get(), {ids.begin(), ids.begin() + 3});
        Err err;
        fail_allocation(n, true);
        const auto status = rq_session_append(session.get(), ids.data() + 3, ids.size() - 3, nullptr, 0, &err);
        stop_counting();
        CHECK((status == RQ_OK || status == RQ_ERR_NO_MEMORY));
        must(rq_session_sync(session.get(), ids.data(), ids.size(), nullptr, nullptr, &err), err);
        CHECK(logits_of(session.get()) == expected);
    }
}
