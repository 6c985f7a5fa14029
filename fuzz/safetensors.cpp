// safetensors headers: the tensors of what is accepted cover the file's data exactly.
#include "io/safetensors.hpp"

#include "fuzz/target.hpp"
#include "io/memory_file.hpp"

using namespace rorqual;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return fuzz::try_on(data, size, [](std::span<const std::byte> file) {
        const auto header = io::Safetensors::read_header(io::open_memory_file(file, "input"));
        if (header.tensors.empty()) return;
        std::uint64_t end = header.tensors.front().offset;
        for (const auto& tensor : header.tensors) {
            fuzz::promise(tensor.offset == end && tensor.bytes <= file.size() - tensor.offset);
            end += tensor.bytes;
        }
        fuzz::promise(end == file.size());
    });
}
