// GGUF models: what opens can be asked for its plan, and its tokenizer encodes any text to ids that it can decode.
#include <string_view>

#include "fuzz/target.hpp"
#include "rorqual/model.hpp"

using namespace rorqual;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return fuzz::try_on(data, size, [](std::span<const std::byte> file) {
        auto source = Source::files();
        source.add_memory("m.gguf", file);
        const auto model = Model::open(source, {.threads = 1});
        fuzz::promise(model->identity().size() == 32);
        fuzz::promise(model->plan().weights_mapped <= model->plan().weights);
        if (!model->has_tokenizer()) return;
        const auto& tokenizer = model->tokenizer();
        for (const std::string_view text : {"", "abc", "Hello, world!  1234567\n\n", "\xE4\xBD\xA0\xE5\xA5\xBD <end>"}) {
            for (const AddedTokens added : {AddedTokens::ignore, AddedTokens::recognise}) {
                (void)tokenizer.decode(tokenizer.encode(text, added));
            }
        }
    });
}
