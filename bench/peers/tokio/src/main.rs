//! `tokio-bench SCENARIO WORKERS [SCALE]`: one warm-up, one measured pass, one line of JSON.
//! `tokio-bench echo_server WORKERS [spin|sleep HOGS]`: serves until it is killed.

mod channel;
mod echo;
mod measure;
mod skynet;
mod spawn;
mod strand;
mod switch;
mod timer;

use std::future::Future;

use tokio::runtime::{Builder, Runtime};

use measure::{Load, Sample};

/// Runs `future` as a task on a worker: block_on() alone polls it on the calling thread.
fn on_worker<F>(rt: &Runtime, future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    rt.block_on(rt.spawn(future)).unwrap()
}

fn run_pass(rt: &Runtime, scenario: &str, load: Load) -> Option<Sample> {
    Some(match scenario {
        "spawn_join_one" => on_worker(rt, spawn::join_one(load)),
        "spawn_many_local" => on_worker(rt, spawn::many_local(load)),
        "spawn_many_remote_idle" => spawn::many_remote_idle(rt, load),
        "spawn_many_remote_busy1" => spawn::many_remote_busy1(rt, load),
        "spawn_many_remote_busy2" => spawn::many_remote_busy2(rt, load),
        "chained_spawn" => on_worker(rt, spawn::chained(load)),
        "create_tasks_parallel" => on_worker(rt, spawn::create_parallel(load)),
        "unstarted_bytes" => on_worker(rt, spawn::unstarted_bytes(load)),
        "yield_many" => on_worker(rt, switch::yield_many(load)),
        "yield_alone" => on_worker(rt, switch::yield_alone(load)),
        "ping_pong" => on_worker(rt, switch::ping_pong(load)),
        "ring" => on_worker(rt, switch::ring(load)),
        "chan_uncontended" => on_worker(rt, channel::uncontended(load)),
        "chan_ping_pong" => on_worker(rt, channel::ping_pong(load)),
        "chan_prod_cons_128" => on_worker(rt, channel::fan_in(load, 1, 5_000_000)),
        "chan_fan_in" => on_worker(rt, channel::fan_in(load, 16, 2_400_000)),
        "chan_fan_out" => on_worker(rt, channel::fan_out(load)),
        "future_one_shot" => on_worker(rt, channel::future_one_shot(load)),
        "select_uncontended" => on_worker(rt, channel::select_uncontended(load)),
        "select_prod_cons" => on_worker(rt, channel::select_prod_cons(load)),
        "mutex_uncontended" => on_worker(rt, channel::mutex_uncontended(load)),
        "mutex_16" => on_worker(rt, channel::mutex_16(load)),
        "wakeup_parallel_0" => on_worker(rt, switch::wakeup_parallel(load, 0)),
        "wakeup_parallel_1" => on_worker(rt, switch::wakeup_parallel(load, 1)),
        "wakeup_parallel_5" => on_worker(rt, switch::wakeup_parallel(load, 5)),
        "wakeup_parallel_10" => on_worker(rt, switch::wakeup_parallel(load, 10)),
        "skynet" => on_worker(rt, skynet::skynet(load)),
        "strand_post" => on_worker(rt, strand::post(load)),
        "strand_fan_in" => on_worker(rt, strand::fan_in(load)),
        "strand_chain" => strand::chain(load),
        "sleep_100k" => on_worker(rt, timer::sleep_100k(load)),
        "asleep_1m" => on_worker(rt, timer::asleep_1m(load)),
        "timer_latency" => on_worker(rt, timer::latency(load)),
        _ => return None,
    })
}

fn print_sample(scenario: &str, workers: usize, sample: &Sample) {
    let extra: Vec<_> = sample
        .extra
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value:.3}"))
        .collect();
    println!(
        "{{\"scenario\":\"{scenario}\",\"impl\":\"tokio\",\"workers\":{workers},\
         \"unit\":\"{}\",\"better\":\"lower\",\"value\":{:.3},\"cpu_ns_per_op\":{:.3},\
         \"extra\":{{{}}}}}",
        sample.unit,
        sample.value,
        sample.cpu_ns_per_op,
        extra.join(",")
    );
}

/// These measure fresh memory, so a pass before would spoil them.
fn wants_warm_up(scenario: &str) -> bool {
    !matches!(scenario, "asleep_1m" | "unstarted_bytes")
}

fn main() {
    let args: Vec<_> = std::env::args().collect();
    let workers = args.get(2).and_then(|a| a.parse().ok()).unwrap_or(0);
    let is_server = args.get(1).is_some_and(|a| a == "echo_server");
    let scale = match args.get(3) {
        Some(text) if !is_server => text.parse().ok(),
        _ => Some(1.0),
    };
    let (Some(scale), 1..) = (scale, workers) else {
        eprintln!("usage: tokio-bench SCENARIO WORKERS [SCALE]");
        std::process::exit(2);
    };
    let scenario = args[1].as_str();
    let rt = Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap();
    if is_server {
        on_worker(&rt, echo::run(args[3..].to_vec())).unwrap();
        return;
    }
    let load = Load { workers, scale };
    if wants_warm_up(scenario) {
        run_pass(&rt, scenario, load);
    }
    let Some(sample) = run_pass(&rt, scenario, load) else {
        eprintln!("tokio-bench: no scenario {scenario}");
        std::process::exit(2);
    };
    print_sample(scenario, workers, &sample);
    // Not by dropping the runtime: asleep_1m leaves a million tasks behind.
    std::process::exit(0);
}
