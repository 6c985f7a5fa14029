# Warnings every target of this project is compiled with.
add_library(rorqual_warnings INTERFACE)
# GCC 12 takes joined strings and byte vectors for overlaps and overflows when it optimises (GCC bugs 105329 and 105651).
set(false_alarms $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict;-Wno-stringop-overflow>)
target_compile_options(rorqual_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow ${false_alarms} $<$<BOOL:${RORQUAL_WERROR}>:-Werror>)
