"""What is run, which figures each run gives, and what weft should reach.

bench/README.md specifies the work of each scenario."""

from dataclasses import dataclass

RUNTIMES = ("weft", "go", "tokio")
PEERS = ("go", "tokio")
# An event loop has one thread: it is run with one worker, and no target is held against it.
LOOP = ("asyncio",)


@dataclass(frozen=True)
class Target:
    """A bound on weft / best peer, or on weft's own figure."""

    limit: float
    kind: str = "ratio"  # or "absolute"


@dataclass(frozen=True)
class Figure:
    """One row of the results, taken from a scenario's runs.

    `key` names the number in a run's record; the row's ratio is weft's figure
    divided by the best figure of the implementations in `against`."""

    row: str
    key: str = "value"
    unit: str = ""  # empty: the run says
    better: str = "lower"
    target: Target | None = None
    against: tuple[str, ...] = PEERS
    workers_matter: bool = True  # False: no question whether a second one helps


@dataclass(frozen=True)
class Scenario:
    name: str
    figures: tuple[Figure, ...]
    implementations: tuple[str, ...] = RUNTIMES
    one_worker_only: bool = False
    memory_gib: float = 0  # free memory that the scenario needs at scale 1
    connections: int = 0  # of the echo scenarios
    message_size: int = 0
    hogs: tuple[str, ...] = ()  # what the server is told of them
    measured_ms: int = 700

    @property
    def is_echo(self):
        return self.connections > 0


def micro(name, ratio=None, absolute=None, **options):
    target = None
    if ratio is not None:
        target = Target(ratio)
    elif absolute is not None:
        target = Target(absolute, "absolute")
    return Scenario(name, (Figure(name, target=target),), **options)


def echo(name, connections, size, has_target):
    return Scenario(
        name,
        (
            Figure(name, "requests_per_s", "req/s", "higher", Target(1) if has_target else None),
            Figure(
                name + "_per_cpu",
                "requests_per_cpu_s",
                "req/cpu-s",
                "higher",
                Target(0.95) if has_target else None,
                against=("epoll",),
            ),
            Figure(name + "_p99", "p99_us", "us"),
        ),
        implementations=RUNTIMES + ("epoll",),
        connections=connections,
        message_size=size,
    )


def echo_beside(name, kind):
    """Five tasks that hold a worker each for 50 ms, then sleep for 5."""
    return Scenario(
        name,
        (
            Figure(name, "requests_per_s", "req/s", "higher"),
            Figure(name + "_p99", "p99_us", "us", target=Target(1)),
        ),
        connections=10,
        message_size=64,
        hogs=(kind, "5"),
        measured_ms=3000,
    )


SCENARIOS = (
    micro("spawn_join_one", ratio=0.25),
    micro("spawn_many_local", ratio=0.25),
    micro("spawn_many_remote_idle"),
    micro("spawn_many_remote_busy1"),
    micro("spawn_many_remote_busy2"),
    micro("chained_spawn"),
    micro("create_tasks_parallel"),
    micro("yield_many", ratio=0.25),
    micro("yield_alone", ratio=0.2),
    micro("ping_pong", ratio=0.25),
    micro("ring", ratio=0.25),
    micro("skynet", ratio=0.2),
    micro("chan_uncontended", ratio=0.5),
    micro("chan_ping_pong", ratio=0.25),
    micro("chan_sync", implementations=("weft", "go")),
    micro("chan_prod_cons_128", ratio=0.5),
    micro("chan_fan_in", ratio=0.5, implementations=RUNTIMES + LOOP),
    micro("chan_fan_out", ratio=0.5, implementations=RUNTIMES + LOOP),
    micro("future_one_shot", implementations=RUNTIMES + LOOP),
    micro("select_uncontended"),
    micro("select_prod_cons"),
    micro("mutex_uncontended"),
    micro("mutex_16"),
    micro("wakeup_parallel_0"),
    micro("wakeup_parallel_1"),
    micro("wakeup_parallel_5"),
    micro("wakeup_parallel_10"),
    micro("strand_post", ratio=1, implementations=("weft", "tokio") + LOOP),
    micro("strand_fan_in", ratio=1, implementations=("weft", "tokio") + LOOP),
    micro("strand_chain", ratio=1, implementations=("weft", "tokio") + LOOP),
    micro("sleep_100k", absolute=105),
    micro("virtual_spawn_join_one", implementations=("weft",)),
    micro("pthread_create_join_one", implementations=("weft",)),
    micro("virtual_yield_many", implementations=("weft",)),
    micro("virtual_yield_two", implementations=("weft",)),
    micro("light_yield_two", implementations=("weft",)),
    micro("array_index", implementations=("weft",)),
    micro("local_get", implementations=("weft",)),
    micro("specific_get", implementations=("weft",)),
    micro("local_set", implementations=("weft",)),
    micro("spawn_join_one_inheriting", implementations=("weft",)),
    micro("scope_enter_leave", implementations=("weft",)),
    micro("scope_join_one", implementations=("weft",)),
    micro("group_spawn", implementations=("weft",)),
    micro("group_cancel", implementations=("weft",)),
    Scenario(
        "timer_latency",
        (
            Figure("timer_latency_p50", "p50_us"),
            Figure("timer_latency_p99"),
        ),
    ),
    Scenario(
        "asleep_1m",
        (
            Figure("asleep_1m", target=Target(1), against=("go",)),
            Figure(
                "asleep_1m_bytes",
                "bytes_per_task",
                "bytes/task",
                target=Target(4.5 * 1024, "absolute"),
                workers_matter=False,
            ),
            Figure(
                "asleep_1m_page_tables",
                "page_table_bytes_per_task",
                "bytes/task",
                workers_matter=False,
            ),
        ),
        memory_gib=8,
    ),
    micro("unstarted_bytes", absolute=256, one_worker_only=True),
    echo("echo_1", 1, 64, True),
    echo("echo_100", 100, 64, True),
    echo("echo_1000", 1000, 64, True),
    echo("echo_1k", 100, 1024, False),
    echo("echo_10k", 100, 10 * 1024, False),
    echo("echo_100k", 100, 100 * 1024, False),
    echo_beside("echo_beside_spin", "spin"),
    echo_beside("echo_beside_sleep", "sleep"),
)
