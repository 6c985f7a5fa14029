#include "io/safetensors.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "io/memory_file.hpp"
#include "support/golden.hpp"
#include "support/outcome.hpp"
#include "support/safetensors_writer.hpp"

using namespace rorqual;
using test::Outcome;
using test::SafetensorsWriter;

namespace {

using Bytes = std::vector<std::byte>;

io::Safetensors read(const Bytes& file) { return io::Safetensors::read_header(io::open_memory_file(file, "m.safetensors")); }

Outcome reading(const Bytes& file) {
    return test::outcome_of([&] { (void)read(file); });
}

// A file whose header is `header` and which has `data_bytes` bytes of data.
Outcome reading(const std::string& header, std::size_t data_bytes) {
    return reading(test::safetensors_file(header, Bytes(data_bytes)));
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"t":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

SafetensorsWriter small() {
    SafetensorsWriter writer;
    writer.add("a.weight", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
    writer.add_bf16("b.bias", {3}, {1, -2, 0.5F});
    writer.add("empty", DType::i8, {0, 7}, {});
    writer.add("scalar", {}, std::vector<std::int64_t>{42});
    writer.add_metadata("format", "pt");
    return writer;
}

}  // namespace

TEST_CASE("a safetensors header tells name, dtype, shape and place of every tensor", "[io][safetensors]") {
    const Bytes file = small().file();
    const auto header = read(file);
    REQUIRE(header.tensors.size() == 4);
    CHECK(header.metadata == std::map<std::string, std::string>{{"format", "pt"}});

    const auto& a = header.tensors[0];
    CHECK(a.name == "a.weight");
    CHECK(a.dtype == DType::f32);
    CHECK(a.shape == std::vector<std::int64_t>{2, 3});
    CHECK(a.bytes == 24);
    std::vector<float> values(6);
    a.file->read(a.offset, std::as_writable_bytes(std::span(values)));
    CHECK(values == std::vector<float>{1, 2, 3, 4, 5, 6});

    CHECK(header.tensors[1].name == "b.bias");
    CHECK(header.tensors[1].dtype == DType::bf16);
    CHECK(header.tensors[2].name == "empty");
    CHECK(header.tensors[2].bytes == 0);
    CHECK(header.tensors[3].name == "scalar");
    CHECK(header.tensors[3].shape.empty());
    CHECK(header.tensors[3].offset + header.tensors[3].bytes == file.size());
}

TEST_CASE("every stored number format is known, and no other is taken for one", "[io][safetensors]") {
    for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::f8_e4m3, DType::f8_e8m0, DType::i8,
                              DType::u8, DType::i16, DType::i32, DType::i64, DType::boolean}) {
        SafetensorsWriter writer;
        writer.add("t", dtype, {3}, Bytes(static_cast<std::size_t>(3 * block_bytes(dtype))));
        CAPTURE(name(dtype));
        CHECK(read(writer.file()).tensors.at(0).dtype == dtype);
    }
    for (const std::string other : {"F8_E5M2", "U16", "U32", "U64", "F4", "C64", "f32", "F32 ", ""}) {
        const auto outcome = reading(entry(other, "[0]", "[0,0]"), 0);
        CAPTURE(other);
        CHECK(outcome.status == Status::unsupported);
        CHECK(outcome.line == "m.safetensors: t: dtype \"" + other + "\" is not supported");
    }
}

TEST_CASE("a file without tensors is a safetensors file", "[io][safetensors]") {
    CHECK(read(test::safetensors_file("{}", {})).tensors.empty());
    CHECK(read(test::safetensors_file(R"({"__metadata__":{}}   )", {})).tensors.empty());
}

TEST_CASE("every proper prefix of a safetensors file is refused as corrupt", "[io][safetensors][hostile]") {
    const Bytes file = small().file();
    for (std::size_t length = 0; length < file.size(); ++length) {
        const auto outcome = reading(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length)));
        CAPTURE(length);
        CHECK(outcome.status == Status::corrupt);
        CHECK(outcome.says("m.safetensors: "));
    }
}

