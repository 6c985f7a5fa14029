// Prompts as the templates published with the models write them.
#include <catch2/catch.hpp>

#include <filesystem>

#include <nlohmann/json.hpp>

#include "rorqual/prompt.hpp"
#include "text/tokenizers.hpp"

namespace rorqual {
namespace {

using Json = nlohmann::ordered_json;
const std::filesystem::path shared = RQ_SHARED_DIR;

PromptOptions options_of(const Json& fixture) {
    return {.format = fixture.at("format"),
            .thinking = fixture.value("thinking", false),
            .generation = fixture.value("add_generation_prompt", true),
            .keep_thinking = !fixture.value("drop_thinking", true),
            .effort = fixture.contains("reasoning_effort") && fixture.at("reasoning_effort").is_string() ? fixture.at("reasoning_effort") : ""};
}

std::size_t compare(const std::filesystem::path& file) {
    const Json fixtures = Json::parse(test::read_file(file));
    for (const auto& fixture : fixtures) {
        CAPTURE(fixture.at("format"), fixture.at("case"));
        CHECK(Prompt(fixture.at("messages").dump(), options_of(fixture)).text() == fixture.at("prompt").get<std::string>());
    }
    return fixtures.size();
}

TEST_CASE("every bundled conversation becomes the published prompt, byte for byte", "[prompts][golden]") {
    CHECK(compare(test::bundled("prompts.json")) >= 120);
    CHECK(compare(test::bundled("prompts-v32-v4.json")) >= 40);
}

TEST_CASE("every conversation of the reference set becomes the published prompt, byte for byte", "[prompts][golden]") {
    const std::string name = GENERATE("prompts.json", "prompts-v32-v4.json");
    if (!std::filesystem::exists(shared / "golden/text" / name)) {
        WARN("the reference set is not here: bundled conversations only");
        return;
    }
    WARN(compare(shared / "golden/text" / name) << " conversations of " << name);
}

bool spells_added_token(const Tokenizer& tokenizer, const Json& messages) {
    const auto spells = [&](const Json& value) {
        if (!value.is_string()) return false;
        const auto text = value.get<std::string>();
        return tokenizer.encode(text, AddedTokens::recognise) != tokenizer.encode(text);
    };
    const Json flat = messages.flatten();
    return std::any_of(flat.begin(), flat.end(), spells);
}

// What users write that spells a special token stays as they wrote it; all others give the ids of the whole text.
void compare_ids(const Tokenizer& tokenizer, const std::filesystem::path& file, const std::vector<std::string>& formats) {
    std::size_t compared = 0, equal = 0;
    for (const auto& fixture : Json::parse(test::read_file(file))) {
        if (std::find(formats.begin(), formats.end(), fixture.at("format").get<std::string>()) == formats.end()) continue;
        CAPTURE(fixture.at("format"), fixture.at("case"));
        const Prompt prompt(fixture.at("messages").dump(), options_of(fixture));
        const auto ids = prompt.tokens(tokenizer);
        CHECK(tokenizer.decode(ids) == prompt.text());
        if (!spells_added_token(tokenizer, fixture.at("messages"))) {
            CHECK(ids == tokenizer.encode(prompt.text(), AddedTokens::recognise));
            ++equal;
        }
        ++compared;
    }
    CHECK(equal > compared * 3 / 4);
}

TEST_CASE("the ids of a prompt are those of its published text", "[prompts][golden]") {
    compare_ids(test::bundled_tokenizer("v3"), test::bundled("prompts.json"), {"v2", "v3", "v3-0324", "r1", "r1-0528", "v3.1"});
    const auto published = GENERATE("deepseek-v3.json.xz", "deepseek-v4.json.xz");
    const auto file = shared / "models/tokenizers" / published;
    if (!std::filesystem::exists(file)) {
        WARN("the reference set is not here: bundled tokenizer only");
        return;
    }
    const auto tokenizer = Tokenizer::from_json(test::read_file(file), published);
    compare_ids(tokenizer, shared / "golden/text/prompts.json", {"v2", "v3", "v3-0324", "r1", "r1-0528", "v3.1"});
    compare_ids(tokenizer, shared / "golden/text/prompts-v32-v4.json", {"v3.2", "v4"});
}

}  // namespace
}  // namespace rorqual
