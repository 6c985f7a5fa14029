#include "io/gguf.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "io/callback_file.hpp"
#include "io/memory_file.hpp"
#include "support/gguf_builder.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using io::GgufType;
using test::GgufBytes;
using Bytes = std::vector<std::byte>;

namespace {

io::Gguf read(const Bytes& file) { return io::Gguf::read_header(io::open_memory_file(file, "m.gguf")); }

// One key of every type.
GgufBytes every_type() {
    GgufBytes b;
    b.head(0, 15);
    b.key("u8", GgufType::u8).put(std::uint8_t{200});
    b.key("i8", GgufType::i8).put(std::int8_t{-100});
    b.key("u16", GgufType::u16).put(std::uint16_t{60000});
    b.key("i16", GgufType::i16).put(std::int16_t{-30000});
    b.key("u32", GgufType::u32).put(std::uint32_t{4000000000});
    b.key("i32", GgufType::i32).put(std::int32_t{-2000000000});
    b.key("u64", GgufType::u64).put(std::uint64_t{1} << 40);
    b.key("i64", GgufType::i64).put(-(std::int64_t{1} << 40));
    b.key("u64.large", GgufType::u64).put(~std::uint64_t{0});
    b.key("f32", GgufType::f32).put(0.5F);
    b.key("f64", GgufType::f64).put(-0.25);
    b.key("true", GgufType::boolean).put(std::uint8_t{1});
    b.key("text", GgufType::text).text("grüße");
    b.key("texts", GgufType::array).u32(8).u64(3).text("a").text("").text("ccc");
    b.key("nested", GgufType::array).u32(9).u64(2).u32(5).u64(1).put(std::int32_t{7}).u32(8).u64(1).text("x");
    return b;
}

}  // namespace

TEST_CASE("a GGUF header tells metadata, and name, dtype, shape and place of every tensor", "[io][gguf]") {
    io::GgufHeader header;
    header.text("general.architecture", "deepseek2");
    header.tensor("token_embd.weight", DType::q4_k, {5, 512});
    header.tensor("output_norm.weight", DType::f32, {7});
    header.tensor("blk.0.ffn_down_exps.weight", DType::q5_0, {2, 3, 96});
    const Bytes file = test::gguf_file(header);
    const auto gguf = read(file);
    CHECK(gguf.version == 3);
    CHECK(gguf.alignment == 32);
    CHECK(gguf.metadata.text("general.architecture") == "deepseek2");
    REQUIRE(gguf.tensors.size() == 3);

    const auto& embedding = gguf.tensors[0];
    CHECK(embedding.name == "token_embd.weight");
    CHECK(embedding.dtype == DType::q4_k);
    CHECK(embedding.shape == std::vector<std::int64_t>{5, 512});
    CHECK(embedding.bytes == 5 * 2 * 144);
    const auto& experts = gguf.tensors[2];
    CHECK(experts.shape == std::vector<std::int64_t>{2, 3, 96});
    CHECK(experts.bytes == 2 * 3 * 3 * 22);
    CHECK(experts.offset + experts.bytes == file.size());

    std::vector<std::byte> norm(gguf.tensors[1].bytes);
    gguf.tensors[1].file->read(gguf.tensors[1].offset, norm);
    CHECK(norm[0] == static_cast<std::byte>(embedding.bytes * 7 + 1));  // the data follow each other: gguf_file()
    for (const auto& tensor : gguf.tensors) CHECK(tensor.offset % 32 == 0);
}

