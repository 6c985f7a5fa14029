#include <catch2/catch.hpp>

#include <filesystem>

#include "rorqual/source.hpp"
#include "tokenizers.hpp"

namespace rorqual {
namespace {

using test::bundled;

// One tokenizer against one file of strings with ids; returns how many strings it was tried on.
std::size_t compare(const Tokenizer& tokenizer, const std::string& name, const std::vector<nlohmann::json>& rows) {
    std::size_t tried = 0;
    for (const auto& row : rows) {
        if (!row.contains(name)) continue;
        const auto text = row.at("text").get<std::string>();
        const auto plain = row.at(name + ".plain").get<std::vector<Token>>();
        CAPTURE(name, text);
        CHECK(tokenizer.encode(text, AddedTokens::recognise) == row.at(name).get<std::vector<Token>>());
        CHECK(tokenizer.encode(text, AddedTokens::ignore) == plain);
        ++tried;
    }
    return tried;
}

const std::filesystem::path shared = RQ_SHARED_DIR;

TEST_CASE("every bundled tokenizer gives the ids of Hugging Face tokenizers, with and without added tokens", "[text][golden]") {
    const auto name = GENERATE(as<std::string>(), "v3", "v2", "coder", "gpt2", "qwen", "odd");
    const auto rows = test::read_json_lines(bundled("vectors.jsonl"));
    const auto tokenizer = test::bundled_tokenizer(name);
    CHECK(compare(tokenizer, name, rows) >= 184);
    for (const auto& row : rows) {
        if (!row.contains(name)) continue;
        CAPTURE(name, row.at("text"));
        CHECK(tokenizer.decode(row.at(name).get<std::vector<Token>>(), false) == row.at(name + ".decoded").get<std::string>());
    }
}

TEST_CASE("the published tokenizers give the ids of Hugging Face tokenizers on the whole reference set", "[text][golden]") {
    struct Model {
        const char* name;
        const char* file;
        const char* vectors;
    };
    const auto model = GENERATE(Model{"tale", "models/tale/tokenizer.json", "tokenizer.jsonl"},
                                Model{"v2", "models/tokenizers/v2-splitter.json", "tokenizer.jsonl"},
                                Model{"v3", "models/tokenizers/deepseek-v3.json.xz", "tokenizer.jsonl"},
                                Model{"v4", "models/tokenizers/deepseek-v4.json.xz", "tokenizer.jsonl"},
                                Model{"qwen3", "models/tokenizers/qwen3.json.xz", "tokenizer-more.jsonl"});
    if (!std::filesystem::exists(shared / "golden/text" / model.vectors) || !std::filesystem::exists(shared / model.file)) {
        WARN("the reference set is not here: " << model.name << " was compared with the bundled strings only");
        return;
    }
    const auto tokenizer = Tokenizer::from_json(test::read_file(shared / model.file), model.name);
    const auto rows = test::read_json_lines(shared / "golden/text" / model.vectors);
    const std::size_t tried = compare(tokenizer, model.name, rows);
    for (const auto& row : rows) {
        const std::string plain = std::string(model.name) + ".plain";
        const auto ids = row.at(plain).get<std::vector<Token>>();
        CAPTURE(model.name, row.at("text"));
        CHECK((tokenizer.decode(ids) == row.at("text").get<std::string>()) == !row.contains(plain + ".decode_differs"));
    }
    WARN(model.name << ": " << tried << " strings of the reference set, with and without added tokens");
    CHECK(tried > 0);
}

TEST_CASE("a tokenizer opens from a folder, from a file of any name, and says which file is missing", "[text]") {
    const auto folder = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale";
    const std::string text = "Once upon a time";
    CHECK(Tokenizer::open(Source::path(folder)).encode(text) == Tokenizer::open(Source::path(folder / "tokenizer.json")).encode(text));
    CHECK(Tokenizer::open(Source::path(bundled("gpt2.json"))).encode(text) == test::bundled_tokenizer("gpt2").encode(text));
    CHECK_THROWS_WITH(Tokenizer::open(Source::files()), Catch::Contains("tokenizer.json"));
}

}  // namespace
}  // namespace rorqual
