#include "convert/write_tensors.hpp"

#include <algorithm>
#include <exception>

#include "rorqual/error.hpp"

namespace rorqual::convert {
namespace {

// Rows of a tensor that are made by one worker.
struct Unit {
    std::size_t tensor = 0;
    std::int64_t first_row = 0, rows = 0;
    std::vector<std::byte> bytes{};
    std::exception_ptr failed{};
};

// Hands out the units of all tensors, in order.
class Cursor {
 public:
    explicit Cursor(const std::vector<OutTensor>& tensors) : tensors_(tensors) {}

    // False after the last.
    bool next(Unit& unit) {
        if (tensor_ == tensors_.size()) return false;
        const OutTensor& tensor = tensors_[tensor_];
        unit.tensor = tensor_;
        unit.first_row = row_;
        unit.rows = std::min(tensor.unit_rows, tensor.rows() - row_);
        unit.failed = nullptr;
        row_ += unit.rows;
        if (row_ == tensor.rows()) {
            ++tensor_;
            row_ = 0;
        }
        return true;
    }

 private:
    const std::vector<OutTensor>& tensors_;
    std::size_t tensor_ = 0;
    std::int64_t row_ = 0;
};

void make_unit(const OutTensor& tensor, const MakeRows& make, Unit& unit) noexcept {
    try {
        unit.bytes.resize(static_cast<std::size_t>(unit.rows * tensor.row_bytes()));
        make(unit.tensor, unit.first_row, unit.rows, unit.bytes);
    } catch (...) {
        unit.failed = std::current_exception();
    }
}

}  // namespace

std::int64_t OutTensor::rows() const noexcept {
    std::int64_t rows = 1;
    for (std::size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
    return rows;
}

std::int64_t usual_unit_rows(std::int64_t cols) noexcept {
    constexpr std::int64_t values = 1 << 18;
    return std::max<std::int64_t>(1, values / cols);
}

void write_tensors(io::GgufWriter& file, const std::vector<OutTensor>& tensors, const MakeRows& make, cpu::Workers& workers,
                   const ConvertProgress& progress) {
    constexpr std::size_t units_per_worker = 4;  // so that the last of a batch does not keep the others waiting long
    std::uint64_t all = 0, done = 0;
    for (const auto& tensor : tensors) all += static_cast<std::uint64_t>(tensor.rows() * tensor.row_bytes());
    std::vector<Unit> batch(workers.count() * units_per_worker);
    Cursor cursor(tensors);
    for (;;) {
        std::size_t count = 0;
        while (count < batch.size() && cursor.next(batch[count])) ++count;
        if (count == 0) return;
        workers.parallel_for(static_cast<std::int64_t>(count), nullptr, [&](std::int64_t task, std::size_t) noexcept {
            Unit& unit = batch[static_cast<std::size_t>(task)];
            make_unit(tensors[unit.tensor], make, unit);
        });
        for (std::size_t i = 0; i < count; ++i) {
            if (batch[i].failed) std::rethrow_exception(batch[i].failed);
            file.write(batch[i].bytes);
            done += batch[i].bytes.size();
        }
        if (progress && !progress(done, all, tensors[batch[count - 1].tensor].name)) {
            throw Error(Status::callback, "progress: asked to stop");
        }
    }
}

}  // namespace rorqual::convert