TEST_CASE("metadata of every type are read, and integers and numbers of any type", "[io][gguf]") {
    const auto metadata = read(every_type().bytes()).metadata;
    constexpr auto low = std::numeric_limits<std::int64_t>::min(), high = std::numeric_limits<std::int64_t>::max();
    CHECK(metadata.size() == 15);
    CHECK(metadata.integer("u8", low, high) == 200);
    CHECK(metadata.integer("i8", low, high) == -100);
    CHECK(metadata.integer("u16", low, high) == 60000);
    CHECK(metadata.integer("i16", low, high) == -30000);
    CHECK(metadata.integer("u32", low, high) == 4000000000);
    CHECK(metadata.integer("i32", low, high) == -2000000000);
    CHECK(metadata.integer("u64", low, high) == std::int64_t{1} << 40);
    CHECK(metadata.integer("i64", low, high) == -(std::int64_t{1} << 40));
    CHECK(metadata.number("f32", -1, 1) == 0.5);
    CHECK(metadata.number("f64", -1, 1) == -0.25);
    CHECK(metadata.number("u16", 0, 1e9) == 60000);
    CHECK(metadata.boolean_or("true", false));
    CHECK(metadata.text("text") == "grüße");
    const auto texts = metadata.texts("texts");
    REQUIRE(texts.size() == 3);
    CHECK(texts[0] == "a");
    CHECK(texts[1].empty());
    CHECK(texts[2] == "ccc");
    CHECK(metadata.has("nested"));
    CHECK_FALSE(metadata.has("nest"));
    CHECK(metadata[0].key == "u8");
    CHECK(metadata[14].key == "nested");

    CHECK(metadata.integer_or("absent", 5, 0, 1) == 5);
    CHECK(metadata.number_or("absent", 1.5, 0, 1) == 1.5);
    CHECK(metadata.boolean_or("absent", true));
    CHECK(metadata.text_or("absent", "none") == "none");
}

TEST_CASE("arrays of every integer and float type are read as integers and numbers", "[io][gguf]") {
    GgufBytes b;
    b.head(0, 4);
    b.key("u8", GgufType::array).u32(0).u64(3).raw("\x01\x02\xFF");
    b.key("i16", GgufType::array).u32(3).u64(2).put(std::int16_t{-5}).put(std::int16_t{6});
    b.key("f32", GgufType::array).u32(6).u64(2).put(1.5F).put(INFINITY);
    b.key("f64", GgufType::array).u32(12).u64(1).put(-2.5);
    const auto metadata = read(b.bytes()).metadata;
    CHECK(metadata.integers("u8", 0, 255) == std::vector<std::int64_t>{1, 2, 255});
    CHECK(metadata.integers("i16", -10, 10) == std::vector<std::int64_t>{-5, 6});
    CHECK(metadata.numbers("f32") == std::vector<float>{1.5F, INFINITY});
    CHECK(metadata.numbers("f64") == std::vector<float>{-2.5F});
}

TEST_CASE("a getter names file and key, and what it expected and found", "[io][gguf][hostile]") {
    const auto metadata = read(every_type().bytes()).metadata;
    const auto says = [](auto&& get) { return test::outcome_of(get).line; };
    CHECK(says([&] { (void)metadata.integer("text", 0, 9); }) == "m.gguf: text: expected an integer in [0, 9], found text");
    CHECK(says([&] { (void)metadata.integer("u8", 0, 9); }) == "m.gguf: u8: expected an integer in [0, 9], found 200");
    CHECK(says([&] { (void)metadata.integer("f32", 0, 9); }) == "m.gguf: f32: expected an integer in [0, 9], found f32");
    CHECK(says([&] { (void)metadata.integer("u64.large", 0, 9); }) ==
          "m.gguf: u64.large: expected an integer in [0, 9], found more than 2^63 - 1");
    CHECK(says([&] { (void)metadata.number("true", 0, 1); }) ==
          "m.gguf: true: expected a number in [0.000000, 1.000000], found boolean");
    CHECK(says([&] { (void)metadata.number("f64", 0, 1); }) ==
          "m.gguf: f64: expected a number in [0.000000, 1.000000], found -0.250000");
    CHECK(says([&] { (void)metadata.boolean_or("u8", true); }) == "m.gguf: u8: expected a boolean, found u8");
    CHECK(says([&] { (void)metadata.text("texts"); }) == "m.gguf: texts: expected text, found array");
    CHECK(says([&] { (void)metadata.texts("text"); }) == "m.gguf: text: expected an array of text, found text");
    CHECK(says([&] { (void)metadata.texts("nested"); }) == "m.gguf: nested: expected an array of text, found one of array");
    CHECK(says([&] { (void)metadata.integers("texts", 0, 1); }) == "m.gguf: texts: expected an array of integers, found one of text");
    CHECK(says([&] { (void)metadata.numbers("texts"); }) == "m.gguf: texts: expected an array of f32 or f64, found one of text");
    const auto missing = test::outcome_of([&] { (void)metadata.integer("absent", 0, 1); });
    CHECK(missing.status == Status::not_found);
    CHECK(missing.line == "m.gguf: absent is missing");
}

