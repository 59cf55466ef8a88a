//! Spawning from tasks and from a plain thread.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{mpsc, Arc};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::measure::{spin, Load, Memory, Meter, Sample};

const STALL: Duration = Duration::from_micros(10);

pub async fn join_one(load: Load) -> Sample {
    let n = load.count(1_000_000);
    let meter = Meter::start();
    for _ in 0..n {
        tokio::spawn(async {}).await.unwrap();
    }
    meter.ns_per_op(n)
}

pub async fn many_local(load: Load) -> Sample {
    let n = load.count(1_000_000);
    let mut handles = Vec::with_capacity(n);
    let meter = Meter::start();
    for _ in 0..n {
        handles.push(tokio::spawn(async {}));
    }
    for handle in handles.drain(..) {
        handle.await.unwrap();
    }
    meter.ns_per_op(n)
}

fn many_remote(rt: &Runtime, batches: usize, batch: usize) -> Sample {
    let mut handles = Vec::with_capacity(batch);
    let meter = Meter::start();
    for _ in 0..batches {
        for _ in 0..batch {
            handles.push(rt.spawn(async {}));
        }
        rt.block_on(async {
            for handle in handles.drain(..) {
                handle.await.unwrap();
            }
        });
    }
    meter.ns_per_op(batches * batch)
}

pub fn many_remote_idle(rt: &Runtime, load: Load) -> Sample {
    many_remote(rt, load.count(20), 10_000)
}

pub fn many_remote_busy1(rt: &Runtime, load: Load) -> Sample {
    let busy = Arc::new(AtomicBool::new(true));
    let background: Vec<_> = (0..2 * load.workers)
        .map(|_| {
            let busy = busy.clone();
            rt.spawn(async move {
                while busy.load(Relaxed) {
                    tokio::task::yield_now().await;
                    spin(STALL);
                }
            })
        })
        .collect();
    let sample = many_remote(rt, load.count(20), 10_000);
    busy.store(false, Relaxed);
    rt.block_on(async {
        for task in background {
            task.await.unwrap();
        }
    });
    sample
}

/// A task that stalls and spawns its successor. The last one drops `alive`.
fn stalling_chain(busy: Arc<AtomicBool>, alive: mpsc::Sender<()>) {
    if busy.load(Relaxed) {
        tokio::spawn(async move {
            spin(STALL);
            stalling_chain(busy, alive);
        });
    }
}

pub fn many_remote_busy2(rt: &Runtime, load: Load) -> Sample {
    let busy = Arc::new(AtomicBool::new(true));
    let (alive, ended) = mpsc::channel();
    for _ in 0..load.workers {
        let (busy, alive) = (busy.clone(), alive.clone());
        rt.spawn(async move { stalling_chain(busy, alive) });
    }
    drop(alive);
    let sample = many_remote(rt, 1, load.count(1_000));
    busy.store(false, Relaxed);
    // Nothing is ever sent: this waits until every chain has dropped its sender.
    let _ = ended.recv();
    sample
}

fn chain(done: Arc<Notify>, n: usize) {
    if n == 0 {
        done.notify_one();
    } else {
        tokio::spawn(async move { chain(done, n - 1) });
    }
}

pub async fn chained(load: Load) -> Sample {
    let chains = load.count(1_000);
    let done = Arc::new(Notify::new());
    let meter = Meter::start();
    for _ in 0..chains {
        chain(done.clone(), 1_000);
        done.notified().await;
    }
    meter.ns_per_op(chains * 1_000)
}

pub async fn create_parallel(load: Load) -> Sample {
    let length = load.count(1_000_000 / load.workers);
    let done: Vec<_> = (0..load.workers).map(|_| Arc::new(Notify::new())).collect();
    let meter = Meter::start();
    for done in &done {
        chain(done.clone(), length);
    }
    for done in &done {
        done.notified().await;
    }
    meter.ns_per_op(length * load.workers)
}

pub async fn unstarted_bytes(load: Load) -> Sample {
    assert!(load.workers == 1, "other workers would start the tasks");
    let n = load.count(5_000);
    let started = Arc::new(AtomicBool::new(false));
    let mut handles = Vec::with_capacity(n);
    handles.resize_with(n, || None);
    let before = Memory::now();
    let meter = Meter::start();
    for handle in &mut handles {
        let started = started.clone();
        *handle = Some(tokio::spawn(async move { started.store(true, Relaxed) }));
    }
    assert!(!started.load(Relaxed), "a task started too early");
    let sample = meter.sample("bytes/task", 0.0, n);
    let bytes = Memory::now().resident - before.resident;
    for handle in handles {
        handle.unwrap().await.unwrap();
    }
    Sample {
        value: bytes / n as f64,
        ..sample
    }
}
