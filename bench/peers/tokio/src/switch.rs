//! Tasks that take turns: yielding, and waking one another.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::measure::{spin, Load, Meter, Sample};

pub async fn yield_many(load: Load) -> Sample {
    let (tasks, yields) = (1_000, load.count(2_000));
    let meter = Meter::start();
    let handles: Vec<_> = (0..tasks)
        .map(|_| {
            tokio::spawn(async move {
                for _ in 0..yields {
                    yield_now().await;
                }
            })
        })
        .collect();
    for handle in handles {
        handle.await.unwrap();
    }
    meter.ns_per_op(tasks * yields)
}

pub async fn yield_alone(load: Load) -> Sample {
    let n = load.count(1_000_000);
    let meter = Meter::start();
    for _ in 0..n {
        yield_now().await;
    }
    meter.ns_per_op(n)
}

/// Passes a token round `tasks` tasks, of which the caller is one.
async fn pass_token(tasks: usize, laps: usize) -> Sample {
    let permits: Arc<Vec<_>> = Arc::new((0..tasks).map(|_| Notify::new()).collect());
    let handles: Vec<_> = (1..tasks)
        .map(|i| {
            let permits = permits.clone();
            tokio::spawn(async move {
                // One lap more than timed: the first one starts the tasks.
                for _ in 0..laps + 1 {
                    permits[i].notified().await;
                    permits[(i + 1) % tasks].notify_one();
                }
            })
        })
        .collect();
    permits[1].notify_one();
    permits[0].notified().await;
    let meter = Meter::start();
    for _ in 0..laps {
        permits[1].notify_one();
        permits[0].notified().await;
    }
    let sample = meter.ns_per_op(laps * if tasks == 2 { 1 } else { tasks });
    for handle in handles {
        handle.await.unwrap();
    }
    sample
}

pub async fn ping_pong(load: Load) -> Sample {
    pass_token(2, load.count(1_000_000)).await
}

pub async fn ring(load: Load) -> Sample {
    pass_token(1_000, load.count(2_000)).await
}

pub async fn wakeup_parallel(load: Load, spin_us: u64) -> Sample {
    const WAITERS: usize = 64;
    let rounds = load.count(if spin_us == 0 {
        8_000
    } else {
        4_000 / spin_us as usize
    });
    let delay = Duration::from_micros(spin_us);
    let permits: Arc<Vec<_>> = Arc::new((0..WAITERS).map(|_| Notify::new()).collect());
    let done = Arc::new(Notify::new());
    let remaining = Arc::new(AtomicUsize::new(0));
    let handles: Vec<_> = (0..WAITERS)
        .map(|i| {
            let (permits, done, remaining) = (permits.clone(), done.clone(), remaining.clone());
            tokio::spawn(async move {
                // One round more than timed: the first one starts the tasks.
                for _ in 0..rounds + 1 {
                    permits[i].notified().await;
                    if !delay.is_zero() {
                        spin(delay);
                    }
                    if remaining.fetch_sub(1, Relaxed) == 1 {
                        done.notify_one();
                    }
                }
            })
        })
        .collect();
    let round = || async {
        remaining.store(WAITERS, Relaxed);
        for permit in permits.iter() {
            permit.notify_one();
        }
        done.notified().await;
    };
    round().await;
    let meter = Meter::start();
    for _ in 0..rounds {
        round().await;
    }
    let sample = meter.ns_per_op(rounds * WAITERS);
    for handle in handles {
        handle.await.unwrap();
    }
    sample
}
