# rq_isa_sources(<target> <isa> <file>...): adds sources compiled for one instruction set of src/cpu/isa.inc, where this
# compiler and processor family have it, and defines RQ_COMPILED_<isa>=1 for the target then. The flags stand here and nowhere else.
# -fno-tree-ter: GCC 12 otherwise reorders kernel expressions and spills (docs/decisions/0002).
# -ffp-contract=off: a multiply and an add are fused only where a kernel says so, so that results do not depend on the compiler.
# -Wno-uninitialized, -Wno-maybe-uninitialized: GCC's own AVX-512 header warns otherwise (GCC bug 105593).
include(CheckCXXCompilerFlag)
set(RQ_KERNEL_FLAGS -O3 -ffp-contract=off $<$<CXX_COMPILER_ID:GNU>:-fno-tree-ter> $<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
set(RQ_ISA_FLAGS_portable "")
set(RQ_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c -mbmi2)
set(RQ_ISA_FLAGS_avx_vnni ${RQ_ISA_FLAGS_avx2} -mavxvnni)
set(RQ_ISA_FLAGS_avx512 ${RQ_ISA_FLAGS_avx2} -mavx512f -mavx512bw -mavx512vl -mavx512dq)
set(RQ_ISA_FLAGS_avx512_vnni ${RQ_ISA_FLAGS_avx512} -mavx512vnni)
set(RQ_ISA_FLAGS_arm_dotprod -march=armv8.2-a+dotprod)
set(RQ_ISA_PROCESSOR_portable ".*")
set(RQ_ISA_PROCESSOR_avx2 "x86_64|AMD64")
set(RQ_ISA_PROCESSOR_avx_vnni "x86_64|AMD64")
set(RQ_ISA_PROCESSOR_avx512 "x86_64|AMD64")
set(RQ_ISA_PROCESSOR_avx512_vnni "x86_64|AMD64")
set(RQ_ISA_PROCESSOR_arm_dotprod "aarch64|arm64|ARM64")

function(rq_isa_sources target isa)
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "${RQ_ISA_PROCESSOR_${isa}}")
    return()
  endif()
  string(JOIN " " flags ${RQ_ISA_FLAGS_${isa}})
  check_cxx_compiler_flag("${flags}" RQ_COMPILER_HAS_${isa})
  if(NOT RQ_COMPILER_HAS_${isa})
    return()
  endif()
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS "${RQ_KERNEL_FLAGS};${RQ_ISA_FLAGS_${isa}}")
  target_sources(${target} PRIVATE ${ARGN})
  target_compile_definitions(${target} PRIVATE RQ_COMPILED_${isa}=1)
endfunction()
