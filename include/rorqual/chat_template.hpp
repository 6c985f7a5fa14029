#pragma once

#include <string>

namespace rorqual {

/// A chat template in Jinja, as it comes with a model: Model::chat_template(). Nothing is checked before a Prompt is made of it.
struct ChatTemplate {
    std::string text{};                    ///< empty: there is none
    std::string origin = "chat template";  ///< what errors call it
    std::string tokens{};                  ///< special tokens as templates call them, a JSON object: {"bos_token": "<s>"}; empty: none

    [[nodiscard]] bool empty() const noexcept { return text.empty(); }
};

}  // namespace rorqual
