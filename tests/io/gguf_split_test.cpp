#include <catch2/catch.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "io/gguf.hpp"
#include "rorqual/source.hpp"
#include "support/gguf_builder.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using test::Outcome;
using Bytes = std::vector<std::byte>;

namespace {

// What part `index` of three says; a test changes some of it.
struct Part {
    std::uint16_t number = 0;
    std::uint16_t count = 3;
    std::int32_t tensors = 4;
    std::string name = "V2-Lite";
    std::vector<std::string> names;

    [[nodiscard]] Bytes file() const {
        io::GgufHeader header;
        if (number == 0) header.text("general.architecture", "deepseek2");
        if (number == 0 || name != "V2-Lite") header.text("general.name", name);
        header.u16("split.no", number);
        header.u16("split.count", count);
        header.i32("split.tensors.count", tensors);
        for (const auto& tensor : names) header.tensor(tensor, DType::f32, {5});
        return test::gguf_file(header);
    }
};

struct Split {
    std::vector<Part> parts = {{.number = 0, .names = {"a"}}, {.number = 1, .names = {"b", "c"}}, {.number = 2, .names = {"d"}}};
    std::vector<std::string> file_names = {"m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"};

    [[nodiscard]] io::Gguf open(std::size_t by) const {
        const test::TempFolder folder;
        for (std::size_t i = 0; i < parts.size(); ++i) folder.write(file_names[i], parts[i].file());
        const Source source = Source::path(folder / file_names[by]);
        return io::Gguf::open(*source.file_set(), file_names[by]);
    }
    [[nodiscard]] Outcome opening(std::size_t by = 0) const {
        return test::outcome_of([&] { (void)open(by); });
    }
};

}  // namespace

TEST_CASE("a split model opens by any of its parts", "[io][gguf]") {
    for (std::size_t by = 0; by < 3; ++by) {
        const auto gguf = Split().open(by);
        std::string names;
        for (const auto& tensor : gguf.tensors) names += tensor.name;
        CHECK(names == "abcd");
        CHECK(gguf.metadata.text("general.architecture") == "deepseek2");
        std::vector<std::byte> data(20);
        gguf.tensors[2].file->read(gguf.tensors[2].offset, data);
        CHECK(data[0] == std::byte{20 * 7 + 1});  // "c" is the second tensor of its part: gguf_file()
    }
}

TEST_CASE("a file that is not split opens under any name", "[io][gguf]") {
    io::GgufHeader header;
    header.u16("split.count", 1);
    header.tensor("a", DType::f32, {1});
    const Bytes file = test::gguf_file(header);
    Source source = Source::files();
    source.add_memory("anything", file);
    CHECK(io::Gguf::open(*source.file_set(), "anything").tensors.size() == 1);
    CHECK(test::outcome_of([&] { (void)io::Gguf::open(*source.file_set(), "other.gguf"); }).status == Status::not_found);
}

TEST_CASE("a missing part is named", "[io][gguf][hostile]") {
    for (std::size_t missing = 0; missing < 3; ++missing) {
        Split split;
        split.file_names[missing] = "elsewhere.gguf";
        const auto outcome = split.opening((missing + 1) % 3);
        CHECK(outcome.status == Status::not_found);
        CHECK(outcome.says("m-0000" + std::to_string(missing + 1) + "-of-00003.gguf is missing, needed for part of a split model"));
    }
}

TEST_CASE("a part of another split is refused by what differs", "[io][gguf][hostile]") {
    struct Case {
        std::string what;
        std::function<void(Split&)> change;
        std::string says;
    };
    const std::vector<Case> cases = {
        {"swapped", [](Split& s) { std::swap(s.parts[1], s.parts[2]); }, "00002-of-00003.gguf: split.no: found 2, expected 1"},
        {"of fewer", [](Split& s) { s.parts[2].count = 2; }, "00003-of-00003.gguf: split.count: found 2, expected 3"},
        {"other name", [](Split& s) { s.parts[1].name = "V3"; }, "general.name: differs from the first part's"},
        {"repeats a tensor", [](Split& s) { s.parts[2].names = {"a"}; }, "a: the tensor is there twice"},
        {"a tensor too many", [](Split& s) { s.parts[2].names = {"d", "e"}; }, "split.tensors.count: found 5 tensors in all parts, expected 4"},
        {"a tensor too few", [](Split& s) { s.parts[1].names = {"b"}; }, "split.tensors.count: found 3 tensors in all parts, expected 4"},
        {"first of more", [](Split& s) { s.parts[0].count = 4; }, "expected a name that ends in -00001-of-00004.gguf"},
        {"first is second", [](Split& s) { s.parts[0].number = 1; }, "expected a name that ends in -00002-of-00003.gguf"},
        {"endless", [](Split& s) { s.parts[0].count = 65535; }, "expected a name that ends in -00001-of-65535.gguf"},
    };
    for (const auto& c : cases) {
        Split split;
        c.change(split);
        const auto outcome = split.opening();
        CAPTURE(c.what, outcome.line);
        CHECK(outcome.status == Status::corrupt);
        CHECK(outcome.says(c.says));
    }
}

