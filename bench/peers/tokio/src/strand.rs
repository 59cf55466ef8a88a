//! Callbacks for a task that owns what they work on, or for a thread's own event loop.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::{mpsc, Notify};
use tokio::task::{spawn_local, JoinSet, LocalSet};

use crate::measure::{Load, Meter, Sample};

const BATCH: usize = 100;
const SENDERS: usize = 16;

type Callback = Box<dyn FnOnce(&mut usize) + Send>;

pub async fn post(load: Load) -> Sample {
    let rounds = load.count(10_000);
    let (sender, mut callbacks) = mpsc::unbounded_channel::<Callback>();
    let owner = tokio::spawn(async move {
        let mut count = 0;
        while let Some(callback) = callbacks.recv().await {
            callback(&mut count);
        }
        count
    });
    let done = Arc::new(Notify::new());
    let meter = Meter::start();
    for _ in 0..rounds {
        for _ in 0..BATCH {
            let done = done.clone();
            let callback: Callback = Box::new(move |count| {
                *count += 1;
                if *count % BATCH == 0 {
                    done.notify_one();
                }
            });
            sender.send(callback).unwrap_or_else(|_| panic!("no owner"));
        }
        done.notified().await;
    }
    let sample = meter.ns_per_op(BATCH * rounds);
    drop(sender);
    assert_eq!(owner.await.unwrap(), BATCH * rounds);
    sample
}

/// What the owner has: the count of all, and of each sender.
struct Counts {
    all: usize,
    each: [usize; SENDERS],
}

type SenderCallback = Box<dyn FnOnce(&mut Counts) + Send>;

async fn post_batches(sender: mpsc::UnboundedSender<SenderCallback>, number: usize, rounds: usize) {
    let done = Arc::new(Notify::new());
    for _ in 0..rounds {
        for _ in 0..BATCH {
            let done = done.clone();
            let callback: SenderCallback = Box::new(move |counts| {
                counts.all += 1;
                counts.each[number] += 1;
                if counts.each[number] % BATCH == 0 {
                    done.notify_one();
                }
            });
            sender.send(callback).unwrap_or_else(|_| panic!("no owner"));
        }
        done.notified().await;
    }
}

pub async fn fan_in(load: Load) -> Sample {
    let rounds = load.count(1000);
    let ops = SENDERS * BATCH * rounds;
    let (sender, mut callbacks) = mpsc::unbounded_channel::<SenderCallback>();
    let owner = tokio::spawn(async move {
        let mut counts = Counts {
            all: 0,
            each: [0; SENDERS],
        };
        while let Some(callback) = callbacks.recv().await {
            callback(&mut counts);
        }
        counts.all
    });
    let meter = Meter::start();
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        senders.spawn(post_batches(sender.clone(), number, rounds));
    }
    senders.join_all().await;
    let sample = meter.ns_per_op(ops);
    drop(sender);
    assert_eq!(owner.await.unwrap(), ops);
    sample
}

struct Chain {
    left: Cell<usize>,
    done: Notify,
}

fn post_next(chain: Rc<Chain>) {
    chain.left.set(chain.left.get() - 1);
    if chain.left.get() == 0 {
        chain.done.notify_one();
    } else {
        spawn_local(async move { post_next(chain) });
    }
}

/// One runtime for each thread, as a program that wants serial callbacks on all cores has it.
fn run_chain(length: usize, ready: &Barrier, start: &Barrier) {
    let rt = Builder::new_current_thread().build().unwrap();
    let chain = Rc::new(Chain {
        left: Cell::new(length),
        done: Notify::new(),
    });
    ready.wait();
    start.wait();
    LocalSet::new().block_on(&rt, async {
        let first = chain.clone();
        spawn_local(async move { post_next(first) });
        chain.done.notified().await;
    });
}

pub fn chain(load: Load) -> Sample {
    let length = load.count(1_000_000 / load.workers);
    let (ready, start) = (
        Barrier::new(load.workers + 1),
        Barrier::new(load.workers + 1),
    );
    thread::scope(|scope| {
        let threads: Vec<_> = (0..load.workers)
            .map(|_| scope.spawn(|| run_chain(length, &ready, &start)))
            .collect();
        ready.wait();
        let meter = Meter::start();
        start.wait();
        for thread in threads {
            thread.join().unwrap();
        }
        meter.ns_per_op(load.workers * length)
    })
}