TEST_CASE("a number that is NaN or infinite is outside every range", "[io][gguf][hostile]") {
    for (const float bad : {NAN, INFINITY, -INFINITY}) {
        GgufBytes b;
        b.head(0, 1).key("x", GgufType::f32).put(bad);
        const Bytes file = b.bytes();
        const auto metadata = read(file).metadata;
        CHECK(test::outcome_of([&] { (void)metadata.number("x", -1e30, 1e30); }).status == Status::corrupt);
    }
}

TEST_CASE("copied metadata stay valid when the original is gone", "[io][gguf]") {
    io::GgufMetadata kept;
    {
        const Bytes file = every_type().bytes();
        kept = read(file).metadata;
    }
    CHECK(kept.texts("texts")[2] == "ccc");
}

TEST_CASE("version 2 is read like version 3", "[io][gguf]") {
    GgufBytes b;
    b.head(1, 0, 2).tensor("t", {4}, 0, 0).data(16);
    CHECK(read(b.bytes()).version == 2);
}

TEST_CASE("tensors may come in any order, with holes between them and bytes behind", "[io][gguf]") {
    GgufBytes b;
    b.head(3, 0).tensor("b", {8}, 0, 96).tensor("a", {2, 2}, 1, 0).tensor("scalar", {}, 0, 32).data(200);
    const auto tensors = read(b.bytes()).tensors;
    REQUIRE(tensors.size() == 3);
    CHECK(tensors[0].name == "a");
    CHECK(tensors[1].name == "scalar");
    CHECK(tensors[1].shape.empty());
    CHECK(tensors[1].bytes == 4);
    CHECK(tensors[2].name == "b");
}

TEST_CASE("a file without tensors needs no padding", "[io][gguf]") {
    GgufBytes b;
    b.head(0, 1).key("k", GgufType::u8).put(std::uint8_t{1});
    CHECK(read(b.bytes()).tensors.empty());
}

TEST_CASE("the alignment is the one in the file, of any integer type", "[io][gguf]") {
    for (const std::uint64_t alignment : {1, 8, 64, 128}) {
        GgufBytes b;
        b.head(2, 1).key("general.alignment", GgufType::u64).u64(alignment);
        b.tensor("a", {1}, 24, 0).tensor("b", {1}, 24, alignment).data(static_cast<std::size_t>(alignment + 1), static_cast<std::size_t>(alignment));
        const auto gguf = read(b.bytes());
        CAPTURE(alignment);
        CHECK(gguf.alignment == alignment);
        CHECK(gguf.tensors[1].offset == b.bytes().size() - 1);
    }
}

TEST_CASE("a large tokenizer is read whole, and nothing of the data behind it", "[io][gguf]") {
    std::vector<std::string> tokens, merges;
    for (int i = 0; i < 130000; ++i) tokens.push_back("token-" + std::to_string(i));
    for (int i = 0; i < 250000; ++i) merges.push_back("left" + std::to_string(i) + " right" + std::to_string(i));
    io::GgufHeader header;
    header.texts("tokenizer.ggml.tokens", tokens);
    header.i32s("tokenizer.ggml.token_type", std::vector<std::int32_t>(tokens.size(), 1));
    header.texts("tokenizer.ggml.merges", merges);
    header.tensor("huge", DType::f32, {1 << 20, 1 << 10});
    const Bytes beginning = header.bytes();

    // 4 GiB of data that nobody has: a callback that fails on them
    std::uint64_t read_bytes = 0;
    const std::uint64_t size = beginning.size() + (std::uint64_t{1} << 32);
    const auto file = io::open_callback_file(
        [&](std::uint64_t offset, std::span<std::byte> out) {
            read_bytes += out.size();
            for (std::size_t i = 0; i < out.size(); ++i) out[i] = offset + i < beginning.size() ? beginning[offset + i] : std::byte{0};
            return true;
        },
        size, "m.gguf");
    const auto gguf = io::Gguf::read_header(file);
    const auto read_tokens = gguf.metadata.texts("tokenizer.ggml.tokens");
    REQUIRE(read_tokens.size() == tokens.size());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) wrong += read_tokens[i] != tokens[i];
    CHECK(wrong == 0);
    CHECK(gguf.metadata.texts("tokenizer.ggml.merges")[249999] == merges.back());
    CHECK(gguf.metadata.integers("tokenizer.ggml.token_type", 1, 6).size() == tokens.size());
    CHECK(read_bytes < 2 * beginning.size());
}
