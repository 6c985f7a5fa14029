#include <catch2/catch.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "io/callback_file.hpp"
#include "io/gguf.hpp"
#include "io/memory_file.hpp"
#include "support/gguf_builder.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using io::GgufType;
using test::GgufBytes;
using test::Outcome;
using Bytes = std::vector<std::byte>;

namespace {

io::Gguf read(const Bytes& file) { return io::Gguf::read_header(io::open_memory_file(file, "m.gguf")); }
Outcome reading(const Bytes& file) {
    return test::outcome_of([&] { (void)read(file); });
}
Outcome reading(const GgufBytes& file) { return reading(file.bytes()); }

// A little of everything; ends with its last tensor.
Bytes small() {
    io::GgufHeader header;
    header.text("general.architecture", "deepseek2");
    header.u32("deepseek2.block_count", 2);
    header.f32("deepseek2.eps", 1e-6F);
    header.boolean("add_bos", true);
    header.texts("tokens", std::vector<std::string>{"a", "bc", ""});
    header.i32s("types", std::vector<std::int32_t>{1, 3, 6});
    header.tensor("norm", DType::f32, {3});
    header.tensor("experts", DType::q8_0, {2, 2, 32});
    header.tensor("down", DType::q4_k, {256});
    return test::gguf_file(header);
}

const std::vector<std::uint64_t> extremes = {0, 1, 2, 31, 32, 33, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF'FFFF, 0x8000'0000, 0xFFFF'FFFF,
                                             0x1'0000'0000, 0x0FFF'FFFF'FFFF'FFFF, 0x7FFF'FFFF'FFFF'FFFF, 0x8000'0000'0000'0000,
                                             0xFFFF'FFFF'FFFF'FFE0, 0xFFFF'FFFF'FFFF'FFFF};

}  // namespace

TEST_CASE("every proper prefix of a GGUF file is refused as corrupt", "[io][gguf][hostile]") {
    const Bytes file = small();
    REQUIRE(reading(file).ok());
    for (std::size_t length = 0; length < file.size(); ++length) {
        const auto outcome = reading(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length)));
        CAPTURE(length);
        CHECK(outcome.status == Status::corrupt);
        CHECK(outcome.says("m.gguf: "));
    }
}

