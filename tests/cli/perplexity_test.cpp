#include <catch2/catch.hpp>

#include <cmath>

#include <nlohmann/json.hpp>

#include "cli/program.hpp"
#include "rorqual/convert.hpp"
#include "rorqual/model.hpp"
#include "rorqual/session.hpp"
#include "support/temp_folder.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using namespace rorqual::test;
using Json = nlohmann::json;

namespace {

const std::string story =
    "Once upon a time there was a king who had three sons, and the youngest went into the wood to seek his fortune. There he met an "
    "old woman who asked him for a piece of bread. He gave her half of what he had, and she said: because you have a good heart, I will "
    "tell you where the golden bird is. So he went on his way, and in the evening he came to a house in which a fire was burning.";

Json perplexity(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "perplexity");
    arguments.emplace_back("--json");
    const auto ran = rorqual_program(arguments);
    CAPTURE(ran.err);
    REQUIRE(ran.status == 0);
    return Json::parse(ran.out);
}

// −Σ ln p over the second halves of windows, from the library's own logits.
struct Expected {
    double mean = 0;
    std::size_t count = 0;
};

Expected expected_of(const std::string& text, std::size_t window) {
    const auto model = Model::open(Source::path(tale));
    auto tokens = model->encode_prompt(text);
    window = std::min(window, tokens.size());
    const auto vocabulary = static_cast<std::size_t>(model->geometry().vocab_size);
    Expected expected;
    for (std::size_t begin = 0; begin + window <= tokens.size(); begin += window) {
        tokens[begin] = model->bos().value();
        auto session = model->session({.context = static_cast<std::int64_t>(window)});
        std::vector<float> logits(window * vocabulary);
        session.append(std::span(tokens).subspan(begin, window), logits);
        for (std::size_t i = window / 2; i + 1 < window; ++i, ++expected.count) {
            double sum = 0;
            for (std::size_t id = 0; id < vocabulary; ++id) sum += std::exp(double{logits[i * vocabulary + id]});
            expected.mean += std::log(sum) - double{logits[i * vocabulary + static_cast<std::size_t>(tokens[begin + i + 1])]};
        }
    }
    expected.mean /= static_cast<double>(expected.count);
    return expected;
}

}  // namespace

TEST_CASE("perplexity is that of the library's own logits, in windows of any length and pieces of any size", "[cli][perplexity]") {
    const TempFolder folder;
    const auto text = folder.write("story.txt", story).string();
    for (const std::size_t window : {std::size_t{16}, std::size_t{33}, std::size_t{512}}) {
        const auto expected = expected_of(story, window);
        for (const char* chunk : {"1", "7", "512"}) {
            CAPTURE(window, chunk);
            const Json got = perplexity({tale.string(), "--text", text, "--context", std::to_string(window), "--chunk", chunk});
            CHECK(got["scored_tokens"] == expected.count);
            CHECK(got["mean_negative_log_likelihood"].get<double>() == Approx(expected.mean).epsilon(tolerance::f32_dot(1)));
            CHECK(got["perplexity"].get<double>() == Approx(std::exp(got["mean_negative_log_likelihood"].get<double>())));
            CHECK(got["standard_error"] > 0);
        }
    }
}

TEST_CASE("a story surprises the model that tells tales less than the same words backwards", "[cli][perplexity]") {
    const TempFolder folder;
    std::string backwards;
    for (std::size_t end = story.size(); end > 0;) {
        const auto space = story.rfind(' ', end - 1);
        const auto begin = space == story.npos ? 0 : space + 1;
        backwards += story.substr(begin, end - begin) + " ";
        end = space == story.npos ? 0 : space;
    }
    const auto of = [&](const std::string& text) {
        return perplexity({tale.string(), "--text", folder.write("t.txt", text).string()})["perplexity"].get<double>();
    };
    CHECK(of(story) < of(backwards) / 2);
}

TEST_CASE("a mode against itself diverges nowhere", "[cli][perplexity]") {
    const TempFolder folder;
    const Json same = perplexity({tale.string(), "--text", folder.write("t.txt", story).string(), "--mode", "exact", "--against", "exact"});
    CHECK(same["divergence"]["most"] == 0);
    CHECK(same["same_likeliest_token"]["part"] == 1);
    CHECK(same["reference"]["perplexity"] == same["perplexity"]);
}

TEST_CASE("the fewer bits a model has, the further it is from the one it was made of", "[cli][perplexity]") {
    const TempFolder folder;
    const auto text = folder.write("t.txt", story).string();
    double before = 0;
    for (const char* format : {"q8_0", "q5_0", "q4_0"}) {
        const auto file = (folder / format).string() + ".gguf";
        quantize(Source::path(tale), file, {.format = format});
        const Json got = perplexity({file, "--text", text, "--reference", tale.string()});
        CAPTURE(format, got.dump());
        const double mean = got["divergence"]["mean"];
        CHECK(mean > before);
        CHECK(got["divergence"]["median"] <= got["divergence"]["99_percent"]);
        CHECK(got["divergence"]["99_percent"] <= got["divergence"]["most"]);
        if (before == 0) CHECK(got["same_likeliest_token"]["part"] > 0.9);
        before = mean;
    }
}

TEST_CASE("perplexity prints a few lines for people", "[cli][perplexity]") {
    const auto ran = rorqual_program({"perplexity", tale.string(), "--text", "-", "--against", "exact"}, story);
    CHECK(ran.status == 0);
    CHECK(lines_of(ran.out) == 5);
    CHECK(ran.out.starts_with("perplexity   "));
    CHECK(ran.err.empty());
}

TEST_CASE("a text too short, a missing file, and a reference with other tokens are told in one line", "[cli][perplexity]") {
    const TempFolder folder;
    const auto failed = [&](std::vector<std::string> arguments, const std::string& says) {
        arguments.insert(arguments.begin(), {"perplexity", tale.string()});
        const auto ran = rorqual_program(arguments);
        CAPTURE(ran.err);
        CHECK(ran.status == 1);
        CHECK(lines_of(ran.err) == 1);
        CHECK(ran.err.find(says) != std::string::npos);
    };
    failed({"--text", folder.write("short.txt", "king").string()}, "expected at least 4");
    failed({"--text", "/nowhere/story.txt"}, "/nowhere/story.txt");
    const auto text = folder.write("t.txt", story).string();
    failed({"--text", text, "--reference", (bundled_checkpoints / "v2-f16").string()}, "--reference");
    CHECK(rorqual_program({"perplexity", tale.string()}).status == 2);
    CHECK(rorqual_program({"perplexity", tale.string(), "--text", text, "--context", "3"}).status == 2);
}