TEST_CASE("a safetensors file with bytes behind its last tensor is refused", "[io][safetensors][hostile]") {
    Bytes file = small().file();
    file.push_back({});
    CHECK(reading(file).line == "m.safetensors: 1 bytes follow the last tensor, expected none");
}

TEST_CASE("any header byte may take any value: the file is read or refused, and what is read lies inside it",
          "[io][safetensors][hostile]") {
    const Bytes original = small().file();
    const std::size_t header_end = original.size() - small().data().size();
    std::size_t refused = 0;
    for (std::size_t i = 0; i < header_end; ++i) {
        for (int value = 0; value < 256; ++value) {
            Bytes file = original;
            file[i] = static_cast<std::byte>(value);
            const auto outcome = test::outcome_of([&] {
                const auto header = read(file);
                for (const auto& tensor : header.tensors) {
                    if (tensor.offset < header_end || tensor.bytes > file.size() - tensor.offset) {
                        FAIL("byte " << i << " = " << value << ": " << tensor.name << " lies outside its file");
                    }
                }
            });
            if (outcome.ok()) continue;
            ++refused;
            if (outcome.status != Status::corrupt && outcome.status != Status::unsupported) {
                FAIL("byte " << i << " = " << value << ": " << outcome.line);
            }
        }
    }
    CHECK(refused > header_end * 100);  // most changes break something
}

TEST_CASE("a header length at any extreme is refused as corrupt", "[io][safetensors][hostile]") {
    Bytes file = small().file();
    const std::uint64_t room = file.size() - 8;
    const auto length = GENERATE_COPY(values<std::uint64_t>(
        {0, 1, room + 1, 100'000'000, 100'000'001, 0x7FFF'FFFF, 0x8000'0000, 0xFFFF'FFFF, 0x7FFF'FFFF'FFFF'FFFF,
         0x8000'0000'0000'0000, 0xFFFF'FFFF'FFFF'FFF0, 0xFFFF'FFFF'FFFF'FFF8, 0xFFFF'FFFF'FFFF'FFFF}));
    for (std::size_t i = 0; i < 8; ++i) file[i] = static_cast<std::byte>(length >> (8 * i) & 255);
    CAPTURE(length);
    CHECK(reading(file).status == Status::corrupt);
}

TEST_CASE("offsets at any extreme are refused as corrupt", "[io][safetensors][hostile]") {
    const std::string offsets = GENERATE(as<std::string>{},
                                         "[0,3]", "[0,5]", "[4,0]", "[1,5]", "[-4,0]", "[0,18446744073709551615]", "[18446744073709551612,18446744073709551615]",
                                         "[18446744073709551615,3]", "[9223372036854775807,9223372036854775811]", "[0,99999999999999999999]", "[0,4.0]",
                                         "[0.0,4]", "[\"0\",\"4\"]", "[0]", "[0,4,4]", "[]", "{}", "null", "4", "[null,4]", "[true,4]", "[[0],4]");
    CAPTURE(offsets);
    const auto outcome = reading(entry("F32", "[1]", offsets), 4);
    CHECK(outcome.status == Status::corrupt);
    CHECK(outcome.says("m.safetensors: t: "));
}

TEST_CASE("shapes at any extreme are refused as corrupt", "[io][safetensors][hostile]") {
    const std::string shape = GENERATE(as<std::string>{},
                                       "[2]", "[0]", "[-1]", "[-1,-1]", "[1.0]", "[1e0]", "[\"1\"]", "[true]", "[null]", "[[1]]", "{}", "null", "1", "\"[1]\"",
                                       "[4294967296,4294967296]", "[2305843009213693952,2]", "[4611686018427387905]", "[9223372036854775808]",
                                       "[18446744073709551615]", "[18446744073709551616]", "[0,9223372036854775807,9223372036854775807]",
                                       "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]");
    CAPTURE(shape);
    const auto outcome = reading(entry("F32", shape, "[0,4]"), 4);
    CHECK(outcome.status == Status::corrupt);
    CHECK(outcome.says("m.safetensors: t: "));
}

