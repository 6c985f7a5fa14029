# Fails if a unit compiled for one instruction set defines a symbol that the linker may merge with one of the same name from
# another unit: the copy it keeps could hold instructions that the machine lacks.
# cmake -DNM=<nm> -DOBJECTS=<object|object|...> -P isa_units.cmake
string(REPLACE "|" ";" objects "${OBJECTS}")
set(looked_at 0)
foreach(object ${objects})
  if(NOT object MATCHES "/x86_[^/]*$")
    continue()
  endif()
  execute_process(COMMAND ${NM} --defined-only ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCH "[^\n]* [WVu] [^\n]*" shared "${symbols}")
  if(shared)
    message(SEND_ERROR "${object} defines a symbol that the linker may merge: ${shared}")
  endif()
  math(EXPR looked_at "${looked_at} + 1")
endforeach()
message(STATUS "looked at ${looked_at} objects")
