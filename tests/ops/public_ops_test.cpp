#include <catch2/catch.hpp>

#include <functional>

#include "operands.hpp"
#include "rorqual/executor.hpp"
#include "rorqual/ops.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using test::Matrix;
using test::Values;

namespace {

/// A host's executor that counts what it was given.
class Counting : public Executor {
 public:
    int calls = 0;
    [[nodiscard]] std::size_t concurrency() const noexcept override { return 3; }
    void run(std::size_t count, void (*body)(void*, std::size_t), void* context) override {
        ++calls;
        for (std::size_t i = 0; i < count; ++i) body(context, i);
    }
};

void refused(const std::function<void()>& call, const char* operand) {
    const auto outcome = test::outcome_of(call);
    CAPTURE(operand, outcome.line);
    CHECK(outcome.status == Status::invalid_argument);
    CHECK(outcome.says(operand));
}

}  // namespace

TEST_CASE("the products of the header compute their formulas", "[ops][public]") {
    const std::vector<float> w = {1, 2, 3, 4, 5, 6};  // [2, 3]
    const std::vector<float> x = {1, 10, 100, -1, 0, 1};
    std::vector<float> y(4);
    ops::matmul(weight_view({w.data(), 2, 3}), {x.data(), 2, 3}, {y.data(), 2, 2});
    CHECK(y == std::vector<float>{321, 654, 2, 2});
    std::vector<float> v(9);
    ops::matmul_transposed(weight_view({w.data(), 2, 3}), {x.data(), 3, 2}, {v.data(), 3, 3});
    CHECK(v == std::vector<float>{41, 52, 63, 96, 195, 294, 4, 5, 6});
}

TEST_CASE("an executor takes part, and the bits are those without it", "[ops][public]") {
    Values values(47);
    Matrix x(9, 100, 1, values), alone(9, 500), shared(9, 500);
    const auto stored = values.take(500 * 100);
    const WeightView w = weight_view({stored.data(), 500, 100});
    Counting executor;
    ops::matmul(w, x.view(), alone.view());
    ops::matmul(w, x.view(), shared.view(), &executor);
    CHECK(executor.calls == 1);
    CHECK(shared.bits() == alone.bits());
}

TEST_CASE("embedding copies rows of every format and refuses ids outside the table before it writes", "[ops][public]") {
    const std::vector<float> rows = {0.5F, -1, 2, 0, 8, -0.25F};  // [3, 2], exact in every format
    for (const DType format : {DType::f32, DType::f16, DType::bf16}) {
        const test::Weights table(format, 3, 2, rows, 1);
        Matrix y(3, 2, 1);
        const std::vector<Token> ids = {2, 0, 2};
        ops::embedding(table.view(), ids, y.view());
        CHECK(y.at(0, 0) == 8);
        CHECK(y.at(1, 1) == -1);
        CHECK(y.at(2, 1) == -0.25F);
        CHECK(y.gaps_untouched());
        for (const Token bad : {-1, 3, INT32_MAX, INT32_MIN}) {
            const auto before = y.bits();
            refused([&] { ops::embedding(table.view(), std::vector<Token>{1, bad, 0}, y.view()); }, "ids[1]");
            CHECK(y.bits() == before);
        }
    }
}

TEST_CASE("add, rms_norm, softmax and swiglu of the header run on plain rows", "[ops][public]") {
    std::vector<float> x = {1, 2, 3, 4}, y = {10, 20, 30, 40};
    ops::add({x.data(), 2, 2}, {y.data(), 2, 2});
    CHECK(y == std::vector<float>{11, 22, 33, 44});
    std::vector<float> row = {3, 4, 0, 0};
    ops::rms_norm({row.data(), 1, 4}, std::vector<float>{1, 1, 1, 1}, 0, {row.data(), 1, 4});
    CHECK(row == std::vector<float>{1.2F, 1.6F, 0, 0});
    std::vector<float> even = {7, 7};
    ops::softmax({even.data(), 1, 2});
    CHECK(even == std::vector<float>{0.5F, 0.5F});
    std::vector<float> gate = {0, 1000}, up = {5, 2};
    ops::swiglu({gate.data(), 1, 2}, {up.data(), 1, 2}, {up.data(), 1, 2});
    CHECK(up == std::vector<float>{0, 2000});
}

