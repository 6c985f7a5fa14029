#include "cpu/topology.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "cpu/workers.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

namespace rorqual::cpu {
namespace {

namespace fs = std::filesystem;

std::string first_line(const fs::path& file) {
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

/// quota ÷ period in whole processors, rounded up; 0 where the text is "max", -1 or nonsense: no limit.
std::size_t processors(const std::string& quota, const std::string& period) {
    std::istringstream q(quota), p(period);
    double quota_us = 0, period_us = 0;
    if (!(q >> quota_us) || !(p >> period_us) || !(quota_us > 0) || !(period_us > 0)) return 0;
    const double processors = std::ceil(quota_us / period_us);
    return processors < 1e6 ? static_cast<std::size_t>(processors) : 0;
}

std::size_t quota_v2(const fs::path& group) {
    std::istringstream line(first_line(group / "cpu.max"));
    std::string quota, period;
    line >> quota >> period;
    return processors(quota, period);
}

std::size_t quota_v1(const fs::path& group) {
    return processors(first_line(group / "cpu.cfs_quota_us"), first_line(group / "cpu.cfs_period_us"));
}

/// The smallest limit of `group` and the groups around it, up to the mount point `top`: each of them binds.
template <class Quota>
std::size_t smallest_quota(const fs::path& top, const fs::path& group, Quota quota) {
    std::size_t smallest = quota(top);
    fs::path path = top;
    for (const fs::path& part : group.relative_path()) {
        if (part == "..") break;  // a group outside this namespace: its files are not here
        path /= part;
        const std::size_t here = quota(path);
        if (here > 0 && (smallest == 0 || here < smallest)) smallest = here;
    }
    return smallest;
}

bool names_cpu(const std::string& controllers) {
    std::istringstream list(controllers);
    for (std::string controller; std::getline(list, controller, ',');) {
        if (controller == "cpu") return true;
    }
    return false;
}

#if defined(__linux__)
/// The processors of the affinity mask. The kernel refuses masks shorter than its own, so the mask grows until it fits.
std::vector<int> allowed_processors() {
    for (std::size_t count = 1024; count <= 1024 * 1024; count *= 4) {
        std::vector<cpu_set_t> mask(count / CPU_SETSIZE);
        const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
        if (sched_getaffinity(0, bytes, mask.data()) != 0) continue;
        std::vector<int> cpus;
        for (std::size_t i = 0; i < count; ++i) {
            if (CPU_ISSET_S(i, bytes, mask.data())) cpus.push_back(static_cast<int>(i));
        }
        return cpus;
    }
    return {};
}
#endif

std::size_t count_usable_cores() {
    std::size_t cores = 0;
#if defined(__linux__)
    const std::vector<int> cpus = allowed_processors();
    if (!cpus.empty()) cores = physical_cores(cpus, "/");
#endif
    if (cores == 0) cores = std::max<std::size_t>(1, std::thread::hardware_concurrency());
    const std::size_t quota = cpu_quota("/");
    return quota > 0 ? std::min(cores, quota) : cores;
}

}  // namespace

std::size_t physical_cores(std::span<const int> cpus, const fs::path& root) {
    std::set<std::string> cores;  // each core by the list of its SMT siblings
    for (const int cpu : cpus) {
        const std::string id = std::to_string(cpu);
        std::string siblings = first_line(root / "sys/devices/system/cpu" / ("cpu" + id) / "topology/thread_siblings_list");
        cores.insert(siblings.empty() ? "cpu" + id : std::move(siblings));
    }
    return std::max<std::size_t>(1, cores.size());
}

std::size_t cpu_quota(const fs::path& root) {
    // Lines are "hierarchy:controllers:path"; hierarchy 0 without controllers is cgroup v2 (man 7 cgroups).
    std::ifstream groups(root / "proc/self/cgroup");
    std::size_t quota = 0;
    for (std::string line; std::getline(groups, line);) {
        const auto first = line.find(':');
        const auto second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const fs::path path = line.substr(second + 1);
        std::size_t found = 0;
        if (controllers.empty()) found = smallest_quota(root / "sys/fs/cgroup", path, quota_v2);
        if (names_cpu(controllers)) found = smallest_quota(root / "sys/fs/cgroup/cpu", path, quota_v1);
        if (found > 0 && (quota == 0 || found < quota)) quota = found;
    }
    return quota;
}

std::size_t usable_cores() noexcept {
    try {
        return count_usable_cores();
    } catch (...) {  // no memory or no permission to look: as good as unknown
        return 1;
    }
}

}  // namespace rorqual::cpu
