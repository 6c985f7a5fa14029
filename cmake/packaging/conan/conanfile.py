"""Builds the checkout it lies in: `conan create cmake/packaging/conan`."""

import os

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy
from conan.tools.gnu import PkgConfigDeps


class Rorqual(ConanFile):
    name = "rorqual"
    version = "0.1.0"
    description = "Embeddable inference for DeepSeek-family models"
    license = "MIT"
    package_type = "shared-library"
    settings = "os", "arch", "compiler", "build_type"
    requires = "eigen/[>=3.3 <4]", "nlohmann_json/[>=3.9 <4]", "pcre2/[>=10 <11]", "utf8proc/[>=2 <3]", "xxhash/[>=0.8 <1]"

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "../../..")
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "src/*", "capi/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for option in ("TESTS", "EXAMPLES", "WERROR", "ONEDNN"):
            toolchain.cache_variables[f"RORQUAL_{option}"] = False
        toolchain.generate()
        CMakeDeps(self).generate()
        PkgConfigDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_info(self):
        self.cpp_info.libs = ["rorqual"]
        self.cpp_info.set_property("cmake_file_name", "rorqual")
        self.cpp_info.set_property("cmake_target_name", "rorqual::rorqual")
        self.cpp_info.set_property("pkg_config_name", "rorqual")
