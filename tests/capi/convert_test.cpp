// Writing models through the C interface.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "capi/support.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

namespace {

rq_synthesize_options tiny(const char* format = "q4_k_m") {
    rq_synthesize_options options = RQ_SYNTHESIZE_OPTIONS_INIT;
    options.geometry = "v2-tiny", options.geometry_len = std::strlen("v2-tiny");
    options.format = format, options.format_len = std::strlen(format);
    return options;
}

std::int32_t synthesize(const std::filesystem::path& path, const rq_synthesize_options& options, Err& err) {
    const std::string text = path.string();
    return rq_synthesize(text.data(), text.size(), &options, &err);
}

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// What a progress callback saw; it asks to stop after `stop_after` calls.
struct Seen {
    int calls = 0, stop_after = 1 << 30;
    std::uint64_t done = 0, all = 0;
    bool grew = true, named = true;

    static std::int32_t see(std::uint64_t done_bytes, std::uint64_t all_bytes, const char* tensor, std::size_t tensor_len, void* user) {
        auto& seen = *static_cast<Seen*>(user);
        seen.grew = seen.grew && done_bytes > seen.done && done_bytes <= all_bytes;
        seen.named = seen.named && tensor_len > 0 && std::string(tensor, tensor_len).find("weight") != std::string::npos;
        seen.done = done_bytes, seen.all = all_bytes;
        return ++seen.calls >= seen.stop_after ? 1 : 0;
    }
};

}  // namespace

TEST_CASE("a synthesized model is the same for equal options, and another for each option that says so", "[capi][convert]") {
    const TempFolder folder;
    Err err;
    const auto made = [&](const rq_synthesize_options& options) {
        must(synthesize(folder / "m.gguf", options, err), err);
        return bytes_of(folder / "m.gguf");
    };
    const auto first = made(tiny());
    CHECK(first.starts_with("GGUF"));
    CHECK(made(tiny()) == first);
    auto options = tiny();
    options.threads = 2;
    CHECK(made(options) == first);
    options.seed = 1;
    CHECK(made(options) != first);
    options = tiny();
    options.layers = 2;
    CHECK(made(options).size() < first.size());
    options = tiny();
    options.pure = 1;
    CHECK(made(options).size() < first.size());
    options = tiny();
    options.latent = RQ_LATENT_SPLIT;
    CHECK(made(options).find("attn_k_b") != std::string::npos);
    CHECK(first.find("attn_k_b") == std::string::npos);
    CHECK(made(tiny("bf16")).size() > first.size());
}

TEST_CASE("a progress callback sees all bytes and can stop; the file is then not there", "[capi][convert]") {
    const TempFolder folder;
    Err err;
    auto options = tiny();
    Seen seen;
    options.progress = Seen::see, options.user = &seen;
    options.threads = 1;
    must(synthesize(folder / "m.gguf", options, err), err);
    CHECK((seen.grew && seen.named));
    CHECK(seen.done == seen.all);
    CHECK(seen.calls > 1);
    std::filesystem::remove(folder / "m.gguf");
    Seen stopping;
    stopping.stop_after = 1;
    options.user = &stopping;
    CHECK(synthesize(folder / "m.gguf", options, err) == RQ_ERR_CALLBACK);
    CHECK(stopping.calls == 1);
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a file that is being replaced stays as it was when the writing is stopped", "[capi][convert]") {
    const TempFolder folder;
    Err err;
    folder.write("m.gguf", std::string_view("what was there"));
    auto options = tiny();
    Seen stopping;
    stopping.stop_after = 1;
    options.progress = Seen::see, options.user = &stopping;
    CHECK(synthesize(folder / "m.gguf", options, err) == RQ_ERR_CALLBACK);
    CHECK(bytes_of(folder / "m.gguf") == "what was there");
    options.progress = nullptr;
    must(synthesize(folder / "m.gguf", options, err), err);
    CHECK(bytes_of(folder / "m.gguf").starts_with("GGUF"));
}

