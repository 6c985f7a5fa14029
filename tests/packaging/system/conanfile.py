"""Stands for a package that the recipe of Rorqual requires: the one that the system has. `conan export system --name N --version V`."""

from conan import ConanFile

# name: what CMake and pkg-config call it, and its library where it has one.
PACKAGES = {
    "eigen": {"cmake": ("Eigen3", "Eigen3::Eigen"), "include": "/usr/include/eigen3"},
    "nlohmann_json": {"cmake": ("nlohmann_json", "nlohmann_json::nlohmann_json")},
    "pcre2": {"pkg_config": "libpcre2-8", "library": "pcre2-8"},
    "utf8proc": {"pkg_config": "libutf8proc", "library": "utf8proc"},
    "xxhash": {"pkg_config": "libxxhash", "library": "xxhash"},
}


class System(ConanFile):
    package_type = "unknown"

    def package_info(self):
        package = PACKAGES[self.name]
        self.cpp_info.libdirs = []
        self.cpp_info.includedirs = [package["include"]] if "include" in package else []
        if "library" in package:
            self.cpp_info.system_libs = [package["library"]]
        if "pkg_config" in package:
            self.cpp_info.set_property("pkg_config_name", package["pkg_config"])
        if "cmake" in package:
            self.cpp_info.set_property("cmake_file_name", package["cmake"][0])
            self.cpp_info.set_property("cmake_target_name", package["cmake"][1])
