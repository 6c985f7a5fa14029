#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "output.hpp"

namespace cli {

/// Integer tensors of a safetensors file (I32 or I64, one dimension), by name. Failure names file and tensor.
[[nodiscard]] std::map<std::string, std::vector<std::int64_t>> read_integer_tensors(const std::string& path, const std::string& prefix);

/// What the header of a file to be written says of one tensor.
struct TensorHeader {
    std::string name;
    std::string dtype;  ///< "F32", "I32", "I64"
    std::vector<std::int64_t> shape;
};

/// Writes a safetensors file whose tensors are known before their values: the header first, then the values in the same order. The file
/// appears when commit() is called.
class SafetensorsWriter {
 public:
    SafetensorsWriter(const std::string& path, const std::vector<TensorHeader>& tensors);
    template <class T>
    void write(const std::vector<T>& values) {
        file_.write(values.data(), values.size() * sizeof(T));
    }
    void commit() { file_.commit(); }

 private:
    WholeFile file_;
};

}  // namespace cli
