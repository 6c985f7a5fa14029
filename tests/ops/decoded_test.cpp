// Products and lookups with quantised weights: the bits of the decoded matrix.
#include <catch2/catch.hpp>

#include <memory_resource>

#include "operands.hpp"
#include "ops/decoded.hpp"
#include "ops/run.hpp"
#include "quant/decode.hpp"
#include "rorqual/ops.hpp"
#include "support/golden.hpp"
#include "support/outcome.hpp"
#include "support/quant_formats.hpp"

using namespace rorqual;
using test::Matrix;
using test::Values;

namespace {

/// A matrix of `rows` rows of two or three blocks, taken in turn from the bundled ones, at an odd address; and its values.
struct Quantised {
    Quantised(DType format, std::int64_t row_count) : dtype(format), rows(row_count), cols((format == DType::q4_0 ? 3 : 2) * block_length(format)) {
        const test::Golden blocks(test::bundled_blocks());
        const auto source = blocks.bytes(test::upper_name(format) + ".blocks");
        const auto bytes = static_cast<std::size_t>(block_bytes(format));
        stored.assign(1, std::byte{});
        for (std::size_t i = 0; i < static_cast<std::size_t>(rows * cols / block_length(format)); ++i) {
            const auto* const block = reinterpret_cast<const std::byte*>(source.data()) + i * 7 % (source.size() / bytes) * bytes;
            stored.insert(stored.end(), block, block + bytes);
        }
        values.resize(static_cast<std::size_t>(rows * cols));
        quant::decode(format, std::span(stored).subspan(1), values);
    }
    [[nodiscard]] WeightView view() const { return {dtype, stored.data() + 1, rows, cols}; }
    [[nodiscard]] WeightView decoded() const { return weight_view({values.data(), rows, cols}); }

    DType dtype;
    std::int64_t rows, cols;
    std::vector<std::byte> stored;
    std::vector<float> values;
};

}  // namespace

TEST_CASE("products with every block format have the bits of products with the decoded matrix", "[ops][decoded]") {
    for (const DType format : test::block_formats()) {
        for (const std::int64_t rows : {1, 37}) {
            const Quantised w(format, rows);
            for (const std::int64_t tokens : {1, 5}) {
                CAPTURE(name(format), rows, tokens);
                Values values(7);
                Matrix x(tokens, w.cols, 3, values), z(tokens, rows, 1, values);
                Matrix y(tokens, rows, 2), y_decoded(tokens, rows, 2), u(tokens, w.cols), u_decoded(tokens, w.cols);
                ops::matmul(w.view(), x.view(), y.view());
                ops::matmul(w.decoded(), x.view(), y_decoded.view());
                CHECK(y.bits() == y_decoded.bits());
                CHECK(y.gaps_untouched());
                ops::matmul_transposed(w.view(), z.view(), u.view());
                ops::matmul_transposed(w.decoded(), z.view(), u_decoded.view());
                CHECK(u.bits() == u_decoded.bits());
            }
        }
    }
}

TEST_CASE("an embedding table in every block format gives its decoded rows", "[ops][decoded]") {
    const std::vector<Token> ids = {4, 0, 4, 2};
    for (const DType format : test::block_formats()) {
        const Quantised table(format, 5);
        Matrix got(4, table.cols, 1), expected(4, table.cols, 1);
        ops::embedding(table.view(), ids, got.view());
        ops::embedding(table.decoded(), ids, expected.view());
        CAPTURE(name(format));
        CHECK(got.bits() == expected.bits());
        CHECK(got.gaps_untouched());
    }
}

TEST_CASE("products with quantised weights are refused where blocks are not whole, and where no scratch was cut", "[ops][decoded]") {
    const Quantised w(DType::q4_k, 4);
    Values values(7);
    Matrix x(1, w.cols, 0, values), y(1, 4);
    auto broken = w.view();
    broken.cols -= 1;
    const auto refused = test::outcome_of([&] { ops::matmul(broken, x.view(), y.view()); });
    CHECK(refused.status == Status::invalid_argument);
    CHECK(refused.line == "w [4, 511]: expected whole blocks of 256 columns in q4_k");
    auto workers = cpu::Workers::caller();
    const ops::Run without{ops::best_kernels(), *workers};
    CHECK(test::outcome_of([&] { ops::matmul(without, w.view(), x.view(), y.view()); }).status == Status::internal);
}