TEST_CASE("an empty tensor of overflowing dimensions is refused too", "[io][safetensors][hostile]") {
    const std::string shape = GENERATE(as<std::string>{}, "[0,9223372036854775807,9223372036854775807]",
                                       "[9223372036854775807,9223372036854775807,0]");
    CHECK(reading(entry("F32", shape, "[0,0]"), 0).says("expected more than 2^64"));
    CHECK(reading(entry("F32", "[0,4611686018427387903]", "[0,0]"), 0).ok());
}

TEST_CASE("tensors that overlap or leave holes are refused, in whatever order the header names them",
          "[io][safetensors][hostile]") {
    struct Case {
        std::string a, b, says;
    };
    const auto c = GENERATE(values<Case>({
        {"[0,4]", "[0,4]", "overlaps the tensor before it"},
        {"[4,8]", "[4,8]", "expected 0 (a hole)"},
        {"[0,4]", "[3,7]", "b: overlaps the tensor before it"},
        {"[3,7]", "[0,4]", "a: overlaps the tensor before it"},
        {"[0,4]", "[5,9]", "b: data begins at byte 5 of the data, expected 4 (a hole)"},
        {"[1,5]", "[5,9]", "a: data begins at byte 1 of the data, expected 0 (a hole)"},
        {"[0,4]", "[4,8]", "4 bytes follow the last tensor, expected none"},
    }));
    const std::string header = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + c.a +
                               R"(},"b":{"dtype":"I8","shape":[4],"data_offsets":)" + c.b + "}}";
    CAPTURE(header);
    const auto outcome = reading(header, 12);
    CHECK(outcome.status == Status::corrupt);
    CHECK_THAT(outcome.line, Catch::Contains(c.says));
}

TEST_CASE("headers that are no table of tensors are refused as corrupt", "[io][safetensors][hostile]") {
    const std::string header = GENERATE(as<std::string>{},
                                        "", "[]", "null", "0", "\"x\"", "{", R"({"t":1})", R"({"t":null})", R"({"t":[]})", R"({"t":{}})",
                                        R"({"t":{"dtype":"F32"}})", R"({"t":{"dtype":"F32","shape":[0]}})", R"({"t":{"shape":[0],"data_offsets":[0,0]}})",
                                        R"({"t":{"dtype":1,"shape":[0],"data_offsets":[0,0]}})", R"({"t":{"dtype":null,"shape":[0],"data_offsets":[0,0]}})",
                                        R"({"__metadata__":[]})", R"({"__metadata__":{"a":1}})", R"({"__metadata__":{"a":{"b":"c"}}})", R"({"__metadata__":null})",
                                        R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
                                        R"({"a":[[[[[[[[[[]]]]]]]]]]})");
    CAPTURE(header);
    CHECK(reading(header, 0).status == Status::corrupt);
}

TEST_CASE("a hostile tensor name cannot break the error line", "[io][safetensors][hostile]") {
    const auto outcome = reading(R"({"a\nb\u0000":1})", 0);
    CHECK(outcome.line == "m.safetensors: a\\x0ab\\x00: expected a JSON object");
    CHECK(reading("{\"" + std::string(100000, 'x') + "\":1}", 0).line.size() < 300);
}

TEST_CASE("reference checkpoints open, and every header agrees with its file", "[io][safetensors][golden]") {
    std::size_t files = 0, tensors = 0;
    for (const auto& folder : test::golden_checkpoints("")) {
        for (const auto& item : std::filesystem::directory_iterator(folder)) {
            if (item.path().extension() != ".safetensors") continue;
            const Source source = Source::path(item.path());
            const auto header = io::Safetensors::read_header(source.file_set()->require(item.path().filename().string(), "test"));
            CHECK_FALSE(header.tensors.empty());
            ++files;
            tensors += header.tensors.size();
        }
    }
    WARN(files << " reference files with " << tensors << " tensors read");
}
