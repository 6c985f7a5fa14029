// Where models come from, and what opening them tells.
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>

#include "capi/support.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

namespace {

const std::vector<std::string> tale_files = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
                                             "model.safetensors"};

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

SourceHandle files_source() {
    rq_source* source = nullptr;
    Err err;
    must(rq_source_create_files(&source, &err), err);
    return SourceHandle(source);
}

ModelHandle open_source(const rq_source* source) {
    rq_model* model = nullptr;
    Err err;
    must(rq_model_open(source, nullptr, &model, &err), err);
    return ModelHandle(model);
}

std::string identity_of(const rq_model* model) {
    return out_text([&](auto... to) { return rq_model_identity(model, to...); });
}

std::int32_t read_string(std::uint64_t offset, void* out, std::size_t size, void* user) {
    const auto& bytes = *static_cast<const std::string*>(user);
    std::memcpy(out, bytes.data() + offset, size);
    return 0;
}

std::vector<float> first_logits(const rq_model* model) {
    const auto session = small_session(model);
    append(session.get(), prompt_ids("The fox", model));
    return logits_of(session.get());
}

}  // namespace

TEST_CASE("a model opens from a path, from descriptors, from memory and from callbacks, and computes the same", "[capi][source]") {
    const auto expected = first_logits(tale());
    const std::string identity = identity_of(tale());
    Err err;
    SECTION("the path of one file stands for its folder") {
        const auto model = open_model(tale_folder() / "model.safetensors");
        CHECK(identity_of(model.get()) == identity);
        CHECK(first_logits(model.get()) == expected);
    }
    SECTION("descriptors, which may be closed at once, with the file somewhere inside") {
        const TempFolder folder;
        const auto source = files_source();
        for (const auto& name : tale_files) {
            const auto whole = bytes_of(tale_folder() / name);
            const auto path = folder.write(name, "before" + whole + "behind");
            const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
            REQUIRE(fd >= 0);
            must(rq_source_add_fd(source.get(), name.data(), name.size(), fd, 6, whole.size(), &err), err);
            ::close(fd);
        }
        const auto model = open_source(source.get());
        CHECK(identity_of(model.get()) == identity);
        CHECK(first_logits(model.get()) == expected);
    }
    std::map<std::string, std::string> contents;
    for (const auto& name : tale_files) contents[name] = bytes_of(tale_folder() / name);
    SECTION("memory") {
        const auto source = files_source();
        for (const auto& [name, bytes] : contents) {
            must(rq_source_add_memory(source.get(), name.data(), name.size(), bytes.data(), bytes.size(), &err), err);
        }
        const auto model = open_source(source.get());
        CHECK(identity_of(model.get()) == identity);
        CHECK(first_logits(model.get()) == expected);
    }
    SECTION("callbacks, which are not needed any more once the model is open") {
        auto source = files_source();
        for (auto& [name, bytes] : contents) {
            must(rq_source_add_callbacks(source.get(), name.data(), name.size(), bytes.size(), read_string, &bytes, &err), err);
        }
        const auto model = open_source(source.get());
        source.reset();
        contents.clear();
        CHECK(identity_of(model.get()) == identity);
        CHECK(first_logits(model.get()) == expected);
    }
}

TEST_CASE("a read callback that fails makes opening fail with RQ_ERR_CALLBACK", "[capi][source]") {
    const auto source = files_source();
    Err err;
    must(rq_source_add_callbacks(
             source.get(), "config.json", 11, 100,
             [](std::uint64_t, void*, std::size_t, void*) -> std::int32_t { return 5; }, nullptr, &err),
         err);
    rq_model* model = nullptr;
    CHECK(rq_model_open(source.get(), nullptr, &model, &err) == RQ_ERR_CALLBACK);
    CHECK(err.says("config.json"));
    CHECK(model == nullptr);
}

TEST_CASE("a failing open sets the out-pointer to NULL and fills one line of text", "[capi]") {
    const TempFolder folder;
    struct Case {
        std::string name;
        std::string config;
        std::int32_t status;
    };
    const std::vector<Case> cases = {
        {"nothing there", "", RQ_ERR_NOT_FOUND},
        {"no JSON", "{", RQ_ERR_CORRUPT},
        {"an unknown family", R"({"model_type": "elephant"})", RQ_ERR_UNSUPPORTED},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name);
        if (!c.config.empty()) folder.write("config.json", c.config);
        const auto source = source_of(folder.path());
        Err err;
        auto* model = reinterpret_cast<rq_model*>(&err);
        CHECK(rq_model_open(source.get(), nullptr, &model, &err) == c.status);
        CHECK(model == nullptr);
        CHECK(err.code == c.status);
        const std::string line = err.message;
        CAPTURE(line);
        CHECK(line.size() > 10);
        CHECK(line.find('\n') == std::string::npos);
        CHECK(rq_model_open(source.get(), nullptr, &model, nullptr) == c.status);
    }
}

TEST_CASE("a file's name must be new and a single path component", "[capi][source]") {
    const auto source = files_source();
    Err err;
    must(rq_source_add_memory(source.get(), "config.json", 11, "{}", 2, &err), err);
    for (const std::string name : {"config.json", "", ".", "..", "a/b", "a\\b"}) {
        CAPTURE(name);
        CHECK(rq_source_add_memory(source.get(), name.data(), name.size(), "{}", 2, &err) == RQ_ERR_INVALID_ARGUMENT);
    }
    CHECK(rq_source_add_memory(source_of(tale_folder()).get(), "x", 1, "{}", 2, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(rq_source_add_fd(source.get(), "x", 1, -1, 0, 0, &err) != RQ_OK);
}

TEST_CASE("an empty path and a path with a zero byte are refused", "[capi][source]") {
    rq_source* source = nullptr;
    Err err;
    CHECK(rq_source_create_path("", 0, &source, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(rq_source_create_path("a\0b", 3, &source, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(source == nullptr);
}
