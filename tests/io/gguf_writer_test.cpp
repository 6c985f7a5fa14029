#include "io/gguf_writer.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/gguf.hpp"
#include "io/memory_file.hpp"
#include "support/gguf_builder.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using Bytes = std::vector<std::byte>;

namespace {

Bytes content(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

io::GgufHeader some_header(std::uint32_t alignment = 32) {
    io::GgufHeader header(alignment);
    header.u16("u16", 60000);
    header.u32("u32", 4000000000);
    header.i32("i32", -1);
    header.u64("u64", std::uint64_t{1} << 50);
    header.f32("f32", 1e-6F);
    header.boolean("boolean", false);
    header.text("text", "x");
    header.texts("texts", std::vector<std::string>{"", "y"});
    header.i32s("i32s", std::vector<std::int32_t>{1, -2});
    header.f32s("f32s", std::vector<float>{0.5F});
    header.tensor("a", DType::q4_0, {3, 2, 64});
    header.tensor("scalar", DType::f32, {});
    header.tensor("b", DType::bf16, {5});
    return header;
}

// The data of all tensors of some_header(), as gguf_file() fills them.
Bytes some_data() {
    Bytes data(3 * 2 * 36 + 4 + 10);
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7 + 1);
    return data;
}

}  // namespace

TEST_CASE("what is written is read back, and does not depend on the pieces it came in", "[io][gguf]") {
    const test::TempFolder folder;
    const Bytes data = some_data();
    for (const std::uint32_t alignment : {1U, 32U, 4096U}) {
        const io::GgufHeader header = some_header(alignment);
        Bytes expected = test::gguf_file(header);
        expected.resize((expected.size() + alignment - 1) / alignment * alignment);  // the last tensor is padded as well
        for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{217}, data.size()}) {
            io::GgufWriter writer(folder / "m.gguf", header);
            for (std::size_t at = 0; at < data.size(); at += piece) {
                writer.write(std::span(data).subspan(at, std::min(piece, data.size() - at)));
            }
            writer.commit();
            CAPTURE(alignment, piece);
            CHECK(content(folder / "m.gguf") == expected);
        }
        const auto gguf = io::Gguf::read_header(io::open_memory_file(expected, "m.gguf"));
        CHECK(gguf.alignment == alignment);
        CHECK(gguf.metadata.integer("u64", 0, std::int64_t{1} << 60) == std::int64_t{1} << 50);
        CHECK(gguf.metadata.texts("texts")[1] == "y");
        CHECK(gguf.metadata.numbers("f32s") == std::vector<float>{0.5F});
        REQUIRE(gguf.tensors.size() == 3);
        CHECK(gguf.tensors[0].shape == std::vector<std::int64_t>{3, 2, 64});
        CHECK(gguf.tensors[1].shape.empty());
        CHECK(gguf.tensors[2].dtype == DType::bf16);
    }
}

TEST_CASE("metadata copied from file to file are the same bytes", "[io][gguf]") {
    test::GgufBytes odd;
    odd.head(0, 3);
    odd.key("i8", io::GgufType::i8).raw("\xFF");
    odd.key("nested", io::GgufType::array).u32(9).u64(1).u32(8).u64(1).text("x");
    odd.key("general.alignment", io::GgufType::u32).u32(64);
    const auto metadata = io::Gguf::read_header(io::open_memory_file(odd.bytes(), "m.gguf")).metadata;
    io::GgufHeader copy;
    for (std::size_t i = 0; i < metadata.size(); ++i) copy.copy(metadata[i]);
    test::GgufBytes expected;
    expected.head(0, 2);
    expected.key("i8", io::GgufType::i8).raw("\xFF");
    expected.key("nested", io::GgufType::array).u32(9).u64(1).u32(8).u64(1).text("x");
    CHECK(copy.bytes() == expected.data(0).bytes());
}

