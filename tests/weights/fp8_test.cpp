// Matrices stored as f8_e4m3 with a scale a block.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <functional>

#include "panels/layout.hpp"
#include "quant/block_scaled.hpp"
#include "quant/decode.hpp"
#include "quant/encode.hpp"
#include "quant/float8.hpp"
#include "rorqual/source.hpp"
#include "support/outcome.hpp"
#include "support/safetensors_writer.hpp"
#include "support/temp_folder.hpp"
#include "weights/weight_store.hpp"

using namespace rorqual;
using test::outcome_of;
using test::SafetensorsWriter;
using weights::Problems;
using weights::TensorTable;
using weights::WeightStore;

namespace {

constexpr std::int64_t rows = 20, cols = 64;  // blocks of 16 x 48: 2 x 2 of them, ragged both ways

struct Model {
    WeightView matrix;
    TensorTable table;

    explicit Model(std::optional<weights::BlockSize> blocks = weights::BlockSize{16, 48}, bool stored = false) {
        table.fp8_blocks(blocks);
        if (stored) {
            table.stored_matrix("a.weight", rows, cols, matrix);
        } else {
            table.matrix("a.weight", rows, cols, matrix);
        }
    }
};

std::vector<std::byte> codes() {
    std::vector<std::byte> all;
    for (int i = 0; i < rows * cols; ++i) all.push_back(static_cast<std::byte>(i * 29 % 127 | (i % 2) << 7));
    return all;
}

const std::vector<float> scales = {0.25F, 0.3F, 1e-3F, 7};

SafetensorsWriter writer_of(const std::vector<std::byte>& stored = codes(), const std::vector<float>& factors = scales) {
    SafetensorsWriter writer;
    writer.add("a.weight", DType::f8_e4m3, {rows, cols}, stored);
    writer.add("a.weight_scale_inv", {2, 2}, factors);
    return writer;
}

float value(std::size_t row, std::size_t col, const std::vector<float>& factors = scales) {
    return quant::f8_e4m3_values[static_cast<std::uint8_t>(codes()[row * cols + col])] * factors[row / 16 * 2 + col / 48];
}

std::vector<std::string> problems_of(const SafetensorsWriter& writer, const Model& model = Model()) {
    const auto file = writer.file();
    Problems problems;
    const auto store = WeightStore::open(*Source::files().add_memory("model.safetensors", file).file_set(), problems);
    store.check(model.table, problems);
    return problems.lines();
}

// Opens, checks and loads; the bytes outlive what they hold.
struct Loaded {
    std::vector<std::byte> file;
    Model model;
    WeightStore store;
    weights::PackedStore packed;

    explicit Loaded(const SafetensorsWriter& writer, bool stored = false) : file(writer.file()), model(weights::BlockSize{16, 48}, stored) {
        Problems problems;
        store = WeightStore::open(*Source::files().add_memory("model.safetensors", file).file_set(), problems);
        store.check(model.table, problems);
        problems.throw_if_any();
        store.outline(model.table);
        packed = weights::PackedStore(store.bytes(model.table).packed, *std::pmr::new_delete_resource());
        store.load(model.table, *std::pmr::null_memory_resource(), packed, *cpu::Workers::caller());
    }
};

}  // namespace

TEST_CASE("an fp8 matrix is used where it lies, with its scales", "[weights][fp8]") {
    const Loaded loaded(writer_of());
    const auto& w = loaded.model.matrix;
    CHECK(w.dtype == DType::f8_e4m3);
    CHECK(w.data >= loaded.file.data());
    CHECK(w.data + w.bytes() <= loaded.file.data() + loaded.file.size());
    std::vector<float> values(rows * cols);
    quant::decode_scaled(w, values.data());
    for (std::size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == value(i / cols, i % cols));
}

TEST_CASE("scales may be stored in any number type, and as powers of two", "[weights][fp8]") {
    SafetensorsWriter bf16, e8m0;
    for (auto* const writer : {&bf16, &e8m0}) writer->add("a.weight", DType::f8_e4m3, {rows, cols}, codes());
    bf16.add_bf16("a.weight_scale_inv", {2, 2}, {0.5F, 2, 3, 4});
    const std::vector<std::byte> exponents = {std::byte{126}, std::byte{128}, std::byte{0}, std::byte{129}};
    e8m0.add("a.weight_scale_inv", DType::f8_e8m0, {2, 2}, exponents);
    CHECK(Loaded(bf16).model.matrix.scales->values == std::vector<float>{0.5F, 2, 3, 4});
    CHECK(Loaded(e8m0).model.matrix.scales->values == std::vector<float>{0.5F, 2, 0x1p-127F, 4});
}

