# Asks a test program for its test cases and writes them to FILE as ctest's tests, so that each is run, timed and reported by
# itself. Catch2's own script splits names at semicolons and unbalanced brackets; here any sentence is a name.
#   PROGRAM  the test program    PREFIX  put before each name    LABEL  of all its tests, or empty    FILE  to be written
#   EMULATOR what runs it, with arguments, where it was compiled for another processor; or empty
execute_process(COMMAND ${EMULATOR} "${PROGRAM}" --list-test-names-only OUTPUT_VARIABLE names)
if(names STREQUAL "")
  message(FATAL_ERROR "${PROGRAM} lists no tests")
endif()

# What a CMake list would trip over is set aside while the lines are separated.
string(REPLACE ";" "@semicolon@" names "${names}")
string(REPLACE "[" "@open@" names "${names}")
string(REPLACE "]" "@close@" names "${names}")
string(REPLACE "\n" ";" names "${names}")
set(script "")
set(emulator "")
foreach(word ${EMULATOR})
  string(APPEND emulator "[==[${word}]==] ")
endforeach()
foreach(name ${names})
  string(REPLACE "@open@" "[" name "${name}")
  string(REPLACE "@close@" "]" name "${name}")
  string(REPLACE "@semicolon@" "\;" name "${name}")
  string(REGEX REPLACE "([],[\"\\])" "\\\\\\1" filter "${name}")   # what Catch2's filters would read as something else
  set(test "[==[${PREFIX}: ${name}]==]")
  # NoTests: a filter that matches nothing fails instead of passing.
  string(APPEND script "add_test(${test} ${emulator}[==[${PROGRAM}]==] [==[${filter}]==] --warn NoTests)\n")
  if(LABEL)
    string(APPEND script "set_tests_properties(${test} PROPERTIES LABELS ${LABEL})\n")
  endif()
endforeach()
string(REPLACE "\\;" ";" script "${script}")
file(WRITE "${FILE}" "${script}")
