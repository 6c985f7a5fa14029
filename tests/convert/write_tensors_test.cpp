#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

#include "convert/write_tensors.hpp"
#include "io/file.hpp"
#include "io/gguf.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using convert::OutTensor;

namespace {

// Tensors of odd sizes, and a file for them.
struct Written {
    test::TempFolder folder;
    std::vector<OutTensor> tensors = {{"a", DType::f32, {7, 3}, 2}, {"b", DType::f32, {5}, 1}, {"c", DType::q4_0, {2, 3, 64}, 4}, {"d", DType::f16, {1, 1}, 9}};
    std::filesystem::path path = folder / "model.gguf";

    void write(const convert::MakeRows& make, std::size_t threads = 3, const ConvertProgress& progress = {}) const {
        io::GgufHeader header;
        for (const auto& tensor : tensors) header.tensor(tensor.name, tensor.dtype, tensor.shape);
        io::GgufWriter file(path, header);
        const auto workers = cpu::Workers::pool(threads);
        convert::write_tensors(file, tensors, make, *workers, progress);
        file.commit();
    }
    [[nodiscard]] std::string bytes() const {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
};

void number_rows(std::size_t index, std::int64_t first_row, std::int64_t rows, std::span<std::byte> out) {
    const auto row_bytes = out.size() / static_cast<std::size_t>(rows);
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = static_cast<std::byte>(16 * index + static_cast<std::size_t>(first_row) + i / row_bytes);
    }
}

}  // namespace

TEST_CASE("tensors are written in order, row after row, whatever the number of workers", "[convert]") {
    const Written one, many;
    one.write(number_rows, 1);
    many.write(number_rows, 4);
    CHECK(one.bytes() == many.bytes());
    const auto file = one.bytes();
    std::string expected;
    for (char row = 0; row < 7; ++row) expected += std::string(12, row);
    CHECK(file.find(expected) != std::string::npos);
    expected.clear();
    for (char row = 0; row < 6; ++row) expected += std::string(36, static_cast<char>(32 + row));
    CHECK(file.find(expected) != std::string::npos);
}

TEST_CASE("the first failure in the order of the file is thrown, and no file is left", "[convert]") {
    const Written written;
    const auto outcome = test::outcome_of([&] {
        written.write([](std::size_t index, std::int64_t first_row, std::int64_t, std::span<std::byte>) {
            if (index >= 1) throw Error(Status::corrupt, "tensor " + std::to_string(index) + " row " + std::to_string(first_row));
        });
    });
    CHECK(outcome.status == Status::corrupt);
    CHECK(outcome.line == "tensor 1 row 0");
    CHECK(std::filesystem::is_empty(written.folder.path()));
}

TEST_CASE("progress grows to all bytes, names tensors, and stops the writing when asked to", "[convert]") {
    const Written written;
    std::uint64_t last = 0, all = 0;
    std::vector<std::string> names;
    written.write(number_rows, 1, [&](std::uint64_t done, std::uint64_t total, std::string_view tensor) {
        CHECK(done > last);
        last = done;
        all = total;
        names.emplace_back(tensor);
        return true;
    });
    CHECK(last == all);
    CHECK(all == 7 * 12 + 5 * 4 + 6 * 36 + 2);
    CHECK(names.back() == "d");

    const Written stopped;
    int calls = 0;
    const auto outcome = test::outcome_of([&] {
        stopped.write(number_rows, 1, [&](std::uint64_t, std::uint64_t, std::string_view) { return ++calls < 2; });
    });
    CHECK(outcome.status == Status::callback);
    CHECK(calls == 2);
    CHECK(std::filesystem::is_empty(stopped.folder.path()));
}

TEST_CASE("a unit of work is about a megabyte of floats, and at least a row", "[convert]") {
    CHECK(convert::usual_unit_rows(2048) == 128);
    CHECK(convert::usual_unit_rows(1) == 1 << 18);
    CHECK(convert::usual_unit_rows(1 << 20) == 1);
}
