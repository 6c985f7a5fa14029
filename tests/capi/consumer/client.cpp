// The C++ API of an installed Rorqual: the same as ../client.c.
#include <cstdlib>
#include <iostream>
#include <rorqual/rorqual.hpp>

int main(int argc, char** argv) {
    if (argc != 4) return 100;
    try {
        const auto model = rorqual::Model::open(rorqual::Source::path(argv[1]));
        auto session = model->session();
        session.append(model->encode_prompt(argv[2]));
        rorqual::GenerateOptions options;
        options.limit = std::strtoul(argv[3], nullptr, 10);
        auto generation = session.generate(options);
        while (const auto piece = generation.next()) std::cout << piece->text;
    } catch (const rorqual::Error& error) {
        std::cerr << error.what() << '\n';
        return static_cast<int>(error.status());
    }
}
