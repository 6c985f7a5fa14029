#pragma once

/// The whole C++ API. `ops.hpp`, `mla.hpp` and `moe.hpp` work on plain arrays; the rest is the engine, in the order in which
/// things are made: Source → Model → Session → Generation.

#include "rorqual/completion.hpp"
#include "rorqual/convert.hpp"
#include "rorqual/dtype.hpp"
#include "rorqual/error.hpp"
#include "rorqual/executor.hpp"
#include "rorqual/grammar.hpp"
#include "rorqual/mla.hpp"
#include "rorqual/model.hpp"
#include "rorqual/moe.hpp"
#include "rorqual/ops.hpp"
#include "rorqual/prompt.hpp"
#include "rorqual/sampler.hpp"
#include "rorqual/session.hpp"
#include "rorqual/source.hpp"
#include "rorqual/tensor.hpp"
#include "rorqual/tokenizer.hpp"
