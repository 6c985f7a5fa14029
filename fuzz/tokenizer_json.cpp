// tokenizer.json: what is accepted encodes any text to ids that it can decode.
#include "rorqual/tokenizer.hpp"

#include <string_view>

#include "fuzz/target.hpp"

using namespace rorqual;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return fuzz::try_on(data, size, [](std::span<const std::byte> file) {
        const auto tokenizer = Tokenizer::from_json({reinterpret_cast<const char*>(file.data()), file.size()}, "input");
        for (const std::string_view text : {"", "a", "Hello, world!  1234567\n\n", "\xE4\xBD\xA0\xE5\xA5\xBD <|user|>"}) {
            for (const AddedTokens added : {AddedTokens::ignore, AddedTokens::recognise}) {
                const auto tokens = tokenizer.encode(text, added);
                for (const Token token : tokens) fuzz::promise(token >= 0 && token < tokenizer.vocab_size());
                (void)tokenizer.decode(tokens);
            }
        }
    });
}