TEST_CASE("the packed copy of an fp8 matrix is q8_0 of its values", "[weights][fp8]") {
    const Loaded loaded(writer_of());
    const auto panels = packed_form(loaded.model.matrix);
    REQUIRE(panels.data != nullptr);
    CHECK(panels.dtype == DType::q8_0);
    std::vector<float> values(rows * cols), expected(values.size()), got(values.size());
    quant::decode_scaled(loaded.model.matrix, values.data());
    std::vector<std::byte> blocks(values.size() / 32 * 34);
    quant::encode(DType::q8_0, values, blocks);
    quant::decode(DType::q8_0, blocks, expected);
    panels::decode_rows({panels.dtype, panels.data, rows, cols}, 0, rows, got.data());
    CHECK(got == expected);
    CHECK(packed_form(loaded.model.matrix.slice_rows(16, 4)).data == panels.data + panels.panel_bytes);
    CHECK(loaded.packed.bytes() == loaded.store.bytes(loaded.model.table).packed);
}

TEST_CASE("a matrix that is looked up row by row gets no packed copy, nor one with weights beyond what it could hold", "[weights][fp8]") {
    CHECK_FALSE(has_packed_form(Loaded(writer_of(), true).model.matrix));
    const Loaded large(writer_of(codes(), {1, 1, 1e6F, 1}));
    CHECK_FALSE(has_packed_form(large.model.matrix));
    std::vector<float> last(cols);
    quant::decode_scaled(large.model.matrix.slice_rows(19, 1), last.data());
    CHECK(last[5] == value(19, 5, {1, 1, 1e6F, 1}));
}

TEST_CASE("a plan counts codes, scales and the packed copy of an fp8 matrix", "[weights][fp8]") {
    const Loaded loaded(writer_of());
    const auto bytes = loaded.store.bytes(loaded.model.table);
    CHECK(bytes.mapped == rows * cols);
    CHECK(bytes.packed == weights::packed_bytes(DType::q8_0, rows, cols));
    CHECK(bytes.total == rows * cols + 4 * sizeof(float) + bytes.packed);
}

TEST_CASE("an fp8 matrix without scales, or with wrong ones, is told by name", "[weights][fp8][hostile]") {
    const std::string file = "model.safetensors: ";
    const auto with = [](const std::function<void(SafetensorsWriter&)>& add) {
        SafetensorsWriter writer;
        writer.add("a.weight", DType::f8_e4m3, {rows, cols}, codes());
        add(writer);
        return problems_of(writer);
    };
    using Lines = std::vector<std::string>;
    CHECK(problems_of(writer_of()).empty());
    CHECK(with([](auto&) {}) == Lines{file + "a.weight: stored as f8_e4m3, but its scales a.weight_scale_inv are missing, expected shape [2, 2]"});
    const std::string expected = ", expected [2, 2], a scale for each block of 16 x 48 (quantization_config: weight_block_size)";
    CHECK(with([](auto& w) { w.add("a.weight_scale_inv", {2, 1}, std::vector<float>{1, 2}); }) == Lines{file + "a.weight_scale_inv: shape [2, 1]" + expected});
    CHECK(with([](auto& w) { w.add("a.weight_scale_inv", {4}, std::vector<float>(4)); }) == Lines{file + "a.weight_scale_inv: shape [4]" + expected});
    CHECK(with([](auto& w) { w.add("a.weight_scale_inv", {2, 2}, std::vector<std::int32_t>(4)); }) ==
          Lines{file + "a.weight_scale_inv: stored as i32, expected f32, f16, bf16, f8_e8m0"});
}

TEST_CASE("scales of a matrix that is not stored as fp8 are told by name", "[weights][fp8][hostile]") {
    SafetensorsWriter writer;
    writer.add("a.weight", {rows, cols}, std::vector<float>(rows * cols));
    writer.add("a.weight_scale_inv", {2, 2}, scales);
    CHECK(problems_of(writer) == std::vector<std::string>{"model.safetensors: a.weight_scale_inv: unexpected, the tensor it would scale is not stored as f8_e4m3"});
}

TEST_CASE("fp8 is refused where the config says nothing of blocks", "[weights][fp8][hostile]") {
    const auto lines = problems_of(writer_of(), Model(std::nullopt));
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == "model.safetensors: a.weight: stored as f8_e4m3, expected f32, f16, bf16 (config.json has no quantization_config)");
}

TEST_CASE("codes and scales that stand for no finite weight are told by their place", "[weights][fp8][hostile]") {
    for (const bool stored : {false, true}) {
        auto bad = codes();
        bad[17 * cols + 5] = std::byte{0xFF};
        const auto outcome = outcome_of([&] { Loaded loaded(writer_of(bad), stored); });
        CHECK(outcome.status == Status::corrupt);
        CHECK(outcome.line == "model.safetensors: a.weight: row 17, column 5 stands for a weight that is not finite");
    }
    for (const float odd : {NAN, INFINITY}) {
        const auto outcome = outcome_of([&] { Loaded loaded(writer_of(codes(), {1, 1, odd, 1})); });
        CHECK(outcome.status == Status::corrupt);
        CHECK(outcome.line == "model.safetensors: a.weight_scale_inv: row 1, column 0: the scale is not finite");
    }
}
