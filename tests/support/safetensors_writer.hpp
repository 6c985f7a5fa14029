#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "rorqual/dtype.hpp"

namespace rorqual::test {

/// The dtype's name in a safetensors header.
inline std::string stored_name(DType dtype) {
    switch (dtype) {
        case DType::f32: return "F32";
        case DType::f16: return "F16";
        case DType::bf16: return "BF16";
        case DType::f8_e4m3: return "F8_E4M3";
        case DType::f8_e8m0: return "F8_E8M0";
        case DType::i8: return "I8";
        case DType::u8: return "U8";
        case DType::i16: return "I16";
        case DType::i32: return "I32";
        case DType::i64: return "I64";
        case DType::boolean: return "BOOL";
        case DType::f64: return "F64";
        default: break;  // block formats have none
    }
    throw std::invalid_argument("dtype without a stored name");
}

/// Header and data joined as a safetensors file, whatever they say: for hostile files.
inline std::vector<std::byte> safetensors_file(const std::string& header, std::span<const std::byte> data) {
    std::vector<std::byte> file;
    for (std::size_t i = 0; i < 8; ++i) file.push_back(static_cast<std::byte>(std::uint64_t{header.size()} >> (8 * i) & 255));
    const auto text = std::as_bytes(std::span(header));
    file.insert(file.end(), text.begin(), text.end());
    file.insert(file.end(), data.begin(), data.end());
    return file;
}

/// Builds a safetensors file in memory.
///
///     SafetensorsWriter writer;
///     writer.add("model.norm.weight", {96}, std::vector<float>(96, 1.0F));
///     folder.write("model.safetensors", writer.file());
class SafetensorsWriter {
 public:
    /// `bytes` as stored. A tensor of the same name replaces nothing: it is an error.
    void add(const std::string& name, DType dtype, const std::vector<std::int64_t>& shape, std::span<const std::byte> bytes) {
        if (header_.contains(name)) throw std::invalid_argument("tensor given twice: " + name);
        header_[name] = {{"dtype", stored_name(dtype)}, {"shape", shape}, {"data_offsets", {data_.size(), data_.size() + bytes.size()}}};
        data_.insert(data_.end(), bytes.begin(), bytes.end());
    }
    void add(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
        add(name, DType::f32, shape, std::as_bytes(std::span(values)));
    }
    void add(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<std::int32_t>& values) {
        add(name, DType::i32, shape, std::as_bytes(std::span(values)));
    }
    void add(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& values) {
        add(name, DType::i64, shape, std::as_bytes(std::span(values)));
    }
    /// Values cut to bf16 (the low half of each float is dropped).
    void add_bf16(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
        std::vector<std::uint16_t> stored;
        for (const float value : values) stored.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
        add(name, DType::bf16, shape, std::as_bytes(std::span(stored)));
    }
    void add_metadata(const std::string& key, const std::string& value) { header_["__metadata__"][key] = value; }

    /// The header as JSON, to be changed by tests of hostile files.
    [[nodiscard]] nlohmann::json& header() noexcept { return header_; }
    [[nodiscard]] const std::vector<std::byte>& data() const noexcept { return data_; }

    [[nodiscard]] std::vector<std::byte> file() const { return safetensors_file(header_.dump(), data_); }

 private:
    nlohmann::json header_ = nlohmann::json::object();
    std::vector<std::byte> data_;
};

}  // namespace rorqual::test
