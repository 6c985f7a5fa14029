#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace rorqual::cpu {

/// How many physical cores the processors `cpus` lie on, told from sysfs under `root` (".../topology/thread_siblings_list").
/// A processor whose file is missing counts as a core of its own. ≥ 1.
[[nodiscard]] std::size_t physical_cores(std::span<const int> cpus, const std::filesystem::path& root);

/// The CPU quota of this process's control group, or of the groups around it, in processors rounded up; 0 = none.
/// Reads proc/self/cgroup and the cgroup v2 (cpu.max) or v1 (cpu.cfs_quota_us, cpu.cfs_period_us) files under `root`.
[[nodiscard]] std::size_t cpu_quota(const std::filesystem::path& root);

}  // namespace rorqual::cpu
