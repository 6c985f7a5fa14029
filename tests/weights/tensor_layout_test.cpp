// Containers that have names and shapes of their own.
#include <catch2/catch.hpp>

#include <cstring>

#include "io/callback_file.hpp"
#include "io/memory_file.hpp"
#include "support/memory.hpp"
#include "support/outcome.hpp"
#include "weights/load_all.hpp"
#include "weights/weight_store.hpp"

using namespace rorqual;
using weights::Place;
using weights::Problems;
using weights::TensorSpec;
using weights::TensorTable;
using weights::WeightStore;

namespace {

// "a" and "b" [2, 3] lie in a stack [2, 2, 3]; "sum" [1, 3] is made of two tensors; "norm" is called otherwise.
class TinyLayout final : public weights::TensorLayout {
 public:
    [[nodiscard]] Place place(const TensorSpec& spec, const weights::StoredTensors&) const override {
        if (spec.name == "norm") return {{{"scale", spec.shape}}};
        if (spec.name != "sum") return {{{"stack", {2, 2, 3}, spec.name == "b" ? 1 : 0, 2}}};
        Place place{{{"left", {3}}, {"right", {3}}}};
        place.join = [](std::span<const std::vector<float>> pieces, std::span<float> to) {
            for (std::size_t i = 0; i < to.size(); ++i) to[i] = pieces[0][i] + pieces[1][i];
        };
        place.spare = {"sum as well"};
        return place;
    }
};

struct TinyModel {
    WeightView a, b, sum;
    std::vector<float> norm;
    TensorTable table;
    TinyModel() {
        table.matrix("a", 2, 3, a);
        table.matrix("b", 2, 3, b);
        table.matrix("sum", 1, 3, sum);
        table.vector("norm", 2, norm);
    }
};

// 0 1 2 … as f32: the stack, then left, right, scale.
std::vector<float> values() {
    std::vector<float> all(12 + 3 + 3 + 2);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<float>(i);
    return all;
}

std::vector<io::TensorInfo> tensors(const std::shared_ptr<const io::File>& file) {
    return {{"stack", DType::f32, {2, 2, 3}, 0, 48, file},
            {"left", DType::f32, {3}, 48, 12, file},
            {"right", DType::f32, {3}, 60, 12, file},
            {"scale", DType::f32, {2}, 72, 8, file}};
}

std::vector<float> floats(const WeightView& view) {
    std::vector<float> out(static_cast<std::size_t>(view.rows * view.cols));
    std::memcpy(out.data(), view.data, out.size() * sizeof(float));
    return out;
}

}  // namespace

TEST_CASE("parts of stacked tensors and matrices made of several are loaded from mapped and from unmapped files", "[weights][layout]") {
    const auto stored = values();
    const auto bytes = std::as_bytes(std::span(stored));
    const bool mapped = GENERATE(true, false);
    const auto file = mapped ? io::open_memory_file(bytes, "m")
                             : io::open_callback_file(
                                   [&](std::uint64_t offset, std::span<std::byte> out) {
                                       std::copy_n(bytes.data() + offset, out.size(), out.data());
                                       return true;
                                   },
                                   bytes.size(), "m");
    test::CountingMemory memory;
    {
        auto store = WeightStore::of("m", tensors(file), std::make_unique<TinyLayout>());
        TinyModel model;
        Problems problems;
        store.check(model.table, problems);
        CHECK(problems.lines().empty());
        const auto planned = store.bytes(model.table);
        CHECK(planned.total == 48 + 12 + 8);
        CHECK(planned.mapped == (mapped ? 48 : 0));
        test::load_all(store, model.table, memory);
        CHECK(floats(model.a) == std::vector<float>{0, 1, 2, 3, 4, 5});
        CHECK(floats(model.b) == std::vector<float>{6, 7, 8, 9, 10, 11});
        CHECK(floats(model.sum) == std::vector<float>{12 + 15, 13 + 16, 14 + 17});
        CHECK(model.norm == std::vector<float>{18, 19});
        CHECK(memory.bytes() == (mapped ? 12 : 48 + 12));
    }
    CHECK(memory.bytes() == 0);
}

TEST_CASE("what a layout misses, and what it does not know, is named as the container names it, once", "[weights][layout]") {
    const auto stored = values();
    const auto file = io::open_memory_file(std::as_bytes(std::span(stored)), "m");
    const auto problems_of = [&](std::vector<io::TensorInfo> changed) {
        Problems problems;
        WeightStore::of("m", std::move(changed), std::make_unique<TinyLayout>()).check(TinyModel().table, problems);
        return problems.lines();
    };
    using Lines = std::vector<std::string>;
    auto changed = tensors(file);
    changed[0].name = "heap";
    CHECK(problems_of(changed) ==
          Lines{"m: stack: missing, expected shape [2, 2, 3]", "m: heap: unexpected, the config calls for no such tensor"});
    changed = tensors(file);
    changed[0].shape = {4, 3};
    CHECK(problems_of(changed) == Lines{"m: stack: shape [4, 3], expected [2, 2, 3]"});
    changed = tensors(file);
    changed[2].shape = {1, 3};
    CHECK(problems_of(changed) == Lines{"m: right: shape [1, 3], expected [3]"});
    changed = tensors(file);
    changed.push_back({"sum as well", DType::f32, {3}, 48, 12, file});
    CHECK(problems_of(changed).empty());
}

TEST_CASE("matrices may lie in blocks, vectors may not", "[weights][layout]") {
    const std::vector<std::byte> blocks(34 * 3);
    const auto file = io::open_memory_file(blocks, "m");
    class Same final : public weights::TensorLayout {
        [[nodiscard]] Place place(const TensorSpec& spec, const weights::StoredTensors&) const override { return {{{spec.name, spec.shape}}}; }
    };
    WeightView matrix;
    std::vector<float> vector;
    TensorTable table;
    table.stored_matrix("matrix", 2, 32, matrix);
    table.vector("vector", 32, vector);
    auto store = WeightStore::of("m", {{"matrix", DType::q8_0, {2, 32}, 0, 68, file}, {"vector", DType::q8_0, {32}, 68, 34, file}}, std::make_unique<Same>());
    Problems problems;
    store.check(table, problems);
    CHECK(problems.lines() == std::vector<std::string>{"m: vector: stored as q8_0, expected f32, f16, bf16"});
    TensorTable only_matrix;
    only_matrix.stored_matrix("matrix", 2, 32, matrix);
    test::load_all(store, only_matrix, *std::pmr::new_delete_resource());
    CHECK(matrix.dtype == DType::q8_0);
    CHECK(matrix.data == blocks.data());
    CHECK(matrix.bytes() == 68);
}
