#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "quant/decode.hpp"
#include "rorqual/source.hpp"
#include "support/safetensors_writer.hpp"
#include "weights/weight_store.hpp"

namespace rorqual::test {

/// A checkpoint folder in memory, to be changed and written elsewhere as one file.
struct CheckpointCopy {
    struct Tensor {
        DType dtype = DType::f32;
        std::vector<std::int64_t> shape;
        std::vector<std::byte> bytes;

        [[nodiscard]] std::vector<float> values() const {
            std::vector<float> all(bytes.size() / static_cast<std::size_t>(block_bytes(dtype)));
            quant::decode(dtype, bytes, all);
            return all;
        }
    };
    std::filesystem::path from;
    nlohmann::json config;
    std::map<std::string, Tensor> tensors;

    explicit CheckpointCopy(const std::filesystem::path& folder) : from(folder) {
        weights::Problems problems;
        const Source source = Source::path(folder);
        const auto store = weights::WeightStore::open(*source.file_set(), problems);
        problems.throw_if_any();
        for (const auto& [name, tensor] : store.tensors()) {
            Tensor copy{tensor.dtype, tensor.shape, std::vector<std::byte>(tensor.bytes)};
            tensor.file->read(tensor.offset, copy.bytes);
            tensors.emplace(name, std::move(copy));
        }
        std::ifstream(folder / "config.json") >> config;
    }

    static Tensor of(const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
        const auto bytes = std::as_bytes(std::span(values));
        return {DType::f32, shape, {bytes.begin(), bytes.end()}};
    }

    /// Writes config.json, model.safetensors and a copy of the tokenizer, where there is one.
    void write(const std::filesystem::path& to) const {
        SafetensorsWriter writer;
        for (const auto& [name, tensor] : tensors) writer.add(name, tensor.dtype, tensor.shape, tensor.bytes);
        const auto file = writer.file();
        std::ofstream(to / "model.safetensors", std::ios::binary).write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
        std::ofstream(to / "config.json") << config;
        for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
            if (std::filesystem::exists(from / name)) std::filesystem::copy_file(from / name, to / name, std::filesystem::copy_options::overwrite_existing);
        }
    }
};

}  // namespace rorqual::test
