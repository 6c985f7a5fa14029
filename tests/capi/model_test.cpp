// What a model tells about itself.
#include <cctype>

#include "capi/header.hpp"
#include "capi/support.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

TEST_CASE("a model tells its sizes, its kind, its identity and its config", "[capi][model]") {
    rq_model_info info = RQ_MODEL_INFO_INIT;
    Err err;
    must(rq_model_get_info(tale(), &info, &err), err);
    CHECK(info.vocab_size == 4096);
    CHECK(info.hidden_size == 256);
    CHECK(info.layers == 5);
    CHECK(info.dense_layers == 1);
    CHECK(info.heads == 8);
    CHECK(info.routed_experts == 16);
    CHECK(info.experts_per_token == 4);
    CHECK(info.context == 2048);
    CHECK(info.bos_token == 0);
    CHECK(info.has_tokenizer == 1);
    CHECK(info.threads >= 1);
    CHECK(info.parameters > info.active_parameters);
    CHECK(out_text([](auto... to) { return rq_model_type(tale(), to...); }) == "deepseek_v2");
    CHECK(out_text([](auto... to) { return rq_model_config(tale(), to...); }).find("\"model_type\": \"deepseek_v2\"") != std::string::npos);
    const std::string identity = out_text([](auto... to) { return rq_model_identity(tale(), to...); });
    CHECK(identity.size() == 32);
    CHECK(identity.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK_FALSE(out_text([](auto... to) { return rq_model_kernels(tale(), to...); }).empty());
}

TEST_CASE("a buffer that is too small stays untouched, and the size needed is told all the same", "[capi]") {
    Err err;
    std::size_t length = 0;
    char small[11] = "##########";
    CHECK(rq_model_type(tale(), small, sizeof small, &length, &err) == RQ_ERR_INVALID_ARGUMENT);  // no room for the zero
    CHECK(length == 11);
    CHECK(std::string(small) == "##########");
    CHECK(err.says("12"));
    char enough[12];
    CHECK(rq_model_type(tale(), enough, sizeof enough, &length, &err) == RQ_OK);
    CHECK(std::string(enough) == "deepseek_v2");
    CHECK(rq_model_type(tale(), nullptr, 12, &length, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(length == 0);
}

TEST_CASE("the tensors of a model are listed with name, file, dtype and shape", "[capi][model]") {
    std::size_t count = 0;
    Err err;
    must(rq_model_tensor_count(tale(), &count, &err), err);
    REQUIRE(count > 100);
    std::uint64_t bytes = 0;
    bool embedding = false;
    for (std::size_t i = 0; i < count; ++i) {
        rq_tensor_info tensor = RQ_TENSOR_INFO_INIT;
        must(rq_model_tensor(tale(), i, &tensor, &err), err);
        bytes += tensor.size_bytes;
        if (std::string(tensor.name, tensor.name_len) != "model.embed_tokens.weight") continue;
        embedding = true;
        CHECK(tensor.dtype == RQ_DTYPE_BF16);
        CHECK(std::string(rq_dtype_name(tensor.dtype)) == "bf16");
        CHECK(tensor.rank == 2);
        CHECK(tensor.shape[0] == 4096);
        CHECK(tensor.shape[1] == 256);
        CHECK(tensor.shape[2] == 0);
        CHECK(tensor.size_bytes == 4096 * 256 * 2);
        CHECK(std::string(tensor.file, tensor.file_len).find("model.safetensors") != std::string::npos);
    }
    CHECK(embedding);
    rq_plan plan = RQ_PLAN_INIT;
    must(rq_model_plan(tale(), nullptr, &plan, &err), err);
    CHECK(plan.weights_bytes == bytes);
    rq_tensor_info tensor = RQ_TENSOR_INFO_INIT;
    CHECK(rq_model_tensor(tale(), count, &tensor, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(tensor.name == nullptr);
}

TEST_CASE("a plan made from files alone equals that of the open model", "[capi][model]") {
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.context = 1000;
    options.cache = GENERATE(RQ_CACHE_DEFAULT, RQ_CACHE_F32, RQ_CACHE_BF16);
    rq_plan before = RQ_PLAN_INIT, open = RQ_PLAN_INIT;
    Err err;
    must(rq_source_plan(source_of(tale_folder()).get(), nullptr, &options, &before, &err), err);
    must(rq_model_plan(tale(), &options, &open, &err), err);
    CHECK(before.weights_bytes == open.weights_bytes);
    CHECK(before.weights_mapped_bytes == open.weights_mapped_bytes);
    CHECK(before.cache_per_token_bytes == open.cache_per_token_bytes);
    CHECK(before.context_tokens == 1000);
    CHECK(before.cache_bytes == open.cache_bytes);
    CHECK(before.peak_bytes == open.peak_bytes);
    CHECK(before.cache_bytes >= 1000 * before.cache_per_token_bytes);
    CHECK(before.peak_bytes == before.weights_bytes + before.cache_bytes + before.scratch_bytes);
    const std::uint64_t value_bytes = options.cache == RQ_CACHE_BF16 ? 2 : 4;
    CHECK(before.cache_per_token_bytes == 5 * (64 + 16) * value_bytes);  // layers x (latent + rope key)
}

TEST_CASE("a model tells how it wants to be sampled and where it stops", "[capi][model]") {
    rq_sampling_options sampling = RQ_SAMPLING_OPTIONS_INIT;
    Err err;
    must(rq_model_sampling(tale(), &sampling, &err), err);
    CHECK(sampling.struct_size == sizeof sampling);
    CHECK(sampling.temperature >= 0);
    CHECK(sampling.bias_tokens == nullptr);
    CHECK(out_ids([](auto... to) { return rq_model_stop_tokens(tale(), to...); }) == std::vector<std::int32_t>{1});
}

TEST_CASE("an instruction set by name is obeyed or refused, never replaced", "[capi][model]") {
    rq_model_options options = RQ_MODEL_OPTIONS_INIT;
    options.isa = "portable";
    options.isa_len = 8;
    const auto model = open_model(tale_folder(), &options);
    const std::string report = out_text([&](auto... to) { return rq_model_kernels(model.get(), to...); });
    CAPTURE(report);
    CHECK(report.find("portable") != std::string::npos);
    options.isa = "abacus";
    options.isa_len = 6;
    rq_model* none = nullptr;
    Err err;
    CHECK(rq_model_open(source_of(tale_folder()).get(), &options, &none, &err) != RQ_OK);
    CHECK(err.says("abacus"));
    CHECK(none == nullptr);
}

TEST_CASE("a model, its tokenizer, its sessions and their generations can be freed in any order", "[capi][model]") {
    auto model = open_model(tale_folder());
    rq_tokenizer* tokenizer = nullptr;
    Err err;
    must(rq_model_tokenizer(model.get(), &tokenizer, &err), err);
    TokenizerHandle t(tokenizer);
    auto session = small_session(model.get());
    append(session.get(), prompt_ids());
    auto generation = generate_on(session.get());
    model.reset();
    rq_piece piece = RQ_PIECE_INIT;
    must(rq_generation_next(generation.get(), &piece, &err), err);
    session.reset();
    must(rq_generation_next(generation.get(), &piece, &err), err);
    CHECK(out_ids([&](auto... to) { return rq_tokenizer_encode(t.get(), "king", 4, 0, to...); }).size() >= 1);
    rq_decoder* decoder = nullptr;
    must(rq_decoder_create(t.get(), 0, &decoder, &err), err);
    const DecoderHandle d(decoder);
    t.reset();
    const char* text = nullptr;
    std::size_t size = 0;
    must(rq_decoder_push(d.get(), piece.token, &text, &size, &err), err);
    generation.reset();
    SUCCEED();
}

TEST_CASE("a checkpoint without tokenizer.json evaluates tokens and answers text calls with RQ_ERR_WRONG_STATE", "[capi][model]") {
    const TempFolder folder;
    for (const char* name : {"config.json", "model.safetensors"}) {
        std::filesystem::create_symlink(tale_folder() / name, folder / name);
    }
    const auto model = open_model(folder.path());
    rq_tokenizer* tokenizer = nullptr;
    std::size_t count = 0;
    Err err;
    CHECK(rq_model_tokenizer(model.get(), &tokenizer, &err) == RQ_ERR_WRONG_STATE);
    CHECK(rq_model_encode_prompt(model.get(), "a", 1, 0, nullptr, 0, &count, &err) == RQ_ERR_WRONG_STATE);
    const auto session = small_session(model.get());
    append(session.get(), {0, 5, 7});
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.limit = 4;
    options.ignore_stop_tokens = 1;
    const auto all = take_all(generate_on(session.get(), &options).get());
    CHECK(all.tokens.size() == 4);
    CHECK(all.text.empty());
}

TEST_CASE("every status and every dtype has a name, and other numbers are unknown", "[capi]") {
    CHECK(std::string(rq_status_name(RQ_OK)) == "ok");
    CHECK(std::string(rq_status_name(RQ_ERR_CONTEXT_FULL)) == "context_full");
    for (std::int32_t status = RQ_OK; status <= RQ_ERR_INTERNAL; ++status) CHECK(std::string(rq_status_name(status)) != "unknown");
    CHECK(std::string(rq_status_name(RQ_ERR_INTERNAL + 1)) == "unknown");
    CHECK(std::string(rq_status_name(-1)) == "unknown");
    const auto dtypes = all_matches(header_text(), R"(^#define RQ_DTYPE_(\w+ \d+))");
    REQUIRE(dtypes.size() == 34);
    for (std::size_t code = 0; code < dtypes.size(); ++code) {  // the codes count up, and each name is that of its macro
        std::string expected = rq_dtype_name(static_cast<std::int32_t>(code));
        for (char& c : expected) c = static_cast<char>(std::toupper(c));
        CHECK(dtypes[code] == expected + " " + std::to_string(code));
    }
    CHECK(std::string(rq_dtype_name(-1)) == "unknown");
    CHECK(std::string(rq_dtype_name(static_cast<std::int32_t>(dtypes.size()))) == "unknown");
    CHECK(rq_version() == RQ_VERSION);
}
