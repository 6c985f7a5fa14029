# Warnings every target of this project is compiled with.
add_library(rorqual_warnings INTERFACE)
target_compile_options(rorqual_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow $<$<BOOL:${RORQUAL_WERROR}>:-Werror>)