TEST_CASE("the host's threads can write a model, and refuse to", "[capi][convert]") {
    const TempFolder folder;
    Err err;
    rq_executor executor = RQ_EXECUTOR_INIT;
    executor.concurrency = 2;
    int runs = 0;
    executor.user = &runs;
    executor.run = [](std::size_t count, rq_task_fn task, void* context, void* user) -> std::int32_t {
        ++*static_cast<int*>(user);
        for (std::size_t i = count; i > 0; --i) task(context, i - 1);
        return 0;
    };
    auto options = tiny();
    must(synthesize(folder / "own.gguf", options, err), err);
    options.executor = &executor;
    must(synthesize(folder / "host.gguf", options, err), err);
    CHECK(runs > 0);
    CHECK(bytes_of(folder / "own.gguf") == bytes_of(folder / "host.gguf"));
    executor.run = [](std::size_t, rq_task_fn, void*, void*) -> std::int32_t { return 5; };
    CHECK(synthesize(folder / "refused.gguf", options, err) == RQ_ERR_CALLBACK);
    CHECK_FALSE(std::filesystem::exists(folder / "refused.gguf"));
}

TEST_CASE("a quantised model opens, and is the same with the host's threads", "[capi][convert]") {
    const TempFolder folder;
    const auto source = source_of(tale_folder());
    Err err;
    const auto quantize = [&](const char* name, const rq_quantize_options* options) {
        const std::string path = (folder / name).string();
        return rq_quantize(source.get(), path.data(), path.size(), options, &err);
    };
    must(quantize("default.gguf", nullptr), err);
    rq_quantize_options options = RQ_QUANTIZE_OPTIONS_INIT;
    options.format = "q4_k_m", options.format_len = 6;
    rq_executor executor = RQ_EXECUTOR_INIT;
    executor.concurrency = 3;
    executor.run = [](std::size_t count, rq_task_fn task, void* context, void*) -> std::int32_t {
        for (std::size_t i = 0; i < count; ++i) task(context, i);
        return 0;
    };
    options.executor = &executor;
    Seen seen;
    options.progress = Seen::see, options.user = &seen;
    must(quantize("host.gguf", &options), err);
    CHECK((seen.grew && seen.named && seen.done == seen.all));
    CHECK(bytes_of(folder / "default.gguf") == bytes_of(folder / "host.gguf"));
    const auto model = open_model(folder / "host.gguf");
    rq_model_info info = RQ_MODEL_INFO_INIT;
    must(rq_model_get_info(model.get(), &info, &err), err);
    CHECK(info.has_tokenizer == 1);
    CHECK(info.vocab_size == 4096);

    std::filesystem::remove(folder / "host.gguf");
    Seen stopping;
    stopping.stop_after = 2;
    options.user = &stopping;
    CHECK(quantize("host.gguf", &options) == RQ_ERR_CALLBACK);
    CHECK_FALSE(std::filesystem::exists(folder / "host.gguf"));
    options.progress = nullptr;
    options.latent = -1;
    CHECK(quantize("host.gguf", &options) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(err.says("options.latent"));
    options.latent = RQ_LATENT_SPLIT, options.format_len = 3;
    CHECK(quantize("host.gguf", &options) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(err.says("format: \"q4_\""));
    CHECK(rq_quantize(source_of("/nowhere/at/all").get(), "m", 1, nullptr, &err) == RQ_ERR_NOT_FOUND);
}

TEST_CASE("an option of rq_synthesize that makes no sense is refused by its name", "[capi][convert]") {
    const TempFolder folder;
    const auto refused = [&](const rq_synthesize_options& options, const std::string& says) {
        Err err;
        CAPTURE(says);
        CHECK(synthesize(folder / "m.gguf", options, err) == RQ_ERR_INVALID_ARGUMENT);
        CAPTURE(err.message);
        CHECK(err.says(says));
        CHECK(std::filesystem::is_empty(folder.path()));
    };
    auto options = tiny("q4_k_xxl");
    refused(options, "format: \"q4_k_xxl\"");
    options = tiny();
    options.geometry_len = 2;
    refused(options, "geometry: \"v2\"");
    options = tiny();
    options.pure = 2;
    refused(options, "options.pure");
    options = tiny();
    options.latent = 3;
    refused(options, "options.latent");
    options = tiny();
    options.layers = UINT64_MAX;
    refused(options, "options.layers");
    options = tiny();
    options.format = nullptr;
    refused(options, "options.format");
    Err err;
    CHECK(rq_synthesize("", 0, &options, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(err.says("path: empty"));
    options = tiny();
    CHECK(synthesize("/nowhere/at/all/m.gguf", options, err) == RQ_ERR_IO);
}