TEST_CASE("every public operation refuses shapes that do not fit, naming the operand", "[ops][public][hostile]") {
    std::vector<float> memory(64);
    float* p = memory.data();
    const WeightView w = weight_view({p, 3, 4});
    refused([&] { ops::matmul(w, {p, 2, 5}, {p, 2, 3}); }, "x: columns");
    refused([&] { ops::matmul(w, {p, 2, 4}, {p, 1, 3}); }, "y: rows");
    refused([&] { ops::matmul(w, {p, 2, 4}, {p, 2, 4}); }, "y: columns");
    refused([&] { ops::matmul_transposed(w, {p, 2, 4}, {p, 2, 4}); }, "x: columns");
    refused([&] { ops::matmul_transposed(w, {p, 2, 3}, {p, 2, 3}); }, "y: columns");
    refused([&] { ops::matmul_transposed(w, {p, 2, 3}, {p, 1, 4}); }, "y: rows");
    refused([&] { ops::rms_norm({p, 2, 3}, std::span<const float>(p, 4), 0, {p, 2, 3}); }, "weight");
    refused([&] { ops::rms_norm({p, 2, 3}, std::span<const float>(p, 3), 0, {p, 2, 4}); }, "y: columns");
    refused([&] { ops::swiglu({p, 2, 3}, {p, 2, 4}, {p, 2, 3}); }, "up: columns");
    refused([&] { ops::swiglu({p, 2, 3}, {p, 1, 3}, {p, 2, 3}); }, "up: rows");
    refused([&] { ops::swiglu({p, 2, 3}, {p, 2, 3}, {p, 3, 3}); }, "y: rows");
    refused([&] { ops::add({p, 2, 3}, {p, 2, 2}); }, "y: columns");
    refused([&] { ops::embedding(w, std::vector<Token>{0, 1}, {p, 1, 4}); }, "y: rows");
    refused([&] { ops::embedding(w, std::vector<Token>{0}, {p, 1, 3}); }, "y: columns");
}

TEST_CASE("every public operation refuses views that describe no memory", "[ops][public][hostile]") {
    std::vector<float> memory(64);
    float* p = memory.data();
    const WeightView w = weight_view({p, 3, 4});
    refused([&] { ops::softmax({p, -1, 3}); }, "x");
    refused([&] { ops::softmax({p, 2, -3, 0}); }, "x");
    refused([&] { ops::softmax({p, 2, 3, 2}); }, "stride");
    refused([&] { ops::softmax({nullptr, 2, 3}); }, "null");
    refused([&] { ops::softmax({p, INT64_MAX / 2, 3}); }, "address space");
    refused([&] { ops::matmul({DType::f32, nullptr, 3, 4}, {p, 2, 4}, {p, 2, 3}); }, "w");
    refused([&] { ops::matmul({DType::f32, w.data, -3, 4}, {p, 2, 4}, {p, 2, 3}); }, "w");
    refused([&] { ops::matmul({DType::bf16, w.data, INT64_MAX / 2, 4}, {p, 2, 4}, {p, 2, 3}); }, "w");
    refused([&] { ops::matmul({DType::i8, w.data, 3, 4}, {p, 2, 4}, {p, 2, 3}); }, "w");
    refused([&] { ops::matmul({static_cast<DType>(99), w.data, 3, 4}, {p, 2, 4}, {p, 2, 3}); }, "w");
    refused([&] { ops::embedding({DType::i32, w.data, 3, 4}, std::vector<Token>{0}, {p, 1, 4}); }, "table");
    CHECK_NOTHROW(ops::softmax({nullptr, 0, 3}));
    CHECK_NOTHROW(ops::matmul({DType::f32, nullptr, 0, 4}, {p, 2, 4}, {nullptr, 2, 0}));
}