TEST_CASE("a header refuses what could not be read back", "[io][gguf][hostile]") {
    io::GgufHeader header;
    header.u32("k", 1);
    header.tensor("t", DType::f32, {1});
    const auto refused = [](auto&& call) { return test::outcome_of(call); };
    CHECK(refused([&] { header.u16("k", 1); }).line == "k: the key is given twice");
    CHECK(refused([&] { header.u16("", 1); }).status == Status::invalid_argument);
    CHECK(refused([&] { header.tensor("t", DType::f32, {1}); }).line == "t: the tensor is given twice");
    CHECK(refused([&] { header.tensor(std::string(65, 'x'), DType::f32, {1}); }).status == Status::invalid_argument);
    CHECK(refused([&] { header.tensor("u", DType::q4_k, {2, 128}); }).says("expected rows of a multiple of 256 for q4_k"));
    CHECK(refused([&] { header.tensor("u", DType::f8_e4m3, {2}); }).status == Status::unsupported);
    CHECK(refused([&] { header.tensor("u", DType::f32, {0}); }).status == Status::invalid_argument);
    CHECK(refused([&] { header.tensor("u", DType::f32, {-1}); }).status == Status::invalid_argument);
    CHECK(refused([&] { header.tensor("u", DType::f32, {1, 1, 1, 1, 1}); }).status == Status::invalid_argument);
    CHECK(refused([&] { header.tensor("u", DType::i8, {std::int64_t{1} << 40, std::int64_t{1} << 40}); }).status == Status::invalid_argument);
    CHECK(refused([&] { header.tensor("u", DType::f32, {std::int64_t{1} << 61}); }).status == Status::invalid_argument);
    for (const std::uint32_t alignment : {0U, 3U, 48U}) {
        CHECK(refused([&] { io::GgufHeader odd(alignment); }).status == Status::invalid_argument);
    }
}

TEST_CASE("more or less data than announced is refused", "[io][gguf][hostile]") {
    const test::TempFolder folder;
    const Bytes data = some_data();
    {
        io::GgufWriter writer(folder / "m.gguf", some_header());
        writer.write(std::span(data).first(data.size() - 1));
        CHECK(test::outcome_of([&] { writer.commit(); }).says("2 of 3 tensors are written, expected all"));
    }
    io::GgufWriter writer(folder / "m.gguf", some_header());
    writer.write(data);
    CHECK(test::outcome_of([&] { writer.write(std::span(data).first(2)); }).says("2 bytes more than the header announced"));
    CHECK_FALSE(std::filesystem::exists(folder / "m.gguf"));
}

TEST_CASE("a file appears only when it is whole, and replaces the old one then", "[io]") {
    const test::TempFolder folder;
    const std::string old = "old", fresh = "fresh";
    folder.write("f", old);
    {
        io::NewFile file(folder / "f");
        file.write(std::as_bytes(std::span(fresh)));
        CHECK(file.size() == 5);
        CHECK(std::filesystem::file_size(folder / "f") == 3);
    }
    CHECK(std::filesystem::file_size(folder / "f") == 3);
    CHECK_FALSE(std::filesystem::exists(folder / "f.partial"));
    folder.write("f.partial", "left behind by somebody who died");
    io::NewFile file(folder / "f");
    file.write(std::as_bytes(std::span(fresh)));
    file.commit();
    CHECK(std::filesystem::file_size(folder / "f") == 5);
    CHECK_FALSE(std::filesystem::exists(folder / "f.partial"));
}

TEST_CASE("a file that somebody is writing cannot be written by another", "[io][hostile]") {
    const test::TempFolder folder;
    io::NewFile first(folder / "f");
    const auto second = test::outcome_of([&] { io::NewFile again(folder / "f"); });
    CHECK(second.status == Status::io);
    CHECK(second.says("is being written by somebody else"));
    first.commit();
    CHECK(std::filesystem::exists(folder / "f"));
}

TEST_CASE("a file that cannot be made is an error with the system's reason", "[io][hostile]") {
    const test::TempFolder folder;
    CHECK(test::outcome_of([&] { io::NewFile file(folder / "no/such/folder"); }).says("No such file or directory"));
    std::filesystem::create_directory(folder / "d");
    folder.write("d/f", "x");
    io::NewFile over_folder(folder / "d");
    CHECK(test::outcome_of([&] { over_folder.commit(); }).status == Status::io);
    // A link left in the partial file's place must not lead the writer elsewhere.
    const auto victim = folder.write("victim", "unharmed");
    std::filesystem::create_symlink(victim, folder / "linked.partial");
    CHECK(test::outcome_of([&] { io::NewFile file(folder / "linked"); }).status == Status::io);
    CHECK(std::filesystem::file_size(victim) == 8);
}