TEST_CASE("any byte of a GGUF header may take any value: it is read or refused, and what is read lies inside the file",
          "[io][gguf][hostile]") {
    const Bytes original = small();
    const std::size_t header_end = static_cast<std::size_t>(read(original).tensors.front().offset);
    std::size_t refused = 0;
    for (std::size_t i = 0; i < header_end; ++i) {
        for (int value = 0; value < 256; ++value) {
            Bytes file = original;
            file[i] = static_cast<std::byte>(value);
            const auto outcome = test::outcome_of([&] {
                for (const auto& tensor : read(file).tensors) {
                    if (tensor.offset > file.size() || tensor.bytes > file.size() - tensor.offset) {
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

TEST_CASE("counts and lengths at any extreme are refused before memory is taken for them", "[io][gguf][hostile]") {
    for (const std::uint64_t n : extremes) {
        CAPTURE(n);
        if (n != 0) {
            CHECK(reading(GgufBytes().head(n, 0)).status == Status::corrupt);
            CHECK(reading(GgufBytes().head(0, n)).status == Status::corrupt);
        }
        if (n != 1) CHECK_FALSE(reading(GgufBytes().head(0, 1).u64(n).raw("k").u32(0).raw("x")).ok());
        if (n != 4) CHECK_FALSE(reading(GgufBytes().head(1, 0).u64(n).raw("name").u32(1).u64(4).u32(0).u64(0).data(16)).ok());
        if (n > 3) CHECK(reading(GgufBytes().head(0, 1).key("k", GgufType::text).u64(n).raw("abc")).status == Status::corrupt);
        for (std::uint32_t element = 0; element <= 12; ++element) {
            if (n == 0) continue;
            CHECK(reading(GgufBytes().head(0, 1).key("k", GgufType::array).u32(element).u64(n)).status == Status::corrupt);
        }
    }
}

TEST_CASE("shapes at any extreme are refused", "[io][gguf][hostile]") {
    const auto with_shape = [](const std::vector<std::uint64_t>& ne, std::uint32_t type = 0) {
        return reading(GgufBytes().head(1, 0).tensor("t", ne, type, 0).data(64));
    };
    CHECK(with_shape({4}).ok());
    CHECK(with_shape({1, 1, 1, 4}).ok());
    for (const std::uint64_t n : extremes) {
        CAPTURE(n);
        if (n >= 1 && n <= 16) continue;  // fits
        CHECK(with_shape({n}).status == Status::corrupt);
        CHECK(with_shape({n, n}).status == Status::corrupt);
        CHECK(with_shape({n, n, n, n}).status == Status::corrupt);
        CHECK(with_shape({1, n, n, 1}).status == Status::corrupt);
        CHECK(with_shape({32, n, n}, 8).status == Status::corrupt);
    }
    CHECK(with_shape({0x8000'0000, 0x1'0000'0000}).line == "m.gguf: t: shape [4294967296, 2147483648] exceeds 2^63 elements");
    CHECK(with_shape({0x4000'0000, 0x1'0000'0000}).says("exceeds 2^63 bytes"));
    CHECK(with_shape({1, 1, 1, 1, 1}).line == "m.gguf: t: 5 dimensions, expected at most 4");
    CHECK(reading(GgufBytes().head(1, 0).text("t").u32(0xFFFF'FFFF).u64(1)).says("4294967295 dimensions"));
    CHECK(with_shape({0}).line == "m.gguf: t: dimension 0 is 0, expected one in [1, 2^63)");
}

TEST_CASE("rows that end inside a block are refused", "[io][gguf][hostile]") {
    CHECK(reading(GgufBytes().head(1, 0).tensor("t", {33}, 8, 0).data(64)).line ==
          "m.gguf: t: rows of 33 elements, expected a multiple of 32 for q8_0");
    CHECK(reading(GgufBytes().head(1, 0).tensor("t", {128, 2}, 12, 0).data(300)).line ==
          "m.gguf: t: rows of 128 elements, expected a multiple of 256 for q4_k");
    CHECK(reading(GgufBytes().head(1, 0).tensor("t", {}, 2, 0).data(64)).status == Status::corrupt);
}

TEST_CASE("tensor types that cannot be read are refused by name", "[io][gguf][hostile]") {
    const auto with_type = [](std::uint32_t id) { return reading(GgufBytes().head(1, 0).tensor("t", {256}, id, 0).data(4096)); };
    struct Case {
        std::uint32_t id;
        std::string line;
    };
    const auto c = GENERATE(values<Case>({
        {4, "type q4_2 (4, removed from the format)"},
        {33, "type q4_0_8_8 (33, removed from the format)"},
        {36, "type iq4_nl_4_4 (36, removed from the format)"},
        {9, "type q8_1 (9, for activations, never stored)"},
        {15, "type q8_k (15, for activations, never stored)"},
        {40, "type nvfp4 (40, not supported)"},
        {133, "type q6_0 (133, of ik_llama.cpp only)"},
        {144, "type iq4_ks (144, of ik_llama.cpp only)"},
        {212, "type q4_k_r4 (212, of ik_llama.cpp only)"},
        {96, "unknown type 96"},
        {160, "unknown type 160 (ids from 97 on are of ik_llama.cpp)"},
        {0xFFFF'FFFF, "unknown type 4294967295 (ids from 97 on are of ik_llama.cpp)"},
    }));
    CHECK(with_type(c.id).status == Status::unsupported);
    CHECK(with_type(c.id).line == "m.gguf: t: " + c.line);
}

TEST_CASE("every tensor type that can be read is, with the bytes of its blocks", "[io][gguf]") {
    std::size_t known = 0;
    for (std::uint32_t id = 0; id < 64; ++id) {
        const auto dtype = io::dtype_of_gguf(id);
        if (!dtype) continue;
        ++known;
        CHECK(io::gguf_id_of(*dtype) == id);
        const auto tensors = read(GgufBytes().head(1, 0).tensor("t", {256, 3}, id, 0).data(8192).bytes()).tensors;
        CHECK(tensors.at(0).dtype == *dtype);
        CHECK(tensors.at(0).bytes == static_cast<std::uint64_t>(3 * 256 / block_length(*dtype) * block_bytes(*dtype)));
    }
    CHECK(known == 30);
}

TEST_CASE("keys and tensors named twice are refused", "[io][gguf][hostile]") {
    GgufBytes keys;
    keys.head(0, 3);
    for (const char* name : {"same", "other", "same"}) keys.key(name, GgufType::u8).raw("x");
    CHECK(reading(keys).line == "m.gguf: same: the key is there twice");
    GgufBytes tensors;
    tensors.head(2, 0).tensor("same", {1}, 0, 0).tensor("same", {1}, 0, 32).data(64);
    CHECK(reading(tensors).line == "m.gguf: same: the tensor is there twice");
}

TEST_CASE("misaligned, overlapping and outlying tensors are refused", "[io][gguf][hostile]") {
    const auto two = [](std::uint64_t first, std::uint64_t second) {
        return reading(GgufBytes().head(2, 0).tensor("a", {16}, 0, first).tensor("b", {16}, 0, second).data(128));
    };
    CHECK(two(0, 64).ok());
    CHECK(two(64, 0).ok());
    CHECK(two(0, 65).line == "m.gguf: b: data begins at byte 65 of the data, expected a multiple of 32");
    CHECK(two(0, 0).line.find("overlaps") != std::string::npos);
    CHECK(two(0, 32).line == "m.gguf: b: overlaps a");
    CHECK(two(32, 0).line == "m.gguf: a: overlaps b");
    CHECK(two(0, 96).line == "m.gguf: b: 64 bytes at byte 96 of the data, but the file has only 128 bytes of data");
    for (const std::uint64_t offset : extremes) {
        if (offset > 64) CHECK(two(0, offset).status == Status::corrupt);
    }
}

TEST_CASE("an alignment that is no power of two is refused", "[io][gguf][hostile]") {
    for (const std::uint64_t alignment : {0U, 3U, 24U, 33U, 0xFFFF'FFFFU}) {
        CAPTURE(alignment);
        const auto outcome = reading(GgufBytes().head(0, 1).key("general.alignment", GgufType::u64).u64(alignment));
        CHECK(outcome.status == Status::corrupt);
        CHECK(outcome.says("m.gguf: general.alignment: "));
    }
    CHECK(reading(GgufBytes().head(0, 1).key("general.alignment", GgufType::text).text("32")).status == Status::corrupt);
    // the data would begin far behind the end of the file
    CHECK(reading(GgufBytes().head(1, 1).key("general.alignment", GgufType::u32).u32(1 << 30).tensor("t", {1}, 0, 0).data(64)).status ==
          Status::corrupt);
}

TEST_CASE("big-endian files and other versions are named", "[io][gguf][hostile]") {
    CHECK(reading(GgufBytes().head(0, 0, 0x0300'0000)).line == "m.gguf: a big-endian GGUF file is not supported");
    for (const std::uint32_t version : {0U, 1U, 4U, 0x7FFF'FFFFU, 0xFFFF'FFFFU}) {
        CHECK(reading(GgufBytes().head(0, 0, version)).line == "m.gguf: GGUF version " + std::to_string(version) + ", expected 2 or 3");
    }
    CHECK(reading(GgufBytes().raw("GGML").u32(3).u64(0).u64(0)).line == "m.gguf: no GGUF file: expected it to begin with \"GGUF\"");
    CHECK(reading(Bytes{}).status == Status::corrupt);
}

TEST_CASE("value types that are none, booleans of other values and endless nesting are refused by key", "[io][gguf][hostile]") {
    for (const std::uint32_t type : {13U, 255U, 0xFFFF'FFFFU}) {
        CHECK(reading(GgufBytes().head(0, 1).text("k").u32(type).u64(0)).line ==
              "m.gguf: k: value type " + std::to_string(type) + " is none");
        CHECK(reading(GgufBytes().head(0, 1).key("k", GgufType::array).u32(type).u64(0)).line ==
              "m.gguf: k: element type " + std::to_string(type) + " is none");
    }
    CHECK(reading(GgufBytes().head(0, 1).key("k", GgufType::boolean).raw("\x02")).line == "m.gguf: k: expected a boolean of 0 or 1");
    CHECK(reading(GgufBytes().head(0, 1).key("k", GgufType::array).u32(7).u64(2).raw("\x01\x03")).line ==
          "m.gguf: k: expected booleans of 0 or 1");
    GgufBytes nested;
    nested.head(0, 1).key("k", GgufType::array);
    for (int depth = 0; depth < 10000; ++depth) nested.u32(9).u64(1);
    CHECK(reading(nested).line == "m.gguf: k: arrays nested deeper than 8");
}

TEST_CASE("names of hostile length or content cannot break the error line", "[io][gguf][hostile]") {
    CHECK(reading(GgufBytes().head(0, 2).key("a\nb", GgufType::u8).raw("x").key("a\nb", GgufType::u8).raw("x")).line ==
          "m.gguf: a\\x0ab: the key is there twice");
    const std::string longest(65535, 'k');
    CHECK(reading(GgufBytes().head(0, 1).key(longest, GgufType::boolean).raw("\x02")).line.size() < 300);
    CHECK(reading(GgufBytes().head(0, 1).key(longest + "k", GgufType::u8).raw("x")).says("expected 1 to 65535"));
    CHECK(reading(GgufBytes().head(1, 0).tensor(std::string(129, 'n'), {1}, 0, 0).data(32)).says("expected 1 to 128"));
    CHECK(reading(GgufBytes().head(1, 0).tensor("", {1}, 0, 0).data(32)).says("expected 1 to 128"));
}

TEST_CASE("a file that pretends to be one endless header is refused after a bounded read", "[io][gguf][hostile]") {
    // A terabyte of zeros behind the start of a text array: empty texts without end.
    const Bytes beginning = GgufBytes().head(0, 1).key("k", GgufType::array).u32(8).u64(std::uint64_t{1} << 26).bytes();
    std::uint64_t read_bytes = 0;
    const auto file = io::open_callback_file(
        [&](std::uint64_t offset, std::span<std::byte> out) {
            read_bytes += out.size();
            for (std::size_t i = 0; i < out.size() && offset + i < beginning.size(); ++i) out[i] = beginning[offset + i];
            return true;
        },
        std::uint64_t{1} << 40, "m.gguf");
    const auto outcome = test::outcome_of([&] { (void)io::Gguf::read_header(file); });
    CHECK(outcome.line == "m.gguf: k: the header is longer than 134217728 bytes");
    CHECK(read_bytes <= std::uint64_t{1} << 27);
}

TEST_CASE("a file that fails to read, or shrinks, is an error and no crash", "[io][gguf][hostile]") {
    const Bytes whole = small();
    for (std::size_t fails_at = 0; fails_at < 3; ++fails_at) {
        std::size_t call = 0;
        const auto file = io::open_callback_file(
            [&](std::uint64_t offset, std::span<std::byte> out) {
                if (call++ == fails_at) return false;
                for (std::size_t i = 0; i < out.size(); ++i) out[i] = whole[offset + i];
                return true;
            },
            whole.size(), "m.gguf");
        const auto outcome = test::outcome_of([&] { (void)io::Gguf::read_header(file); });
        CHECK(outcome.status == (fails_at == 0 ? Status::callback : Status::ok));  // a small header is read at once
    }
}
