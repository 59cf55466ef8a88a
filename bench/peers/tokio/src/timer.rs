//! Sleeping: many at once, and punctually.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::measure::{spin, Load, Memory, Meter, Sample};

pub async fn sleep_100k(load: Load) -> Sample {
    let n = load.count(100_000);
    let mut handles = Vec::with_capacity(n);
    let meter = Meter::start();
    for i in 0..n as u64 {
        let duration = Duration::from_millis(i * 7919 % 100 + 1);
        handles.push(tokio::spawn(sleep(duration)));
    }
    for handle in handles {
        handle.await.unwrap();
    }
    meter.millis(n)
}

/// The tasks still sleep when this returns: the process has to end.
pub async fn asleep_1m(load: Load) -> Sample {
    const DURATION: Duration = Duration::from_secs(60);
    let n = load.count(1_000_000);
    let remaining = Arc::new(AtomicUsize::new(n));
    let all_asleep = Arc::new(Notify::new());
    let before = Memory::now();
    let start = Instant::now();
    let meter = Meter::start();
    for _ in 0..n {
        let (remaining, all_asleep) = (remaining.clone(), all_asleep.clone());
        tokio::spawn(async move {
            if remaining.fetch_sub(1, Relaxed) == 1 {
                all_asleep.notify_one();
            }
            sleep(DURATION).await;
        });
    }
    all_asleep.notified().await;
    let sample = meter.millis(n);
    sleep(Duration::from_millis(50)).await;
    let after = Memory::now();
    assert!(
        start.elapsed() < DURATION,
        "the first tasks woke up already"
    );
    let per_task = |bytes: f64| bytes / n as f64;
    sample
        .with("bytes_per_task", per_task(after.resident - before.resident))
        .with(
            "page_table_bytes_per_task",
            per_task(after.page_tables - before.page_tables),
        )
}

pub async fn latency(load: Load) -> Sample {
    const SLEEPERS: usize = 10;
    const NAP: Duration = Duration::from_millis(1);
    const STALL: Duration = Duration::from_micros(50);
    let naps = load.count(200);
    let busy = Arc::new(AtomicBool::new(true));
    let meter = Meter::start();
    let stallers: Vec<_> = (0..load.workers)
        .map(|_| {
            let busy = busy.clone();
            tokio::spawn(async move {
                while busy.load(Relaxed) {
                    spin(STALL);
                    yield_now().await;
                }
            })
        })
        .collect();
    let sleepers: Vec<_> = (0..SLEEPERS)
        .map(|_| {
            tokio::spawn(async move {
                let mut late = Vec::with_capacity(naps);
                for _ in 0..naps {
                    let due = Instant::now() + NAP;
                    sleep(NAP).await;
                    late.push(Instant::now().saturating_duration_since(due).as_nanos() as f64);
                }
                late
            })
        })
        .collect();
    let mut late = Vec::new();
    for sleeper in sleepers {
        late.append(&mut sleeper.await.unwrap());
    }
    busy.store(false, Relaxed);
    for staller in stallers {
        staller.await.unwrap();
    }
    late.sort_by(f64::total_cmp);
    let percentile = |p: usize| late[(late.len() - 1) * p / 100] / 1e3;
    meter
        .sample("us", percentile(99), late.len())
        .with("p50_us", percentile(50))
}
