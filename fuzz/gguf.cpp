// GGUF headers: what is accepted lies inside the file, can be asked for anything, and survives being written again.
#include "io/gguf.hpp"

#include <algorithm>
#include <limits>

#include "fuzz/target.hpp"
#include "io/gguf_writer.hpp"
#include "io/memory_file.hpp"

using namespace rorqual;

namespace {

// Every getter on every key: a value, or an Error that names the key.
void ask_for_everything(const io::GgufMetadata& metadata) {
    constexpr auto low = std::numeric_limits<std::int64_t>::min(), high = std::numeric_limits<std::int64_t>::max();
    const auto ask = [](auto&& get) {
        try {
            get();
        } catch (const Error& error) {
            fuzz::promise(error.status() == Status::corrupt);
        }
    };
    for (std::size_t i = 0; i < metadata.size(); ++i) {
        const auto key = metadata[i].key;
        fuzz::promise(metadata.has(key));
        ask([&] { (void)metadata.integer(key, low, high); });
        ask([&] { (void)metadata.number(key, -1e300, 1e300); });
        ask([&] { (void)metadata.boolean_or(key, false); });
        ask([&] { (void)metadata.text(key).size(); });
        ask([&] { (void)metadata.integers(key, low, high); });
        ask([&] { (void)metadata.numbers(key); });
        ask([&] {
            const auto texts = metadata.texts(key);
            std::size_t bytes = 0;
            for (std::size_t t = 0; t < texts.size(); ++t) bytes += texts[t].size();
            fuzz::promise(bytes <= metadata[i].value.size());
        });
    }
}

void write_again(const io::Gguf& gguf) {
    io::GgufHeader header;
    for (std::size_t i = 0; i < gguf.metadata.size(); ++i) header.copy(gguf.metadata[i]);
    for (const auto& tensor : gguf.tensors) {
        if (tensor.name.size() > 64) return;   // read, but not written
        header.tensor(tensor.name, tensor.dtype, tensor.shape);
    }
    auto bytes = header.bytes();
    std::uint64_t data = 0;
    for (const auto& tensor : gguf.tensors) data += (tensor.bytes + 31) / 32 * 32;
    bytes.resize(bytes.size() + static_cast<std::size_t>(data));
    const auto again = io::Gguf::read_header(io::open_memory_file(bytes, "again"));
    fuzz::promise(again.tensors.size() == gguf.tensors.size());
    for (std::size_t i = 0; i < again.tensors.size(); ++i) {
        fuzz::promise(again.tensors[i].name == gguf.tensors[i].name && again.tensors[i].shape == gguf.tensors[i].shape &&
                      again.tensors[i].dtype == gguf.tensors[i].dtype && again.tensors[i].bytes == gguf.tensors[i].bytes);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return fuzz::try_on(data, size, [](std::span<const std::byte> file) {
        const auto gguf = io::Gguf::read_header(io::open_memory_file(file, "input"));
        std::uint64_t end = 0;
        for (const auto& tensor : gguf.tensors) {
            fuzz::promise(tensor.offset >= end && tensor.bytes <= file.size() && tensor.offset <= file.size() - tensor.bytes);
            end = tensor.offset + tensor.bytes;
        }
        ask_for_everything(gguf.metadata);
        write_again(gguf);
    });
}
