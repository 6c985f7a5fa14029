#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "cli/program.hpp"
#include "support/gguf_model.hpp"
#include "support/golden.hpp"
#include "support/safetensors_writer.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;
using Json = nlohmann::json;

TEST_CASE("inspect, tokenize, run and eval take a GGUF file where they take a folder, and say the same of the same model", "[cli][gguf]") {
    const TempFolder folder;
    folder.write("tale.gguf", gguf_of(tale).file());
    const auto file = (folder / "tale.gguf").string();

    const auto inspect = [](const std::string& model) { return Json::parse(rorqual_program({"inspect", model, "--json", "--tensors"}).out); };
    const Json published = inspect(tale.string()), gguf = inspect(file);
    for (const char* key : {"type", "parameters", "active_parameters", "layers", "vocab_size", "context", "tokenizer"}) CHECK(gguf[key] == published[key]);
    CHECK(gguf["tensors"].size() < published["tensors"].size());  // experts are stacked

    const std::string text = "Once upon a time there were 1234567 whales.\n";
    CHECK(rorqual_program({"tokenize", file}, text).out == rorqual_program({"tokenize", tale.string()}, text).out);

    const std::vector<std::string> run = {"Once upon a time", "--limit", "12", "--temperature", "0", "--repetition-penalty", "1"};
    const auto told = [&](const std::string& model) {
        auto arguments = run;
        arguments.insert(arguments.begin(), {"run", model});
        return rorqual_program(arguments);
    };
    const auto expected = told(tale.string()), tale_of_gguf = told(file);
    CAPTURE(tale_of_gguf.err);
    CHECK(tale_of_gguf.status == 0);
    CHECK(tale_of_gguf.out == expected.out);

    SafetensorsWriter ids;
    ids.add("input_ids.0", {4}, std::vector<std::int64_t>{0, 17, 300, 4095});
    folder.write("in.safetensors", ids.file());
    const auto logits = [&](const std::string& model) {
        const auto ran = rorqual_program({"eval", model, "--in", (folder / "in.safetensors").string(), "--out", (folder / "out.safetensors").string()});
        CAPTURE(ran.err);
        REQUIRE(ran.status == 0);
        return Golden(folder / "out.safetensors").floats("logits.0");
    };
    CHECK(logits(file) == logits(tale.string()));
}

TEST_CASE("a broken GGUF file is told in one line that names it", "[cli][gguf]") {
    const TempFolder folder;
    folder.write("half.gguf", std::string_view("GGUF\3\0\0\0", 8));
    const auto ran = rorqual_program({"inspect", (folder / "half.gguf").string()});
    CHECK(ran.status == 1);
    CHECK(lines_of(ran.err) == 1);
    CHECK(ran.err.find("half.gguf: tensor count: ") != std::string::npos);
}
