// Model::open and Model::plan on checkpoint folders, whole and broken.
#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "families/golden_run.hpp"
#include "rorqual/model.hpp"
#include "support/memory.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using nlohmann::json;

namespace {

const std::filesystem::path checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";
const std::filesystem::path tale = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale";

std::string contents(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

// A copy of a checkpoint that a test may break.
struct Copy {
    test::TempFolder folder;
    explicit Copy(const std::filesystem::path& original) {
        for (const auto& entry : std::filesystem::directory_iterator(original)) {
            if (entry.path().filename() == "golden.safetensors") continue;
            folder.write(entry.path().filename().string(), contents(entry.path()));
        }
    }
    [[nodiscard]] json read(const char* name) const { return json::parse(contents(folder.path() / name)); }
    void write(const char* name, const json& value) const { folder.write(name, value.dump()); }
    [[nodiscard]] test::Outcome opening() const {
        return test::outcome_of([&] { (void)Model::open(Source::path(folder.path())); });
    }
};

}  // namespace

TEST_CASE("an open model tells its geometry, tensors, identity and plan", "[families][open]") {
    const auto model = Model::open(Source::path(checkpoints / "v2-group-limited"));
    const auto& g = model->geometry();
    CHECK(g.model_type == "deepseek_v2");
    CHECK(g.vocab_size == 320);
    CHECK(g.hidden_size == 80);
    CHECK(g.layers == 3);
    CHECK(g.dense_layers == 1);
    CHECK(g.heads == 5);
    CHECK(g.routed_experts == 12);
    CHECK(g.experts_per_token == 3);
    CHECK(g.context == 4096);
    CHECK(model->identity().size() == 32);
    CHECK(json::parse(model->config()).at("hidden_size") == 80);

    std::uint64_t parameters = 0, bytes = 0;
    const auto tensors = model->tensors();
    for (const auto& tensor : tensors) {
        std::uint64_t count = 1;
        for (const auto n : tensor.shape) count *= static_cast<std::uint64_t>(n);
        parameters += count;
        bytes += tensor.bytes;
    }
    CHECK(parameters == g.parameters);
    const auto plan = model->plan({.context = 1000});
    CHECK(plan.weights == bytes);
    CHECK(plan.weights_mapped <= plan.weights);
    CHECK(plan.context == 1000);
    CHECK(plan.cache_per_token == 3 * (48 + 12) * 4);
    CHECK(plan.cache == 1024 * plan.cache_per_token);
    CHECK(plan.peak == plan.weights + plan.cache + plan.scratch);
    CHECK(model->plan({.context = 1000, .cache = CacheFormat::bf16}).cache * 2 == plan.cache);
    CHECK(model->plan({.context = 1000, .chunk = 1}).scratch < plan.scratch);
    CHECK_FALSE(model->kernel_report().empty());
}

TEST_CASE("planning from headers gives the figures of the open model", "[families][open]") {
    const auto source = Source::path(tale);
    const ModelOptions options{.threads = 3};
    const SessionOptions session{.context = 700, .chunk = 100};
    const auto before = Model::plan(source, session, options);
    const auto after = Model::open(source, options)->plan(session);
    CHECK(before.weights == after.weights);
    CHECK(before.weights_mapped == after.weights_mapped);
    CHECK(before.cache == after.cache);
    CHECK(before.scratch == after.scratch);
    CHECK(before.peak == after.peak);
}

TEST_CASE("a plan for an impossible session is refused by name", "[families][open][hostile]") {
    const auto model = Model::open(Source::path(checkpoints / "v2-f16"));
    for (const std::int64_t context : {std::int64_t{-1}, std::int64_t{4097}, INT64_MAX}) {
        const auto outcome = test::outcome_of([&] { (void)model->plan({.context = context}); });
        CHECK(outcome.status == Status::invalid_argument);
        CHECK(outcome.says("context"));
    }
    CHECK(test::outcome_of([&] { (void)model->plan({.chunk = 0}); }).says("chunk"));
    const auto threads = test::outcome_of([] { (void)Model::plan(Source::path(checkpoints / "v2-f16"), {}, {.threads = SIZE_MAX}); });
    CHECK(threads.status == Status::invalid_argument);
    CHECK(threads.says("threads"));
}

TEST_CASE("identity changes with config and tokenizer, not with where the files lie", "[families][open]") {
    const auto identity = [](const auto& path) { return Model::open(Source::path(path))->identity(); };
    const Copy same(checkpoints / "v2-f16"), other(checkpoints / "v2-f16");
    auto config = other.read("config.json");
    config["routed_scaling_factor"] = 2.0;
    other.write("config.json", config);
    CHECK(identity(same.folder.path()) == identity(checkpoints / "v2-f16"));
    CHECK(identity(other.folder.path()) != identity(same.folder.path()));
}

TEST_CASE("a checkpoint without a tokenizer opens and answers text calls with an error", "[families][open]") {
    const auto model = Model::open(Source::path(checkpoints / "v2-f16"));
    CHECK_FALSE(model->has_tokenizer());
    CHECK(model->bos() == 0);
    CHECK(model->generation_defaults().stop_tokens == std::vector<Token>{1});
    CHECK(test::outcome_of([&] { (void)model->tokenizer(); }).status == Status::wrong_state);
    CHECK(test::outcome_of([&] { (void)model->encode_prompt("x"); }).status == Status::wrong_state);
}

TEST_CASE("prompts begin with one begin-of-sentence token, as tokenizer_config.json says", "[families][open]") {
    const std::string bos_text = "<｜begin▁of▁sentence｜>";
    const auto check = [&](const Model& model, bool added) {
        const auto bos = *model.bos();
        const auto plain = model.tokenizer().encode("Once upon");
        auto with_bos = plain;
        with_bos.insert(with_bos.begin(), bos);
        CHECK(model.encode_prompt("Once upon") == (added ? with_bos : plain));
        // A rendered template brings its own; text from users cannot.
        CHECK(model.encode_prompt(bos_text + "Once upon", AddedTokens::recognise) == with_bos);
        const auto spelled = model.encode_prompt(bos_text + "Once upon");
        CHECK(std::ranges::count(spelled, bos) == (added ? 1 : 0));
        CHECK(model.encode_prompt("") == (added ? std::vector<Token>{bos} : std::vector<Token>{}));
    };
    check(*Model::open(Source::path(tale)), true);

    const Copy copy(tale);
    auto config = copy.read("tokenizer_config.json");
    config["bos_token"] = {{"content", bos_text}, {"lstrip", false}};
    copy.write("tokenizer_config.json", config);
    check(*Model::open(Source::path(copy.folder.path())), true);
    config["add_bos_token"] = false;
    copy.write("tokenizer_config.json", config);
    check(*Model::open(Source::path(copy.folder.path())), false);
    std::filesystem::remove(copy.folder / "tokenizer_config.json");
    check(*Model::open(Source::path(copy.folder.path())), false);  // config.json knows the token
}

TEST_CASE("the chat template of a model is that of its files, with the special tokens that it may name", "[families][open]") {
    const Copy copy(tale);
    const auto found = [&] { return Model::open(Source::path(copy.folder.path()))->chat_template(); };
    CHECK(found().empty());
    auto config = copy.read("tokenizer_config.json");
    config["chat_template"] = "one";
    config["unk_token"] = {{"content", "<unk>"}};
    config["mask_token"] = nullptr;
    copy.write("tokenizer_config.json", config);
    CHECK(found().text == "one");
    CHECK(found().origin.ends_with("tokenizer_config.json: chat_template"));
    const json tokens = json::parse(found().tokens);
    CHECK(tokens == json({{"bos_token", config["bos_token"]}, {"eos_token", config["eos_token"]}, {"pad_token", config["pad_token"]}, {"unk_token", "<unk>"}}));
    config["chat_template"] = {{{"name", "tools"}, {"template", "two"}}, {{"name", "default"}, {"template", "three"}}};
    copy.write("tokenizer_config.json", config);
    CHECK(found().text == "three");
    copy.folder.write("chat_template.jinja", "four");
    CHECK(found().text == "four");
    CHECK(found().origin.ends_with("chat_template.jinja"));
    CHECK(json::parse(found().tokens) == tokens);
    config["chat_template"] = 7;
    copy.write("tokenizer_config.json", config);
    CHECK(copy.opening().says("tokenizer_config.json: chat_template: expected text, or a list of templates"));
}

TEST_CASE("generation_config.json is what a model recommends", "[families][open]") {
    const auto defaults = Model::open(Source::path(tale))->generation_defaults();
    CHECK(defaults.sampling.temperature == 0.7f);
    CHECK(defaults.sampling.top_p == 0.9f);
    CHECK(defaults.sampling.repetition_penalty == 1.1f);
    CHECK(defaults.stop_tokens == std::vector<Token>{1});

    const Copy copy(tale);
    const auto changed = [&](const json& config) {
        copy.write("generation_config.json", config);
        return Model::open(Source::path(copy.folder.path()))->generation_defaults();
    };
    CHECK(changed({{"temperature", 0.7}}).sampling.temperature == 0);  // not without do_sample
    CHECK(changed({{"do_sample", true}}).sampling.temperature == 1);
    CHECK(changed({{"eos_token_id", {1, 5}}}).stop_tokens == std::vector<Token>{1, 5});
    CHECK(changed(json::object()).stop_tokens == std::vector<Token>{1});  // config.json's
}

TEST_CASE("wrong values beside the weights are refused with file and key", "[families][open][hostile]") {
    struct Case {
        const char* file;
        const char* key;
        json value;
    };
    const auto c = GENERATE(values<Case>({
        {"generation_config.json", "temperature", -1},
        {"generation_config.json", "temperature", "hot"},
        {"generation_config.json", "do_sample", 1},
        {"generation_config.json", "top_k", -5},
        {"generation_config.json", "top_p", 1.5},
        {"generation_config.json", "min_p", "x"},
        {"generation_config.json", "repetition_penalty", 0},
        {"generation_config.json", "eos_token_id", 4096},
        {"generation_config.json", "eos_token_id", {1, "end"}},
        {"tokenizer_config.json", "add_bos_token", "yes"},
        {"tokenizer_config.json", "bos_token", 7},
        {"tokenizer_config.json", "bos_token", "no such token"},
        {"tokenizer_config.json", "bos_token", {{"text", "x"}}},
        {"config.json", "hidden_size", 255},
        {"config.json", "hidden_size", "wide"},
    }));
    const Copy copy(tale);
    auto values = copy.read(c.file);
    values[c.key] = c.value;
    copy.write(c.file, values);
    const auto outcome = copy.opening();
    CAPTURE(c.file, c.key, c.value.dump(), outcome.line);
    CHECK_FALSE(outcome.ok());
    const bool shapes = c.value == 255;  // shows in the tensors
    CHECK_THAT(outcome.line, Catch::Contains(shapes ? "shape" : c.file));
    CHECK_THAT(outcome.line, Catch::Contains(shapes ? "model.safetensors" : c.key));
}

TEST_CASE("everything that is wrong with a folder is told in one error", "[families][open][hostile]") {
    const Copy copy(tale);
    auto config = copy.read("config.json");
    config["hidden_size"] = -1;
    copy.write("config.json", config);
    copy.folder.write("tokenizer.json", "{");
    copy.folder.write("generation_config.json", "[]");
    std::filesystem::remove(copy.folder / "model.safetensors");
    const auto outcome = copy.opening();
    for (const char* part : {"hidden_size", "tokenizer.json", "generation_config.json", "model.safetensors"}) {
        CAPTURE(part);
        CHECK_THAT(outcome.line, Catch::Contains(part));
    }
}

TEST_CASE("a folder without config.json is refused, and so is one that is not there", "[families][open][hostile]") {
    const Copy copy(checkpoints / "v2-f16");
    std::filesystem::remove(copy.folder / "config.json");
    const auto outcome = copy.opening();
    CHECK(outcome.status == Status::not_found);
    CHECK(outcome.says("config.json"));
    CHECK(test::outcome_of([] { (void)Model::open(Source::path("/no/such/folder")); }).status == Status::not_found);
    CHECK(test::outcome_of([] { (void)Model::plan(Source::path("/no/such/folder")); }).status == Status::not_found);
}

TEST_CASE("every prefix of config.json and of the small text files is refused or opens, and never crashes", "[families][open][hostile]") {
    const std::string name = GENERATE("config.json", "generation_config.json", "tokenizer_config.json");
    const Copy copy(tale);
    const auto whole = contents(copy.folder.path() / name);
    const auto end = whole.find_last_not_of(" \n") + 1;
    for (std::size_t length = 0; length < end; length += 1 + length / 60) {
        copy.folder.write(name, whole.substr(0, length));
        const auto outcome = test::outcome_of([&] { (void)Model::plan(Source::path(copy.folder.path())); });
        if (name == "config.json") CHECK(outcome.status == Status::corrupt);
    }
    copy.folder.write(name, whole.substr(0, end / 2));
    CHECK(copy.opening().status == Status::corrupt);
    CHECK(copy.opening().says(name));
}

TEST_CASE("tensors that are missing, unknown or of another shape are named", "[families][open][hostile]") {
    const Copy copy(checkpoints / "v2-norm-tied");
    auto config = copy.read("config.json");
    config["num_hidden_layers"] = 5;
    copy.write("config.json", config);
    CHECK(copy.opening().says("model.layers.4."));
    config["num_hidden_layers"] = 3;
    copy.write("config.json", config);
    CHECK(copy.opening().says("model.layers.3."));
    config["num_hidden_layers"] = 4;
    config["intermediate_size"] = 91;
    copy.write("config.json", config);
    CHECK(copy.opening().says("mlp.gate_proj.weight"));
    config["intermediate_size"] = 90;
    config["tie_word_embeddings"] = false;
    copy.write("config.json", config);
    CHECK(copy.opening().says("lm_head.weight"));
}

TEST_CASE("an instruction set that nobody knows or this machine lacks is refused, never replaced", "[families][open]") {
    const auto outcome = test::outcome_of([] { (void)Model::open(Source::path(checkpoints / "v2-f16"), {.isa = "abacus"}); });
    CHECK(outcome.status == Status::invalid_argument);
    CHECK(outcome.says("abacus"));
    CHECK(Model::open(Source::path(checkpoints / "v2-f16"), {.isa = "portable"})->kernel_report().size() > 1);
}

TEST_CASE("opening from memory gives the model of the folder, and what it takes from a memory hook it gives back", "[families][open][memory]") {
    const auto folder = checkpoints / "v2-norm-tied";
    const auto config = contents(folder / "config.json"), weights = contents(folder / "model.safetensors");
    auto source = Source::files();
    source.add_memory("config.json", std::as_bytes(std::span(config)));
    source.add_memory("model.safetensors", std::as_bytes(std::span(weights)));
    test::CountingMemory memory;
    {
        const auto model = Model::open(source, {.memory = &memory});
        CHECK(model->identity() == Model::open(Source::path(folder))->identity());
        CHECK(model->plan().weights_mapped > 0);
    }
    CHECK(memory.bytes() == 0);
    {
        auto behind_callback = Source::files();
        behind_callback.add_memory("config.json", std::as_bytes(std::span(config)));
        behind_callback.add_callback("model.safetensors", weights.size(), [&](std::uint64_t offset, std::span<std::byte> out) {
            std::memcpy(out.data(), weights.data() + offset, out.size());
            return true;
        });
        const auto model = Model::open(behind_callback, {.memory = &memory});
        CHECK(model->plan().weights_mapped == 0);
        CHECK(memory.bytes() > 0);
    }
    CHECK(memory.bytes() == 0);
}
