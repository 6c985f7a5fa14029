#include "rorqual/dtype.hpp"
#include "rorqual/error.hpp"
#include "rorqual/rorqual.h"

uint32_t rq_version(void) { return RQ_VERSION; }

const char* rq_status_name(int32_t status) {
    if (status < RQ_OK || status > RQ_ERR_INTERNAL) return "unknown";
    return rorqual::name(static_cast<rorqual::Status>(status));
}

static_assert(RQ_DTYPE_TQ2_0 == static_cast<int32_t>(rorqual::DType::tq2_0));  // the last of both lists

const char* rq_dtype_name(int32_t dtype) {
    if (dtype < RQ_DTYPE_F32 || dtype > RQ_DTYPE_TQ2_0) return "unknown";
    return rorqual::name(static_cast<rorqual::DType>(dtype)).data();  // the names are literals: a zero follows each
}