TEST_CASE("a part under a name that does not tell its place is refused", "[io][gguf][hostile]") {
    for (const std::string name : {"m.gguf", "-00001-of-00003.gguf", "m-1-of-3.gguf", "m-00001-of-00003.ggu", "m-+0001-of-00003.gguf",
                                   "m-00001-OF-00003.gguf", "m-00000-of-00003.gguf"}) {
        Split split;
        split.file_names[0] = name;
        CAPTURE(name);
        CHECK(split.opening().says("split.count: the file is part 1 of 3, expected a name that ends in -00001-of-00003.gguf"));
    }
}

TEST_CASE("a split without its numbers is refused", "[io][gguf][hostile]") {
    io::GgufHeader header;
    header.u16("split.count", 2);
    const Bytes file = test::gguf_file(header);
    Source source = Source::files();
    source.add_memory("m-00001-of-00002.gguf", file);
    const auto outcome = test::outcome_of([&] { (void)io::Gguf::open(*source.file_set(), "m-00001-of-00002.gguf"); });
    CHECK(outcome.status == Status::not_found);
    CHECK(outcome.says("split.no is missing"));
}

TEST_CASE("the first part's name follows from any part's, and a name that no part has stands for itself", "[io][gguf]") {
    CHECK(io::first_part_name("m-00003-of-00012.gguf") == "m-00001-of-00012.gguf");
    CHECK(io::first_part_name("m-00001-of-00012.gguf") == "m-00001-of-00012.gguf");
    for (const char* name : {"m.gguf", "m-3-of-12.gguf", "m-00000-of-00003.gguf", "-00001-of-00003.gguf", ""}) {
        CHECK(io::first_part_name(name) == name);
    }
}

TEST_CASE("a set is a GGUF model by the chosen file's name or first bytes, or by being all there is", "[io][gguf]") {
    const std::string gguf = "GGUF", other = "{}";
    const auto bytes = [](const std::string& text) { return std::as_bytes(std::span(text)); };
    const auto found = [](const Source& source) { return io::find_gguf(*source.file_set()); };
    CHECK(found(Source::files()) == std::nullopt);
    CHECK(found(Source::files().add_memory("config.json", bytes(other))) == std::nullopt);
    CHECK(found(Source::files().add_memory("any", bytes(gguf)).add_memory("config.json", bytes(other))) == "any");
    CHECK(found(Source::files().add_memory("any.gguf", bytes(other))) == "any.gguf");
    CHECK(found(Source::files().add_memory("any", bytes(gguf)).add_memory("model.safetensors", bytes(other))) == std::nullopt);
    CHECK(found(Source::files().add_memory("m-00002-of-00002.gguf", bytes(gguf))) == "m-00001-of-00002.gguf");

    const test::TempFolder folder;
    folder.write("a.gguf", gguf);
    folder.write("weights", gguf);
    folder.write("config.json", other);
    CHECK(found(Source::path(folder.path())) == "a.gguf");
    CHECK(found(Source::path(folder / "weights")) == "weights");
    CHECK(found(Source::path(folder / "config.json")) == std::nullopt);
    folder.write("b.gguf", gguf);
    CHECK(test::outcome_of([&] { (void)found(Source::path(folder.path())); }).status == Status::invalid_argument);
    folder.write("model.safetensors.index.json", other);
    CHECK(found(Source::path(folder.path())) == std::nullopt);
}
