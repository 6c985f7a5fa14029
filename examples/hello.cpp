// Loads a model, continues a prompt, prints the text as it is written.   hello MODEL [PROMPT]
#include <exception>
#include <iostream>
#include <string>

#include "rorqual/rorqual.hpp"

int main(int argc, char** argv) {
    if (argc < 2) {
        std::cerr << "usage: " << argv[0] << " MODEL [PROMPT]\n";
        return 2;
    }
    const std::string prompt = argc > 2 ? argv[2] : "Once upon a time";
    try {
        const auto model = rorqual::Model::open(rorqual::Source::path(argv[1]));
        auto session = model->session();
        session.sync(model->encode_prompt(prompt));
        std::cout << prompt << std::flush;
        auto generation = session.generate({.limit = 40});
        while (const auto piece = generation.next()) std::cout << piece->text << std::flush;
        std::cout << '\n';
    } catch (const std::exception& error) {
        std::cerr << "hello: " << error.what() << '\n';
        return 1;
    }
}
