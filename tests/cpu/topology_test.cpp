#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cpu/topology.hpp"
#include "cpu/workers.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;

namespace {

/// A made-up /proc and /sys.
struct Machine {
    test::TempFolder root;

    void file(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories((root.path() / path).parent_path());
        std::ofstream(root.path() / path) << text;
    }
    void siblings(int cpu, const std::string& list) const {
        file("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list", list + "\n");
    }
    [[nodiscard]] std::size_t cores(const std::vector<int>& cpus) const { return cpu::physical_cores(cpus, root.path()); }
    [[nodiscard]] std::size_t quota() const { return cpu::cpu_quota(root.path()); }
};

}  // namespace

TEST_CASE("two hardware threads of one core count once", "[cpu][topology]") {
    const Machine machine;
    for (const int cpu : {0, 4}) machine.siblings(cpu, "0,4");
    for (const int cpu : {1, 5}) machine.siblings(cpu, "1,5");
    machine.siblings(2, "2");
    CHECK(machine.cores({0, 1, 2, 4, 5}) == 3);
    CHECK(machine.cores({0, 4}) == 1);
    CHECK(machine.cores({4, 5}) == 2);
}

TEST_CASE("processors without topology files count as cores, and there is always one", "[cpu][topology]") {
    const Machine machine;
    CHECK(machine.cores({0, 1, 7}) == 3);
    CHECK(machine.cores({}) == 1);
}

TEST_CASE("a cgroup v2 quota is rounded up, and the tightest group on the way binds", "[cpu][topology]") {
    const Machine machine;
    machine.file("proc/self/cgroup", "0::/app/worker\n");
    CHECK(machine.quota() == 0);
    machine.file("sys/fs/cgroup/app/worker/cpu.max", "max 100000\n");
    CHECK(machine.quota() == 0);
    machine.file("sys/fs/cgroup/app/cpu.max", "250000 100000\n");
    CHECK(machine.quota() == 3);
    machine.file("sys/fs/cgroup/app/worker/cpu.max", "50000 100000\n");
    CHECK(machine.quota() == 1);
}

TEST_CASE("inside a container the quota stands at the root of the mounted hierarchy", "[cpu][topology]") {
    const Machine machine;
    machine.file("proc/self/cgroup", "0::/\n");
    machine.file("sys/fs/cgroup/cpu.max", "400000 100000\n");
    CHECK(machine.quota() == 4);
}

TEST_CASE("a cgroup v1 quota is read, also where the group's path is the host's", "[cpu][topology]") {
    const Machine machine;
    machine.file("proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n");
    machine.file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    machine.file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    CHECK(machine.quota() == 0);
    machine.file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n");
    CHECK(machine.quota() == 2);
    machine.file("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us", "100000\n");
    machine.file("sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us", "100000\n");
    CHECK(machine.quota() == 1);
}

TEST_CASE("nonsense in control group files is no quota", "[cpu][topology][hostile]") {
    const Machine machine;
    for (const std::string line : {"", "0::", "0", "::", "0::/../..", "0::relative"}) {
        machine.file("proc/self/cgroup", line + "\n");
        for (const std::string max : {"", "max", "100000", "0 100000", "100000 0", "-5 100000", "nan 1", "1e30 1", "x y"}) {
            CAPTURE(line, max);
            machine.file("sys/fs/cgroup/cpu.max", max);
            CHECK(machine.quota() == 0);
        }
    }
}

TEST_CASE("this process may use at least one core", "[cpu][topology]") {
    CHECK(cpu::usable_cores() >= 1);
    CHECK(cpu::Workers::pool(0)->count() == cpu::usable_cores());
}
