# rq_isa_sources(<target> <isa> <file>...): adds sources compiled for one instruction set, where this compiler and
# processor family have it. The flags stand in src/cpu/isa.inc's counterpart below and nowhere else.
# -fno-tree-ter: GCC 12 otherwise reorders kernel expressions and spills (docs/decisions/0002).
# -ffp-contract=off: a multiply and an add are fused only where a kernel says so, so that results do not depend on the compiler.
set(RQ_KERNEL_FLAGS -O3 -ffp-contract=off $<$<CXX_COMPILER_ID:GNU>:-fno-tree-ter>)
set(RQ_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c -mbmi2)
set(RQ_ISA_FLAGS_avx512 ${RQ_ISA_FLAGS_avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq)
set(RQ_ISA_PROCESSOR_avx2 "x86_64|AMD64")
set(RQ_ISA_PROCESSOR_avx512 "x86_64|AMD64")

function(rq_isa_sources target isa)
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "${RQ_ISA_PROCESSOR_${isa}}")
    return()
  endif()
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "${RQ_KERNEL_FLAGS};${RQ_ISA_FLAGS_${isa}}")
  target_sources(${target} PRIVATE ${ARGN})
endfunction()
