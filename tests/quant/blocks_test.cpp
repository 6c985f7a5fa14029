// The block formats against values decoded by the gguf Python package: tests/data/quant/how_made.md.
#include "quant/decode.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/golden.hpp"
#include "support/outcome.hpp"
#include "support/quant_formats.hpp"

using namespace rorqual;

namespace {

// The bundled blocks, and the larger set where the reference data is at hand.
std::vector<std::filesystem::path> block_files() {
    std::vector<std::filesystem::path> files{test::bundled_blocks()};
    const auto whole = std::filesystem::path(RQ_SHARED_DIR) / "golden/quant/blocks.safetensors";
    if (std::filesystem::exists(whole)) files.push_back(whole);
    return files;
}

std::vector<std::uint32_t> bits(const std::vector<float>& values) {
    std::vector<std::uint32_t> out;
    for (const float value : values) out.push_back(std::bit_cast<std::uint32_t>(value));
    return out;
}

}  // namespace

TEST_CASE("every block format decodes bit for bit as the gguf package does", "[quant][golden]") {
    for (const auto& file : block_files()) {
        const test::Golden golden(file);
        std::int64_t blocks = 0;
        for (const DType dtype : test::block_formats()) {
            const std::string format = test::upper_name(dtype);
            CAPTURE(file.string(), format);
            const auto stored = golden.bytes(format + ".blocks");
            const auto expected = golden.floats(format + ".values");
            REQUIRE(golden.shape(format + ".blocks").back() == block_bytes(dtype));
            REQUIRE(golden.shape(format + ".values").back() == block_length(dtype));
            std::vector<float> values(expected.size());
            quant::decode(dtype, std::as_bytes(std::span(stored)), values);
            CHECK(bits(values) == bits(expected));
            blocks += golden.shape(format + ".blocks").front();
        }
        WARN(blocks << " blocks of " << test::block_formats().size() << " formats decoded");
    }
}

TEST_CASE("any bytes are a block: random ones, and all that a scale can be, decode without a fault", "[quant][hostile]") {
    std::uint64_t state = 1;
    for (const DType dtype : test::block_formats()) {
        std::vector<std::byte> block(static_cast<std::size_t>(block_bytes(dtype)));
        std::vector<float> values(static_cast<std::size_t>(block_length(dtype)));
        for (int round = 0; round < 500; ++round) {
            for (std::byte& byte : block) {
                state = state * 6364136223846793005U + 1442695040888963407U;
                // every third round is full of 0xFF and 0x7C: NaN and infinite halves
                byte = round % 3 != 0 ? static_cast<std::byte>(state >> 56) : (state >> 63) != 0 ? std::byte{0xFF}
                                                                                                 : std::byte{0x7C};
            }
            quant::decode(dtype, block, values);
        }
        CAPTURE(name(dtype));
        std::fill(block.begin(), block.end(), std::byte{0xFF});
        quant::decode(dtype, block, values);
        CHECK(std::none_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }));
    }
}

TEST_CASE("decoding a block format refuses parts of blocks", "[quant][hostile]") {
    for (const DType dtype : test::block_formats()) {
        std::vector<std::byte> bytes(static_cast<std::size_t>(2 * block_bytes(dtype)));
        std::vector<float> values(static_cast<std::size_t>(2 * block_length(dtype)));
        const auto decoding = [&](std::size_t b, std::size_t v) {
            return test::outcome_of([&] { quant::decode(dtype, std::span(bytes).first(b), std::span(values).first(v)); }).status;
        };
        CAPTURE(name(dtype));
        CHECK(decoding(bytes.size(), values.size()) == Status::ok);
        CHECK(decoding(0, 0) == Status::ok);
        CHECK(decoding(bytes.size() - 1, values.size()) == Status::internal);
        CHECK(decoding(bytes.size(), values.size() - 1) == Status::internal);
        CHECK(decoding(bytes.size() / 2, values.size()) == Status::internal);
        CHECK(decoding(bytes.size() / 2, values.size() / 2 + 1) == Status::internal);
    }
}
